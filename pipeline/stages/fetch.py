"""Stage `fetch`: pictures and documents that a message names by their address."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from msgspec import field
from msgspec.structs import replace

from pipeline.errors import BadRequest
from pipeline.exchange import Chunk, Exchange
from pipeline.ports import Fetcher, FetchRules, Ports
from pipeline.stage import Stage, StageConfig

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
        rules = FetchRules(self.allow, self.max_bytes, self.timeout, self.max_redirects, self.types)

        async def fetch(x: Exchange) -> None:
            # Every dialect whose messages may hold addresses lists those it read in its echo.
            wanted: list[str] = getattr(x.asked.echo, "fetch", [])
            if wanted:
                await _put_in_place(x.payload, frozenset(wanted), fetcher, rules)

        return fetch


async def _put_in_place(payload: Chunk, wanted: frozenset[str], fetcher: Fetcher, rules: FetchRules) -> None:
    if not rules.allow:
        raise BadRequest("URLs are not fetched here: send the data itself, as a data: URL or base64.", field="url")
    fetched: dict[str, Chunk] = {}
    left = rules.max_bytes
    for part in _parts(payload):
        url = (part.get("fileData") or {}).get("fileUri")
        if url not in wanted:
            continue
        if url not in fetched:
            document = await fetcher.fetch(url, replace(rules, max_bytes=left))
            left -= len(document.data)
            fetched[url] = {"mimeType": document.kind, "data": b64encode(document.data).decode()}
        del part["fileData"]
        part["inlineData"] = fetched[url]


def _parts(payload: Chunk) -> Iterator[dict[str, Any]]:
    """All parts of the conversation, those inside the results of functions too."""
    for content in payload.get("contents") or ():
        for part in content.get("parts") or ():
            yield part
            yield from (part.get("functionResponse") or {}).get("parts") or ()
