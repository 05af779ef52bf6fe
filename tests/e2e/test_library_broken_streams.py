"""A stream that fails never reads as a finished answer: each library ends in an exception, after what had come."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors

from adapters.simulator import Fault, Scenario
from adapters.simulator.scenario import Framing
from tests.e2e.callers import Ask, Question, chat, generate, messages, responses
from tests.e2e.errands import MODEL
from tests.e2e.upstreams import NO_RETRY, UPSTREAMS, proxy_to
from tests.proxy import KEY, Running

TEXT = "one two three four five six"
HASTY = "[upstream.timeouts]\nidle = 0.2\n"


def after_three(effect: str, framing: Framing = "data") -> Fault:
    """What goes wrong once three events have come."""
    return Fault(effect, path="enerateContent", after_events=3, framing=framing)


FAULTS = {
    "eof": after_three("eof"),
    "cut": after_three("cut"),
    "reset": after_three("reset"),
    "stall": after_three("stall"),
    "error": after_three("mid_stream_error", "data"),
    "bare-error": after_three("mid_stream_error", "bare"),
    "array-error": after_three("mid_stream_error", "array"),
}


def failing(fault: Fault) -> Scenario:
    """An upstream that breaks off in the middle of six words; what came before has reached the caller by then."""
    return Scenario(text=TEXT, events=6, cadence=0.02, faults=[fault])


def face(ask: Ask, raised: Any, client: str) -> Any:
    """A way to ask, what it must raise, and a row of the conformance table."""
    feature = f"{ask.__name__}: a broken stream raises"
    return pytest.param(ask, raised, id=ask.__name__, marks=pytest.mark.conformance(client=client, feature=feature))


@pytest.mark.parametrize("fault", ["eof", "cut", "error"])
@pytest.mark.parametrize("upstream", UPSTREAMS)
@pytest.mark.parametrize(
    ("ask", "raised"),
    [
        face(chat, openai.APIError, "openai (Python)"),
        # The library tells of a failed response in its events, then has no final one to give.
        face(responses, (openai.APIError, RuntimeError), "openai (Python)"),
        face(messages, anthropic.APIStatusError, "anthropic (Python)"),
        face(generate, errors.ServerError, "google-genai (Python)"),
    ],
)
async def test_broken_stream_raises(tmp_path: Path, upstream: str, ask: Ask, raised: Any, fault: str) -> None:
    async with proxy_to(upstream, tmp_path, failing(FAULTS[fault]), HASTY, **NO_RETRY) as proxy:
        with pytest.raises(raised):
            await ask(Question(proxy, stream=True))


USER = {"role": "user", "content": "Count"}
FACES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "chat": (
        "/v1/chat/completions",
        {"model": MODEL, "messages": [USER], "stream": True},
        r"^data: \[DONE\]$",
        r'^data: {"error":',
    ),
    "responses": (
        "/v1/responses",
        {"model": MODEL, "input": "Count", "stream": True},
        r"^event: response\.(completed|incomplete)$",
        r"^event: (response\.failed|error)$",
    ),
    "messages": (
        "/v1/messages",
        {"model": MODEL, "max_tokens": 999, "messages": [USER], "stream": True},
        "^event: message_stop$",
        "^event: error$",
    ),
    "generate": (
        f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse",
        {"contents": [{"parts": [{"text": "Count"}]}]},
        r'^data: .*"finishReason":',
        r'^data: {"error":',
    ),
}
"""By face: where and what is posted, what a finished stream ends with, and what a broken one does."""


async def stream_of(proxy: Running, face: str) -> str:
    path, body, _, _ = FACES[face]
    async with httpx2.AsyncClient(base_url=proxy.url, headers={"authorization": f"Bearer {KEY}"}) as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    return answer.text.replace("\r\n", "\n")


def ends(face: str, text: str) -> tuple[int, int]:
    """How often a stream says that it is finished, and that it failed."""
    _, _, finished, failed = FACES[face]
    return len(re.findall(finished, text, re.MULTILINE)), len(re.findall(failed, text, re.MULTILINE))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("face", FACES)
async def test_broken_stream_has_one_terminator(tmp_path: Path, face: str, fault: str) -> None:
    async with proxy_to("gemini_api", tmp_path, failing(FAULTS[fault]), HASTY, **NO_RETRY) as proxy:
        text = await stream_of(proxy, face)
    assert ends(face, text) == (0, 1)
    assert text.count("two") <= 1 or face == "responses"


@pytest.mark.parametrize("face", FACES)
async def test_whole_stream_has_one_terminator(tmp_path: Path, face: str) -> None:
    async with proxy_to("gemini_api", tmp_path, Scenario(text=TEXT, events=6)) as proxy:
        text = await stream_of(proxy, face)
    assert ends(face, text) == (1, 0)
