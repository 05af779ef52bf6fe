"""Ids of function calls: upstream's own where every client can carry it, else one of ours that never goes upstream.

Shape: `[A-Za-z0-9_-]`, at most 40 characters: what every client, and every other protocol, keeps unharmed.
"""

from __future__ import annotations

import re
from secrets import token_hex

_MINTED = "call_pollux_"
_LEGAL = re.compile(r"[A-Za-z0-9_-]{1,40}")


def mint() -> str:
    """Return a new id."""
    return _MINTED + token_hex(12)


def portable(own: str | None, taken: set[str]) -> str:
    """Return an id for the caller, unique in this answer: upstream's own if it can be."""
    found = own if own and own not in taken and _LEGAL.fullmatch(own) else mint()
    taken.add(found)
    return found


def upstream(known: str | None) -> str | None:
    """Return the id to show upstream, or None where upstream never gave one."""
    return known if known and _LEGAL.fullmatch(known) and not known.startswith(_MINTED) else None
