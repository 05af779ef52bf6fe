"""A tiny HTTP proxy and a tiny SOCKS5 proxy, as scripts for a peer."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from contextlib import suppress

from tests.adapters.peer import Script, Talk

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def relay(talk: Talk, beyond: Stream) -> None:
    """Pass bytes both ways until either side leaves."""

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
        sink.transport.abort()

    try:
        await asyncio.gather(one_way(talk.reader, beyond[1]), one_way(beyond[0], talk.writer))
    finally:
        beyond[1].transport.abort()


def http_proxy(seen: list[bytes], user: str = "") -> Script:
    """CONNECT for TLS, absolute URLs for the rest; wants `user` (name:password) where given."""

    async def script(talk: Talk) -> None:
        request = await talk.request()
        seen.append(request)
        if user and b"Proxy-Authorization: Basic " + b64encode(user.encode()) not in request:
            await talk.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
            return
        method, target, _ = request.decode("latin-1").split(" ", 2)
        host, _, port = (target if method == "CONNECT" else target.split("/")[2]).rpartition(":")
        beyond = await asyncio.open_connection(host, int(port))
        if method == "CONNECT":
            await talk.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            beyond[1].write(request)
        await relay(talk, beyond)

    return script


def socks5_proxy(seen: list[bytes], user: str = "") -> Script:
    """CONNECT by name or IPv4 address (RFC 1928); wants `user` (name:password) where given (RFC 1929)."""

    async def script(talk: Talk) -> None:
        read = talk.reader.readexactly
        methods = await read((await read(2))[1])
        method = b"\x02" if user else b"\x00"
        if method not in methods:
            await talk.send(b"\x05\xff")
            return
        await talk.send(b"\x05" + method)
        if user:
            name = await read((await read(2))[1])
            given = name + b":" + await read((await read(1))[0])
            await talk.send(b"\x01\x00" if given.decode() == user else b"\x01\x01")
        by_address = (await read(4))[3] == 1
        host = ".".join(map(str, await read(4))) if by_address else (await read((await read(1))[0])).decode()
        port = int.from_bytes(await read(2), "big")
        seen.append(f"{host}:{port}".encode())
        try:
            beyond = await asyncio.open_connection(host, port)
        except OSError:
            await talk.send(b"\x05\x05\x00\x01" + bytes(6))
            return
        await talk.send(b"\x05\x00\x00\x01" + bytes(6))
        await relay(talk, beyond)

    return script
