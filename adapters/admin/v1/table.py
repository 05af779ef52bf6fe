"""All operations of the console's API."""

from __future__ import annotations

from msgspec.structs import replace

from adapters.admin.operation import Operation
from adapters.admin.v1 import (
    config,
    contribute,
    costs,
    credentials,
    jobs,
    keys,
    logs,
    oauth,
    overview,
    session,
    usage,
)

BASE = "/api/v1"

_OF_THE_CONSOLE = (session, overview, credentials, oauth, keys, costs, config, usage, jobs, logs)

OPERATIONS: tuple[Operation, ...] = (
    *(replace(each, path=BASE + each.path) for module in _OF_THE_CONSOLE for each in module.OPERATIONS),
    *contribute.OPERATIONS,
)
