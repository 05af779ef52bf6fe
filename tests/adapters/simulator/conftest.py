"""A simulator per test, and the plainest client there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NamedTuple

import httpcore
import orjson
import pytest

from adapters.simulator import Simulator


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def events(self) -> list[Any]:
        return [orjson.loads(line[6:]) for line in self.body.split(b"\r\n") if line.startswith(b"data: ")]


Call = Callable[..., Awaitable[Answer]]


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with Simulator() as simulator:
        yield simulator


@pytest.fixture
async def call(sim: Simulator) -> AsyncIterator[Call]:
    """`await call("/path", {...}, key=..., bearer=..., form={...})`: POST with a body, GET without."""
    async with httpcore.AsyncConnectionPool() as pool:

        async def send(
            path: str, body: Any = None, *, key: str = "", bearer: str = "", method: str = "", **headers: str
        ) -> Answer:
            if key:
                headers["x-goog-api-key"] = key
            if bearer:
                headers["authorization"] = f"Bearer {bearer}"
            content = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else None
            verb = method or ("GET" if content is None else "POST")
            sent = list(headers.items())
            response = await pool.request(verb, sim.url + path, headers=sent, content=content)
            received = {name.decode().lower(): value.decode() for name, value in response.headers}
            return Answer(response.status, received, response.content)

        yield send
