"""Function names that Google takes, and the way back to the caller's own.

Source: generativelanguage v1beta, FunctionDeclaration.name; 64 is the limit of the older models.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2s

LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")

_ILLEGAL = re.compile(r"[^A-Za-z0-9_.:-]")
_LONGEST = 64


class Names:
    """The function names of one request, both ways.

    Shape: the same names declared give the same names upstream on every turn, so that a conversation stays one.
    """

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self.back: dict[str, str] = {}
        names = list(declared)
        # Legal names first: none of them may be taken by what another one becomes.
        for name in sorted(names, key=lambda name: not LEGAL.fullmatch(name)):
            self.upstream(name)

    def upstream(self, name: str) -> str:
        """Return the name to use towards Google."""
        candidate = name if LEGAL.fullmatch(name) else _plain(name)
        if self.back.setdefault(candidate, name) != name:
            candidate = _marked(name)
            self.back[candidate] = name
        return candidate

    def renamed(self) -> dict[str, str]:
        """Return caller's names by upstream's, of those that differ."""
        return {upstream: name for upstream, name in self.back.items() if upstream != name}


def _plain(name: str) -> str:
    """The name with what is illegal replaced; marked where nothing readable is left."""
    replaced = _replaced(name)
    readable = len(replaced) <= _LONGEST and replaced.strip("_.:-") != ""
    return replaced if readable else _marked(name)


def _marked(name: str) -> str:
    """The name cut short and told apart from others by a digest."""
    digest = blake2s(name.encode(), digest_size=4).hexdigest()
    return f"{_replaced(name)[: _LONGEST - 9]}_{digest}"


def _replaced(name: str) -> str:
    replaced = _ILLEGAL.sub("_", name)
    return replaced if LEGAL.match(replaced) else f"_{replaced}"
