"""A tiny HTTP proxy and a tiny SOCKS5 proxy, as scripts for a peer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress

from tests.adapters.peer import Script, Talk


async def relay(talk: Talk, host: str, port: int) -> None:
    """Pass bytes both ways until either side leaves."""
    reader, writer = await asyncio.open_connection(host, port)

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.close()

    await asyncio.gather(one_way(talk.reader, writer), one_way(reader, talk.writer))


def http_proxy(seen: list[bytes], user: str = "") -> Script:
    """CONNECT for TLS, absolute URLs for the rest; wants `user` (name:password) where given."""

    async def script(talk: Talk) -> None:
        head = await talk.request()
        seen.append(head)
        method, target, _ = head.split(b" ", 2)
        wanted = b"Proxy-Authorization: Basic " + b64encode(user.encode())
        if user and wanted not in head:
            await talk.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        if method == b"CONNECT":
            host, _, port = target.decode().rpartition(":")
            await talk.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            host, _, port = target.decode().split("/")[2].rpartition(":")
            talk.reader.feed_data(b"")
            await forward(talk, head, host, int(port))
            return
        await relay(talk, host, int(port))

    return script


async def forward(talk: Talk, request: bytes, host: str, port: int) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    while data := await reader.read(65536):
        await talk.send(data)
    writer.close()


def socks5_proxy(seen: list[bytes], user: str = "") -> Script:
    """CONNECT by name or IPv4 address (RFC 1928); wants `user` (name:password) where given (RFC 1929)."""

    async def script(talk: Talk) -> None:
        _, count = await talk.reader.readexactly(2)
        methods = await talk.reader.readexactly(count)
        method = b"\x02" if user else b"\x00"
        if method not in methods:
            await talk.send(b"\x05\xff")
            return
        await talk.send(b"\x05" + method)
        if user:
            _, length = await talk.reader.readexactly(2)
            name = await talk.reader.readexactly(length)
            password = await talk.reader.readexactly((await talk.reader.readexactly(1))[0])
            await talk.send(b"\x01\x00" if f"{name.decode()}:{password.decode()}" == user else b"\x01\x01")
        kind = (await talk.reader.readexactly(4))[3]
        if kind == 1:
            host = ".".join(map(str, await talk.reader.readexactly(4)))
        else:
            host = (await talk.reader.readexactly((await talk.reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await talk.reader.readexactly(2), "big")
        seen.append(f"{host}:{port}".encode())
        try:
            await asyncio.open_connection(host, port)
        except OSError:
            await talk.send(b"\x05\x05\x00\x01" + bytes(6))
            return
        await talk.send(b"\x05\x00\x00\x01" + bytes(6))
        await relay(talk, host, port)

    return script
