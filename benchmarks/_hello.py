"""A bare hypercorn that says hello, once or as a stream: what the server costs before Pollux does anything."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config

EVENTS, CADENCE = 50, 0.010
_EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"lorem ipsum dolor sit amet"},"finish_reason":null}]}\n\n'
_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"11")]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything with the same eleven bytes."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/stream":
        await stream(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"hello world"})


async def stream(receive: Any, send: Any) -> None:
    """Send as many events as a benchmark's upstream does, at its pace, out of nothing."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(EVENTS):
        await send({"type": "http.response.body", "body": _EVENT, "more_body": True})
        due += CADENCE
        await asyncio.sleep(due - loop.time())
    await send({"type": "http.response.body", "body": b""})


def _config() -> Config:
    config = Config()
    config.bind = [f"127.0.0.1:{sys.argv[1]}"]
    config.accesslog = config.errorlog = None
    return config


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(hello, _config()))
