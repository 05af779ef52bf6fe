"""All operations kept for scripts of the systems replaced."""

from __future__ import annotations

from msgspec.structs import replace

from adapters.admin.operation import Operation
from adapters.admin.seed import admin, auth, config, costs, credentials, environment, keys, logs, oauth, usage

_MODULES = (auth, oauth, credentials, environment, keys, costs, config, usage, logs, admin)

OPERATIONS: tuple[Operation, ...] = tuple(replace(each, seed=True) for module in _MODULES for each in module.OPERATIONS)
