"""Each Python client library raises the class it has for each status, whoever refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors

from adapters.simulator import Fault, Scenario
from tests.e2e.callers import Ask, Question, chat, generate, messages, responses
from tests.e2e.closed import CLOSED
from tests.e2e.upstreams import NO_RETRY, UPSTREAMS, proxy_to

SMALL = "[server]\nmax_body_bytes = 1000\n"


def face(ask: Ask, library: Any, client: str) -> Any:
    """A way to ask, the library that raises, and a row of the conformance table."""
    feature = f"{ask.__name__}: errors by class"
    return pytest.param(ask, library, id=ask.__name__, marks=pytest.mark.conformance(client=client, feature=feature))


faces = pytest.mark.parametrize(
    ("ask", "library"),
    [
        face(chat, openai, "openai (Python)"),
        face(responses, openai, "openai (Python)"),
        face(messages, anthropic, "anthropic (Python)"),
        face(generate, errors, "google-genai (Python)"),
    ],
)
streaming = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    403: "PermissionDeniedError",
    404: "NotFoundError",
    413: "RequestTooLargeError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "InternalServerError",
}
OWN = {
    (openai, 413): "APIStatusError",  # it has no class for this
    (anthropic, 503): "ServiceUnavailableError",
}


def expected(library: Any, status: int) -> type[Exception]:
    """The class that a library has for a status."""
    if library is errors:
        return errors.ClientError if status < 500 else errors.ServerError
    raised: type[Exception] = getattr(library, OWN.get((library, status), CLASSES[status]))
    return raised


def headers_of(raised: Any) -> Any:
    """What came with a refusal."""
    return raised.response.headers


@faces
@streaming
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(
    ("fault", "status"),
    [("400-too-long", 400), ("404", 404), ("429-per-minute", 429), ("500", 500), ("503", 503)],
)
async def test_refusal_by_google_raises_its_class(
    tmp_path: Path, upstream: str, ask: Ask, library: Any, stream: bool, fault: str, status: int
) -> None:
    scenario = Scenario(faults=[Fault(fault, path="enerateContent")])
    async with proxy_to(upstream, tmp_path, scenario, **NO_RETRY) as proxy:
        with pytest.raises(expected(library, status)) as caught:
            await ask(Question(proxy, stream=stream))
    assert type(caught.value) is expected(library, status)
    if status == 429:
        assert int(headers_of(caught.value)["retry-after"]) > 0


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
async def test_refusal_of_the_proxy_raises_its_class(
    tmp_path: Path, upstream: str, ask: Ask, library: Any, stream: bool, refusal: tuple[str, Any, int]
) -> None:
    config, change, status = refusal
    async with proxy_to(upstream, tmp_path, config=config) as proxy:
        with pytest.raises(expected(library, status)) as caught:
            await ask(Question(proxy, stream=stream, **change))
    assert type(caught.value) is expected(library, status)


@pytest.mark.parametrize("ask", [chat, messages])
async def test_library_comes_again_when_retry_after_says(tmp_path: Path, ask: Ask) -> None:
    scenario = Scenario(faults=[Fault("429-code-assist-rate", path="enerateContent", times=1)])
    async with proxy_to("code_assist", tmp_path, scenario, **NO_RETRY) as proxy:
        assert await ask(Question(proxy, retries=1)) == "You said: Say hello"
        first, second = (entry for entry in proxy.google.requests if "enerateContent" in entry.path)
        assert second.started - first.started >= 2.5  # what Google asked for
