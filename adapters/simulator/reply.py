"""What goes back over the wire, and how: the frames, their timing and their end."""

from __future__ import annotations

from typing import Any, Literal

import orjson
from msgspec import Struct

from adapters.simulator.scenario import Chunking

Ending = Literal["end", "cut", "reset", "stall", "half_close"]
JSON = ("content-type", "application/json; charset=UTF-8")
HTML = ("content-type", "text/html; charset=UTF-8")


class Reply(Struct, frozen=True):
    """One HTTP answer and the way it is delivered.

    Shape: a reply that is not `streamed` has a Content-Length; otherwise each frame is a write of its own.
    `pause` comes before frame number `pause_at`, and for 0 before the head. `ending` says what follows the last frame:
    a clean end, a FIN without one (cut), an RST, silence, or a half-closed socket.
    Units: seconds.
    """

    status: int
    headers: list[tuple[str, str]]
    frames: list[bytes]
    streamed: bool = False
    latency: float = 0.0
    cadence: float = 0.0
    pause: float = 0.0
    pause_at: int = 0
    chunking: Chunking = Chunking()
    ending: Ending = "end"
    length: int | None = None

    @property
    def full_length(self) -> int:
        """What Content-Length declares: more than is sent where the answer was cut short."""
        return sum(map(len, self.frames)) if self.length is None else self.length

    @property
    def silent(self) -> bool:
        """Whether nothing is sent at all, not even the head."""
        return not self.frames and self.ending in ("reset", "stall")


def json_reply(body: Any, status: int = 200, latency: float = 0.0) -> Reply:
    """A unary JSON answer, indented like Google's."""
    frame = orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"
    return Reply(status, [JSON], [frame], latency=latency)


def redirect(location: str) -> Reply:
    """A 302 to another page."""
    return Reply(302, [("location", location)], [b""])
