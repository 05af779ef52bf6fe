"""A URL in a message is fetched or refused with the reason, never dropped (seed defect #35)."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.dialects.openai.echo import Echo
from adapters.fetching import GuardedFetcher
from pipeline.errors import BadRequest
from pipeline.exchange import Asked, Exchange, Request
from pipeline.ports import Dialect, Document, FetchRules, Ports
from pipeline.stages.fetch import AT_ONCE, Fetch
from tests.adapters.test_fetching import reply, site
from tests.adapters.test_media_types import PNG
from tests.pipeline.stages.callers import chat, generations, native, post
from tests.proxy import Running, pollux

MODEL = "gemini-3.8-flash"
INLINE = {"inlineData": {"mimeType": "image/png", "data": b64encode(PNG).decode()}}
YOUTUBE = {"fileData": {"fileUri": "https://www.youtube.com/watch?v=made-up"}}
ORDER = ("auth", "format", "fetch", "credential", "upstream", "transform")


def configured(options: str) -> str:
    return "".join(f'[[pipeline]]\nstage = "{name}"\n' + f"{options}\n" * (name == "fetch") for name in ORDER)


def picture(url: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]


async def ask(proxy: Running, face: str, url: str) -> tuple[int, str]:
    if face == "openai":
        heard = await chat(proxy, MODEL, picture(url), stream=False)
        return heard.status, heard.raw
    if face == "anthropic":
        content = [{"type": "image", "source": {"type": "url", "url": url}}]
        body = {"model": MODEL, "max_tokens": 100, "messages": [{"role": "user", "content": content}]}
        return await post(proxy, "/v1/messages", body)
    content = [{"type": "input_image", "image_url": url}]
    return await post(proxy, "/v1/responses", {"model": MODEL, "input": [{"role": "user", "content": content}]})


@pytest.mark.parametrize("face", ["openai", "anthropic", "responses"])
async def test_url_becomes_the_data_it_leads_to(tmp_path: Path, face: str) -> None:
    async with (
        site(reply()) as here,
        pollux(tmp_path, config=configured(f'allow = ["localhost:{here.port}"]')) as proxy,
    ):
        fetcher = proxy.house.ports.fetcher
        assert isinstance(fetcher, GuardedFetcher)
        fetcher._judge = lambda address: address.is_loopback
        status, raw = await ask(proxy, face, f"http://localhost:{here.port}/cat.png")
        assert status == 200, raw
        assert INLINE in generations(proxy)[0]["contents"][0]["parts"]


@pytest.mark.parametrize("face", ["openai", "anthropic", "responses"])
@pytest.mark.parametrize(
    ("options", "url", "reason"),
    [
        ("", "https://pictures.example/cat.png", "URLs are not fetched here"),
        ('allow = ["*.example"]', "https://pictures.test/cat.png", "not among the hosts"),
        ('allow = ["*"]', "http://localhost/cat.png", "not public"),
        ('allow = ["*"]', "http://0x7f.1/cat.png", "no plain address"),
        ('allow = ["*"]', "http://169.254.169.254/computeMetadata/v1/", "not public"),
    ],
)
async def test_refusal_is_a_400_that_says_why(tmp_path: Path, face: str, options: str, url: str, reason: str) -> None:
    async with pollux(tmp_path, config=configured(options)) as proxy:
        status, raw = await ask(proxy, face, url)
        assert status == 400
        assert reason in raw
        assert generations(proxy) == []


async def test_what_google_reads_and_what_gemini_callers_write_is_left_alone(tmp_path: Path) -> None:
    file = {"fileData": {"mimeType": "image/png", "fileUri": "https://pictures.example/cat.png"}}
    async with pollux(tmp_path) as proxy:
        await chat(proxy, MODEL, picture(YOUTUBE["fileData"]["fileUri"]))
        await native(proxy, MODEL, contents=[{"role": "user", "parts": [file]}])
    openai, gemini = (body["contents"][0]["parts"] for body in generations(proxy))
    assert openai[1:] == [YOUTUBE]
    assert gemini == [file]


class Library:
    """A fetcher with documents of its own."""

    def __init__(self, **documents: bytes) -> None:
        self.documents = documents
        self.asked: list[str] = []
        self.under_way = self.most = 0

    async def fetch(self, url: str, rules: FetchRules) -> Document:
        self.asked.append(url)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.01)
            if not rules.room.take(len(self.documents[url[-1]])):
                raise BadRequest("too large")
            return Document("image/png", self.documents[url[-1]])
        finally:
            self.under_way -= 1


class Shelf:
    """Ports with nothing but a fetcher."""

    def __init__(self, fetcher: Library) -> None:
        self.fetcher = fetcher


async def fetched(library: Library, urls: list[str], contents: list[Any], **options: Any) -> list[Any]:
    run = Fetch(allow=["*"], **options).build(cast("Ports", Shelf(library)))
    x = Exchange("id", Request("POST", "/", []), cast("Dialect", None), 0.0, asked=Asked(echo=Echo(fetch=urls)))
    x.payload = {"contents": contents}
    await run(x)
    return cast("list[Any]", x.payload["contents"])


def named(url: str, **more: Any) -> dict[str, Any]:
    return {"fileData": {"fileUri": url}, **more}


async def test_every_place_of_a_url_is_filled_and_each_is_fetched_once() -> None:
    library = Library(a=b"A", b=b"B")
    response = {"functionResponse": {"name": "f", "response": {}, "parts": [named("u:b")]}}
    parts = [named("u:a", mediaResolution={"level": "LOW"}), {"text": "u:a"}, named("u:a"), named("u:c"), response]
    (content,) = await fetched(library, ["u:a", "u:b"], [{"role": "user", "parts": parts}])
    a, b = ({"mimeType": "image/png", "data": b64encode(data).decode()} for data in (b"A", b"B"))
    assert content["parts"] == [
        {"inlineData": a, "mediaResolution": {"level": "LOW"}},
        {"text": "u:a"},
        {"inlineData": a},
        named("u:c"),
        {"functionResponse": {"name": "f", "response": {}, "parts": [{"inlineData": b}]}},
    ]
    assert library.asked == ["u:a", "u:b"]


async def test_size_is_that_of_all_documents_together() -> None:
    library = Library(a=b"x" * 60, b=b"x" * 60)
    with pytest.raises(BadRequest):
        await fetched(library, ["u:a", "u:b"], [{"parts": [named("u:a"), named("u:b")]}], max_bytes=100)


async def test_documents_are_fetched_side_by_side_and_not_all_at_once() -> None:
    names = "abcdefghij"
    library = Library(**{name: name.encode() for name in names})
    urls = [f"u:{name}" for name in names]
    (content,) = await fetched(library, urls, [{"parts": [named(url) for url in urls]}])
    assert library.most == AT_ONCE
    assert [part["inlineData"]["data"] for part in content["parts"]] == [b64encode(n.encode()).decode() for n in names]


async def test_document_that_cannot_be_had_ends_the_fetching_of_the_others() -> None:
    library = Library(a=b"x" * 200, **dict.fromkeys("bcdefghij", b"x"))
    urls = [f"u:{name}" for name in "abcdefghij"]
    with pytest.raises(BadRequest):
        await fetched(library, urls, [{"parts": [named(url) for url in urls]}], max_bytes=100)
    assert library.under_way == 0
    assert len(library.asked) < len(urls)
