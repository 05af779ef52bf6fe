"""Stage `fetch`: pictures and documents that a message names by their address."""

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from msgspec import field

from pipeline.errors import BadRequest
from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Document, Fetcher, FetchRules, Ports, Room
from pipeline.stage import Stage, StageConfig

AT_ONCE = 4
"""How many documents of one request are fetched at the same time: a caller must not flood a host through us."""
TYPES = ("image/*", "application/pdf", "audio/*", "video/*", "text/*")


class Fetch(StageConfig, frozen=True):
    """Fetch what an OpenAI or Anthropic caller's message names by http(s) URL, and send it along.

    Only hosts that `allow` names are asked (`"*"` is any), on ports 80 and 443 unless the entry says another
    (`"files.example:8443"`), and only at addresses of the public internet, redirects included. Whatever is not fetched
    is refused with the reason; with nothing allowed, every such URL is. What Google reads itself (gs://, YouTube, its
    Files API) and what a Gemini caller wrote is left alone.

    Units: `max_bytes` of all documents of one request together; `timeout` in seconds for each.
    Errors: BadRequest with the reason.
    """

    name = "fetch"
    needs = frozenset({"asked", "payload"})

    allow: list[str] = field(default_factory=list)
    max_bytes: int = 20 * 1024 * 1024
    timeout: float = 10.0
    max_redirects: int = 3
    types: list[str] = field(default_factory=lambda: list(TYPES))

    def build(self, ports: Ports) -> Stage:
        fetcher = ports.fetcher

        async def fetch(x: Exchange) -> None:
            # Every dialect whose messages may hold addresses lists those it read in its echo.
            wanted: list[str] = getattr(x.asked.echo, "fetch", [])
            if wanted:
                room = Room(self.max_bytes, self.max_bytes)
                rules = FetchRules(self.allow, room, self.timeout, self.max_redirects, self.types)
                await _put_in_place(x.payload, frozenset(wanted), fetcher, rules)

        return fetch


async def _put_in_place(payload: Chunk, wanted: frozenset[str], fetcher: Fetcher, rules: FetchRules) -> None:
    if not rules.allow:
        raise BadRequest("URLs are not fetched here: send the data itself, as a data: URL or base64.", field="url")
    places: dict[str, list[dict[str, Any]]] = {}
    for part in _parts(payload):
        url = (part.get("fileData") or {}).get("fileUri")
        if url in wanted:
            places.setdefault(url, []).append(part)
    documents = await _fetch_all(list(places), fetcher, rules)
    for parts, document in zip(places.values(), documents, strict=True):
        inline = {"mimeType": document.kind, "data": b64encode(document.data).decode()}
        for part in parts:
            del part["fileData"]
            part["inlineData"] = inline


async def _fetch_all(urls: list[str], fetcher: Fetcher, rules: FetchRules) -> list[Document]:
    """Fetch several at once. The first that cannot be had ends the others, for the request is refused with it."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def fetch(url: str) -> Document:
        async with turns:
            return await fetcher.fetch(url, rules)

    tasks = [asyncio.ensure_future(fetch(url)) for url in urls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _parts(payload: Chunk) -> Iterator[dict[str, Any]]:
    """All parts of the conversation, those inside the results of functions too."""
    for content in payload.get("contents") or ():
        for part in content.get("parts") or ():
            yield part
            yield from (part.get("functionResponse") or {}).get("parts") or ()
