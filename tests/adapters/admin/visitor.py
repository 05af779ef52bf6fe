"""Somebody who talks to the admin API of a proxy, over a real connection."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpcore
from msgspec import Struct

from tests.proxy import CODE_ASSIST, KEY, Running, pollux

PANEL = "test-panel-password"


class Answer(Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """Asks with the panel password, unless told to ask with something else."""

    def __init__(self, http: httpcore.AsyncConnectionPool, running: Running) -> None:
        self._http = http
        self.running = running

    async def ask(
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        sent = {"authorization": f"Bearer {PANEL}"} if headers is None else headers
        if document is not None:
            body = json.dumps(document).encode()
        answer = await self._http.request(
            method,
            self.running.url + path if path.startswith("/") else path,
            headers=[(name.encode(), value.encode()) for name, value in sent.items()],
            content=body,
        )
        got = {name.decode().lower(): value.decode("latin-1") for name, value in answer.headers}
        return Answer(answer.status, got, answer.content)

    async def chat(self, key: str = KEY, model: str = "gemini-2.5-flash") -> Answer:
        """Ask as a caller does."""
        document = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        return await self.ask("POST", "/v1/chat/completions", document, headers={"authorization": f"Bearer {key}"})

    async def session(self) -> dict[str, str]:
        """Log in; return the headers of a browser that has the cookie."""
        answer = await self.ask("POST", "/api/v1/session", {"password": PANEL}, headers={})
        return {"cookie": answer.headers["set-cookie"].partition(";")[0]}

    async def upload(self, path: str, files: dict[str, bytes], headers: dict[str, str] | None = None) -> Answer:
        """Send files as a form does."""
        edge = "made-up-boundary"
        parts = [
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in files.items()
        ]
        sent = {"authorization": f"Bearer {PANEL}"} if headers is None else headers
        sent = {**sent, "content-type": f"multipart/form-data; boundary={edge}"}
        return await self.ask("POST", path, headers=sent, body=b"".join(parts) + f"--{edge}--\r\n".encode())


@asynccontextmanager
async def visiting(folder: Path, **options: Any) -> AsyncIterator[Visitor]:
    """Start a proxy, and visit it."""
    options.setdefault("credentials", {"account.json": CODE_ASSIST})
    async with pollux(folder, **options) as running, httpcore.AsyncConnectionPool() as http:
        yield Visitor(http, running)
