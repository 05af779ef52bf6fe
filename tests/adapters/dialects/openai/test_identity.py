"""What a client remembers of an answer, and sends again, is for upstream the answer it gave."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.dialects.openai import OpenAIChat
from tests.adapters.dialects.rig import ended, exchange, reply, request

USER = {"role": "user", "content": "go"}
TEXT = st.text(min_size=1).filter(lambda text: "](data:" not in text)
IDS = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True).filter(lambda name: not name.startswith("call_pollux_"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ARGS = st.dictionaries(st.text(), JSON, max_size=3)
SIGNATURES = st.sampled_from([None, "c2ln", "EpwBCpkB"])


@st.composite
def calls(draw):
    parts = []
    for known in draw(st.lists(IDS, max_size=4, unique=True)):
        part = {"functionCall": {"name": draw(st.sampled_from(["f", "g"])), "args": draw(ARGS), "id": known}}
        if signature := draw(SIGNATURES):
            part["thoughtSignature"] = signature
        parts.append(part)
    return parts


@st.composite
def answers(draw):
    """A model's content as the supported subset has it: a text, or a picture, and calls."""
    parts = []
    if text := draw(st.none() | TEXT):
        parts.append({"text": text})
    if draw(st.booleans()):
        parts.append({"inlineData": {"mimeType": "image/png", "data": "AAAA"}})
    if parts and (signature := draw(SIGNATURES)):
        parts[-1]["thoughtSignature"] = signature
    parts += draw(calls())
    return parts or [{"text": "nothing"}]


def ask(messages):
    return exchange(OpenAIChat(), request("/v1/chat/completions", {"model": "gemini-3.8-flash", "messages": messages}))


@given(answers())
def test_answer_read_again_is_the_same_content(parts):
    document = json.loads(reply(OpenAIChat(), ask([USER]), [ended(parts=parts)]))
    message = document["choices"][0]["message"]
    contents = ask([USER, message]).payload["contents"]
    assert contents[1] == {"role": "model", "parts": parts}
    names = [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    given_back = [part["functionResponse"]["name"] for part in (contents[2]["parts"] if names else ())]
    assert given_back == names


@given(st.lists(st.text()), ARGS)
def test_prompts_and_results_reach_upstream_as_they_are(texts, result):
    """Seeds #32 and #64: white space was cut off and symbols were put in."""
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    told = {"role": "tool", "tool_call_id": "a", "content": json.dumps(result)}
    said = [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]
    contents = ask([USER, {"role": "assistant", "tool_calls": [call]}, told, *said]).payload["contents"]
    response, *words = contents[2]["parts"]
    assert response["functionResponse"]["response"] == result
    assert [part["text"] for part in words] == [text for text in texts if text]
