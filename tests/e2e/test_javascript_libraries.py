"""The real JavaScript libraries openai, @google/genai and @anthropic-ai/sdk through Pollux to every upstream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator import Fault, Scenario
from tests.e2e.closed import CLOSED
from tests.e2e.errands import MODEL, PIXEL, assert_signed
from tests.e2e.javascript_libraries import Node, NodeError, install
from tests.e2e.upstreams import NO_RETRY, PUBLIC, UPSTREAMS, proxy_to
from tests.proxy import Running

pytestmark = pytest.mark.timeout(300)  # the first test installs the libraries

CLIENTS = {
    "openai": "openai (JavaScript)",
    "genai": "@google/genai (JavaScript)",
    "anthropic": "@anthropic-ai/sdk (JavaScript)",
}
TOWN = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
    "required": ["name", "people"],
    "additionalProperties": False,
}
SMALL = "[server]\nmax_body_bytes = 1000\n"

streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node process with the libraries loaded."""
    install()
    with Node() as started:
        yield started


def case(library: str, name: str, feature: str) -> Any:
    """A function of tests/e2e/javascript, and a row of the conformance table."""
    mark = pytest.mark.conformance(client=CLIENTS[library], feature=feature)
    return pytest.param(library, name, id=f"{library}-{name}", marks=mark)


@streaming
@pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "chat", "chat: text"),
        case("openai", "chatImage", "chat: images inline"),
        case("openai", "responses", "responses: text and usage"),
        case("genai", "generate", "generate: text and usage"),
        case("genai", "generateThoughts", "generate: thoughts"),
        case("genai", "generateImage", "generate: system, images inline"),
        case("anthropic", "messages", "messages: text and usage"),
        case("anthropic", "messagesImage", "messages: system, images inline"),
    ],
)
async def test_library_gets_its_answer(node: Node, proxy: Running, library: str, name: str, stream: bool) -> None:
    assert await node.ask(library, name, proxy, stream=stream, image=PIXEL) == "You said: Say hello"


@streaming
@pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "chatParsed", "chat: structured output"),
        case("genai", "generateParsed", "generate: structured output"),
    ],
)
async def test_answer_has_the_form_asked_for(node: Node, proxy: Running, library: str, name: str, stream: bool) -> None:
    assert await node.ask(library, name, proxy, stream=stream, schema=TOWN) == {"name": "text", "people": 1}


@streaming
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "rebuilt"])
@pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "chatLoop", "chat: tool loop of three turns, signatures enforced"),
        case("openai", "responsesLoop", "responses: tool loop of three turns, signatures enforced"),
        case("genai", "generateLoop", "generate: tool loop of three turns, signatures enforced"),
        case("genai", "chatLoop", "chats: tool loop of three turns, signatures enforced"),
        case("anthropic", "messagesLoop", "messages: tool loop of three turns, signatures enforced"),
    ],
)
async def test_tool_loop_runs_to_its_end(
    node: Node, proxy: Running, library: str, name: str, keep: bool, stream: bool
) -> None:
    await node.ask(library, name, proxy, stream=stream, keep=keep)
    assert_signed(proxy)


@streaming
@pytest.mark.conformance(client=CLIENTS["openai"], feature="chat: runTools()")
async def test_library_runs_its_tools_by_itself(node: Node, proxy: Running, stream: bool) -> None:
    await node.ask("openai", "chatRunTools", proxy, stream=stream)


@pytest.mark.conformance(client=CLIENTS["openai"], feature="chat: events in order, usage, reasoning_content")
async def test_stream_has_usage_and_thoughts(node: Node, proxy: Running) -> None:
    await node.ask("openai", "chatUsage", proxy)


@pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "models", "models: list and get"),
        case("genai", "models", "models: list and get"),
        case("anthropic", "models", "models: list and get"),
    ],
)
async def test_models_are_listed_and_found(node: Node, proxy: Running, library: str, name: str) -> None:
    assert await node.ask(library, name, proxy) == MODEL


@pytest.mark.parametrize(
    ("library", "name"),
    [case("genai", "countTokens", "countTokens"), case("anthropic", "countTokens", "messages: count_tokens")],
)
async def test_tokens_are_counted(node: Node, proxy: Running, library: str, name: str) -> None:
    await node.ask(library, name, proxy)


@pytest.mark.parametrize("upstream", PUBLIC)
@pytest.mark.parametrize(
    ("library", "name"),
    [case("openai", "embeddings", "embeddings: float and base64"), case("genai", "embeddings", "embeddings")],
)
async def test_texts_become_vectors(node: Node, proxy: Running, library: str, name: str) -> None:
    await node.ask(library, name, proxy)


THROWN = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    413: "APIError",  # openai has no class for this
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
OWN = {("anthropic", 413): "ContentTooLargeError", ("anthropic", 503): "ServiceUnavailableError"}

faces = pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "chat", "chat: errors by class"),
        case("openai", "responses", "responses: errors by class"),
        case("genai", "generate", "generate: errors by class"),
        case("anthropic", "messages", "messages: errors by class"),
    ],
)


async def refused(node: Node, proxy: Running, library: str, name: str, **options: Any) -> tuple[str, int | None]:
    """What a library threw."""
    with pytest.raises(NodeError) as caught:
        await node.ask(library, name, proxy, **options)
    return caught.value.thrown, caught.value.status


def expected(library: str, status: int) -> tuple[str, int]:
    """The class that a library has for a status."""
    return ("ApiError" if library == "genai" else OWN.get((library, status), THROWN[status])), status


@faces
@streaming
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(
    "refusal",
    [("400-too-long", 400), ("404", 404), ("429-per-minute", 429), ("500", 500), ("503", 503)],
)
async def test_refusal_by_google_throws_its_class(
    node: Node, tmp_path: Path, upstream: str, library: str, name: str, stream: bool, refusal: tuple[str, int]
) -> None:
    fault, status = refusal
    scenario = Scenario(faults=[Fault(fault, path="enerateContent")])
    async with proxy_to(upstream, tmp_path, scenario, **NO_RETRY) as proxy:
        thrown = await refused(node, proxy, library, name, stream=stream)
    assert thrown == expected(library, status)


@faces
@streaming
@pytest.mark.parametrize("upstream", ["gemini_api"])
@pytest.mark.parametrize(
    "refusal",
    [
        ("", {"key": "wrong"}, 401),
        (CLOSED, {}, 403),
        ("", {"model": "gemini-9-none"}, 404),
        (SMALL, {"text": "much " * 300}, 413),
    ],
    ids=["wrong-key", "closed", "no-such-model", "too-large"],
)
async def test_refusal_of_the_proxy_throws_its_class(
    node: Node, tmp_path: Path, upstream: str, library: str, name: str, stream: bool, refusal: tuple[str, Any, int]
) -> None:
    config, change, status = refusal
    async with proxy_to(upstream, tmp_path, config=config) as proxy:
        assert await refused(node, proxy, library, name, stream=stream, **change) == expected(library, status)


@pytest.mark.parametrize(
    ("library", "name"),
    [
        case("openai", "chat", "chat: a broken stream throws"),
        case("openai", "responses", "responses: a broken stream throws"),
        case("genai", "generate", "generate: a broken stream throws"),
        case("anthropic", "messages", "messages: a broken stream throws"),
    ],
)
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize("effect", ["eof", "cut", "reset", "mid_stream_error"])
async def test_broken_stream_throws(
    node: Node, tmp_path: Path, upstream: str, library: str, name: str, effect: str
) -> None:
    fault = Fault(effect, path="enerateContent", after_events=3)
    scenario = Scenario(text="one two three four five six", events=6, cadence=0.02, faults=[fault])
    async with proxy_to(upstream, tmp_path, scenario, **NO_RETRY) as proxy:
        with pytest.raises(NodeError):
            await node.ask(library, name, proxy, stream=True)
