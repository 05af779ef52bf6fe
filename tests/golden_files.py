"""Golden cases of the dialects: what a caller sent, what upstream must be asked, what it said, what the caller gets.

Shape: `tests/golden/<dialect>/<case>/` holds `request.json` and `events.sse` (written by hand), `upstream.json` and
    `reply.sse` or `reply.json` (rewritten with `--update-golden`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"

# What differs from run to run, and how it is written in a golden file.
_PASSING = (
    (re.compile(rb'("(?:created|created_at|expires_at)": ?)\d+'), rb"\g<1>0"),
    (re.compile(rb"(call_pollux|audio)_[0-9a-f]{24}"), rb"\1_0"),
)


class Case:
    """One golden case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def request(self) -> bytes:
        return (self.folder / "request.json").read_bytes()

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "events.sse").read_text(encoding="utf-8").split("\n")
        return [json.loads(line.removeprefix("data: ")) for line in lines if line]

    def check_payload(self, payload: Any, update: bool) -> None:
        """Compare what upstream would be sent."""
        text = json.dumps(payload, indent=2, ensure_ascii=False) + "\n"
        self._check("upstream.json", text.encode(), update)

    def check_reply(self, reply: bytes, update: bool) -> None:
        """Compare what the caller would get; a single document is laid out for reading."""
        for found, standing in _PASSING:
            reply = found.sub(standing, reply)
        if reply.startswith(b"{"):
            text = json.dumps(json.loads(reply), indent=2, ensure_ascii=False) + "\n"
            self._check("reply.json", text.encode(), update)
        else:
            self._check("reply.sse", reply, update)

    def _check(self, name: str, found: bytes, update: bool) -> None:
        path = self.folder / name
        if update:
            path.write_bytes(found)
        assert found.decode() == path.read_bytes().decode(), f"{path}: pytest --update-golden rewrites it"


def cases(dialect: str) -> list[Case]:
    """The cases of a dialect, by name."""
    return [Case(folder) for folder in sorted((GOLDEN / dialect).iterdir()) if folder.is_dir()]
