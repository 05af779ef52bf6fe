"""The snippets for nginx and Caddy, accepted by each, and proven to pass a stream on event by event."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.listening import stop_listening
from tests.adapters.certificate import self_signed
from tests.deploy.assets import DEPLOY, run, tool

HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    # No event stream by its type, so that only the snippet keeps it from being held back.
)
ASKED = b"POST /v1/chat/completions HTTP/1.1\r\nhost: pollux.example.com\r\ncontent-length: 2\r\n\r\n{}"


class Drip:
    """An upstream that sends one event, and the other when the first has been read at the far end."""

    def __init__(self) -> None:
        self.first_read = asyncio.Event()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + b"data: first\n\n")
        await self.first_read.wait()
        writer.write(b"data: second\n\n")
        writer.close()


@pytest.fixture
async def drip() -> AsyncIterator[Drip]:
    upstream = Drip()
    server = await asyncio.start_server(upstream.answer, "127.0.0.1", 0)
    upstream.port = server.sockets[0].getsockname()[1]
    yield upstream
    await stop_listening(server)
    await server.wait_closed()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def nginx_configuration(folder: Path, port: int, upstream: int) -> Path:
    """The snippet inside of the least configuration that nginx starts with, its addresses moved to this machine."""
    certificate, key = self_signed()
    (folder / "fullchain.pem").write_bytes(certificate)
    (folder / "privkey.pem").write_bytes(key)
    snippet = (DEPLOY / "nginx/pollux.conf").read_text(encoding="utf-8")
    for stands, here in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen [::]:443 ssl;", ""),
        ("/etc/ssl/pollux/", f"{folder}/"),
        ("127.0.0.1:7861", f"127.0.0.1:{upstream}"),
    ):
        assert stands in snippet
        snippet = snippet.replace(stands, here)
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "\n".join(f"{name}_temp_path {folder}/{name};" for name in temporary)
    file = folder / "nginx.conf"
    around = f"daemon off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{paths}\n{snippet}}}\n"
    file.write_text(around, encoding="utf-8")
    return file


def caddy_configuration(folder: Path, port: int, upstream: int) -> Path:
    """The snippet at a plain address of this machine: a certificate for its name is nothing that can be had here."""
    snippet = (DEPLOY / "caddy/Caddyfile").read_text(encoding="utf-8")
    file = folder / "Caddyfile"
    moved = snippet.replace("\npollux.example.com {", f"\nhttp://127.0.0.1:{port} {{")
    moved = moved.replace("127.0.0.1:7861", f"127.0.0.1:{upstream}")
    file.write_text("{\n\tadmin off\n}\n" + moved, encoding="utf-8")
    return file


@contextlib.asynccontextmanager
async def running(*command: str | Path, home: Path) -> AsyncIterator[None]:
    environ = {**os.environ, "HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        tool(str(command[0])), *map(str, command[1:]), env=environ, stdout=quiet, stderr=quiet
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def connected(port: int, tls: ssl.SSLContext | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as somebody listens."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port, ssl=tls)
            await asyncio.sleep(0.02)


async def passes_events_on(port: int, drip: Drip, tls: ssl.SSLContext | None, host: str) -> None:
    reader, writer = await connected(port, tls)
    try:
        writer.write(ASKED.replace(b"pollux.example.com", host.encode()))
        async with asyncio.timeout(5):
            assert b"200" in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"data: first\n\n")
            drip.first_read.set()
            await reader.readuntil(b"data: second\n\n")
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_nginx_passes_each_event_on_as_it_comes(drip, tmp_path):
    port = free_port()
    file = nginx_configuration(tmp_path, port, drip.port)
    run("nginx", "-t", "-c", file)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with running("nginx", "-c", file, home=tmp_path):
        await passes_events_on(port, drip, trusting, "pollux.example.com")


async def test_caddy_passes_each_event_on_as_it_comes(drip, tmp_path):
    port = free_port()
    file = caddy_configuration(tmp_path, port, drip.port)
    async with running("caddy", "run", "--config", file, "--adapter", "caddyfile", home=tmp_path):
        await passes_events_on(port, drip, None, f"127.0.0.1:{port}")


def test_caddyfile_is_accepted_as_it_stands(tmp_path):
    environ = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    run("caddy", "validate", "--config", DEPLOY / "caddy/Caddyfile", "--adapter", "caddyfile", env=environ)
