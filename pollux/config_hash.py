"""Tells configurations apart by a short hash, so that replicas can be seen to run the same one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from pollux.settings import Section

if TYPE_CHECKING:
    from pollux.config import Loaded

_LENGTH = 12


def config_hash(loaded: Loaded) -> str:
    """Return the hash of everything that is configured, secrets excepted: a hash of one is a way to guess it."""
    stages = {name: [(each.name, each) for each in stages] for name, stages in loaded.pipelines.items()}
    said = [_open(loaded.settings), stages, loaded.routes, loaded.tables]
    return hashlib.sha256(msgspec.json.encode(said, enc_hook=str, order="deterministic")).hexdigest()[:_LENGTH]


def _open(section: Section) -> dict[str, Any]:
    values = msgspec.structs.asdict(section)
    return {
        name: _open(value) if isinstance(value, Section) else value
        for name, value in values.items()
        if name not in section.secrets
    }
