"""A truncated answer goes on, once, without a seam; and only where that is honest (seed defect #37, T8)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator import Fault, Scenario
from pipeline.errors import Broken, ProxyError
from pipeline.sources import text_of
from pipeline.stages.anti_truncation import PROMPT
from pipeline.story import Story
from tests.pipeline.stages.callers import SEARCH, chat, generations, native
from tests.proxy import Running, pollux

MODEL = "gemini-3.8-flash"
NAME = f"anti-truncation/{MODEL}"
FIRST = "Once upon a time there lived"
SECOND = " a fox who could not stop."
RESUME = "".join(
    f'[[pipeline]]\nstage = "{name}"\n' + "resume = true\n" * (name == "anti-truncation")
    for name in ("auth", "format", "model-suffix", "anti-truncation", "credential", "upstream", "transform", "usage")
)


def event(*parts: dict[str, Any], reason: str = "", tokens: int = 0) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    usage = {"promptTokenCount": 10, "candidatesTokenCount": tokens, "totalTokenCount": 10 + tokens}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL}


def text(said: str) -> dict[str, Any]:
    return {"text": said}


def answered(*attempts: list[dict[str, Any]], default: str = "(one call too many)") -> Scenario:
    """Each attempt gets these events."""
    return Scenario(text=default, faults=[Fault("events", nth=n, times=1, events=a) for n, a in enumerate(attempts, 1)])


CUT_SHORT = [event(text(FIRST[:9]), tokens=2), event(text(FIRST[9:]), reason="MAX_TOKENS", tokens=7)]
THE_REST = [event(text(SECOND), reason="STOP", tokens=6)]


def keys(proxy: Running) -> list[str]:
    return [entry.headers["x-goog-api-key"] for entry in proxy.google.requests if "enerateContent" in entry.path]


@pytest.mark.parametrize("stream", [True, False])
async def test_answer_at_its_limit_goes_on_with_one_finish_and_summed_usage(tmp_path: Path, stream: bool) -> None:
    async with pollux(tmp_path, scenario=answered(CUT_SHORT, THE_REST)) as proxy:
        heard = await chat(proxy, NAME, stream=stream)
        assert (heard.text, heard.finishes, heard.errors) == (FIRST + SECOND, ["stop"], [])
        assert heard.usage["total_tokens"] == 17 + 16
        assert heard.usage["completion_tokens"] == 7 + 6
        proxy.google.reset()
        heard = await native(proxy, NAME, stream=stream)
        assert (heard.text, heard.finishes) == (FIRST + SECOND, ["STOP"])
        assert heard.usage["totalTokenCount"] == 17 + 16
    original, continued = (body["contents"] for body in generations(proxy))
    assert continued == [
        *original,
        {"role": "model", "parts": [{"text": FIRST}]},
        {"role": "user", "parts": [{"text": PROMPT}]},
    ]


@pytest.mark.parametrize("spelling", ["流式抗截断/", "抗截断/", "anti-truncation/"])
async def test_repetition_at_the_seam_is_taken_out_and_attempts_add_up(tmp_path: Path, spelling: str) -> None:
    second = [event(text("a time there"), tokens=1), event(text(" lived a fox"), reason="MAX_TOKENS", tokens=5)]
    third = [
        event({"text": "I was interrupted.", "thought": True}),
        *[event(text(letter)) for letter in "lived a fox."],
    ]
    third.append(event(text(""), reason="STOP", tokens=5))
    async with pollux(tmp_path, scenario=answered(CUT_SHORT, second, third)) as proxy:
        heard = await chat(proxy, spelling + MODEL)
        assert (heard.text, heard.finishes) == ("Once upon a time there lived a fox.", ["stop"])
        assert heard.thoughts == ""
        said = [body["contents"][1]["parts"][0]["text"] for body in generations(proxy)[1:]]
        # Each request is made from the caller's own: nothing piles up, and thoughts are not fed back.
        assert said == [FIRST, "Once upon a time there lived a fox"]
        assert [len(body["contents"]) for body in generations(proxy)] == [1, 3, 3]


async def test_attempts_are_limited_and_the_last_truncation_is_told(tmp_path: Path) -> None:
    more = [[event(text(f" {n}"), reason="MAX_TOKENS", tokens=1)] for n in range(2)]
    async with pollux(tmp_path, scenario=answered(CUT_SHORT, *more), ANTI_TRUNCATION_MAX_ATTEMPTS="2") as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.text, heard.finishes) == (FIRST + " 0", ["length"])
        assert len(generations(proxy)) == 2


@pytest.mark.parametrize("reason", ["STOP", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST"])
async def test_end_for_a_reason_of_its_own_stands(tmp_path: Path, reason: str) -> None:
    async with pollux(tmp_path, scenario=answered([event(text(FIRST), reason=reason, tokens=3)])) as proxy:
        assert (await native(proxy, NAME)).finishes == [reason]
        assert len(generations(proxy)) == 1


@pytest.mark.parametrize("end", ["MAX_TOKENS", "STOP", ""])
async def test_nothing_is_asked_again_after_a_tool_call(tmp_path: Path, end: str) -> None:
    call = {"functionCall": {"name": "look_up", "args": {}, "id": "c1"}, "thoughtSignature": "c2ln"}
    async with pollux(tmp_path, scenario=answered([event(text(FIRST)), event(call, reason=end)])) as proxy:
        heard = await native(proxy, NAME, tools=[SEARCH])
        assert [each["name"] for each in heard.calls] == ["look_up"]
        assert len(generations(proxy)) == 1
        assert bool(heard.errors) is (end == "")


@pytest.mark.parametrize(
    "more",
    [
        {"generationConfig": {"responseMimeType": "application/json"}},
        {"generationConfig": {"candidateCount": 2}},
    ],
)
async def test_what_cannot_be_joined_as_text_is_left_alone(tmp_path: Path, more: dict[str, Any]) -> None:
    async with pollux(tmp_path, scenario=answered(CUT_SHORT)) as proxy:
        assert (await native(proxy, NAME, **more)).finishes == ["MAX_TOKENS"]
        assert len(generations(proxy)) == 1


async def test_limit_reached_in_thinking_is_not_continued(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("max_tokens_in_thinking")])) as proxy:
        assert (await native(proxy, NAME)).finishes == ["MAX_TOKENS"]
        assert len(generations(proxy)) == 1


async def test_blocked_prompt_is_told_once(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("blocked_prompt")])) as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.finishes, len(generations(proxy))) == (["content_filter"], 1)


async def test_continuation_that_google_refuses_leaves_the_truncation(tmp_path: Path) -> None:
    scenario = answered(CUT_SHORT)
    scenario.faults.append(Fault("400", nth=2))
    async with pollux(tmp_path, scenario=scenario) as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.text, heard.finishes, heard.errors) == (FIRST, ["length"], [])


async def test_first_call_that_google_refuses_is_a_status(tmp_path: Path) -> None:
    async with pollux(tmp_path, scenario=Scenario(faults=[Fault("400")])) as proxy:
        heard = await chat(proxy, NAME)
        assert (heard.status, len(generations(proxy))) == (400, 1)


@pytest.mark.parametrize("effect", ["eof", "cut", "reset", "mid_stream_error"])
async def test_cut_stream_is_resumed_on_another_credential(tmp_path: Path, effect: str) -> None:
    # A thought, two words, and then it breaks.
    faults = [Fault(effect, after_events=3, times=1)]
    scenario = Scenario(text="Once upon a time", events=4, cadence=0.02, faults=faults)
    async with pollux(tmp_path, config=RESUME, scenario=scenario) as proxy:
        heard = await native(proxy, MODEL, generationConfig={"thinkingConfig": {"includeThoughts": True}})
        assert (heard.text, heard.finishes, heard.errors) == ("Once upon a time", ["STOP"], [])
        first, second = keys(proxy)
        assert first != second
        assert generations(proxy)[1]["contents"][1] == {"role": "model", "parts": [{"text": "Once upon"}]}


async def test_resuming_is_for_cuts_and_not_for_limits(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=RESUME, scenario=answered(CUT_SHORT)) as proxy:
        assert (await chat(proxy, MODEL)).finishes == ["length"]


async def test_stream_that_is_cut_every_time_ends_in_one_error(tmp_path: Path) -> None:
    scenario = Scenario(text="one two three", events=3, faults=[Fault("cut", after_events=2)])
    async with pollux(tmp_path, config=RESUME, scenario=scenario) as proxy:
        heard = await chat(proxy, MODEL)
        assert (len(heard.errors), heard.finishes, len(generations(proxy))) == (1, [], 3)
        assert "[DONE]" not in heard.raw


async def test_cut_is_not_resumed_unasked(tmp_path: Path) -> None:
    scenario = Scenario(text="one two three", events=3, faults=[Fault("cut", after_events=2)])
    async with pollux(tmp_path, scenario=scenario) as proxy:
        assert len((await chat(proxy, MODEL)).errors) == 1
        assert len(generations(proxy)) == 1


SENTENCE = "Once upon a time there lived a fox who could not stop."


@given(cut=st.integers(7, len(SENTENCE) - 1), back=st.integers(6, 20), sizes=st.lists(st.integers(1, 9), min_size=60))
def test_any_cut_and_any_pieces_give_the_same_answer(cut: int, back: int, sizes: list[int]) -> None:
    story = Story("Go on.", at_limit=True)
    payload = {"contents": [{"role": "user", "parts": [{"text": "Tell"}]}]}
    before = json.dumps(payload)
    heard = ""
    for told, reason in ((SENTENCE[:cut], "MAX_TOKENS"), (SENTENCE[max(cut - back, 0) :], "STOP")):
        asked = story.payload(payload)
        heard += "".join(text_of(kept) for each in _split(told, sizes, reason) for kept in story.take(each))
        held = story.end_attempt(None)
        heard += text_of(held) if held else ""
        assert story.truncated is (reason == "MAX_TOKENS")
    assert heard == SENTENCE
    assert json.dumps(payload) == before
    assert asked is not payload
    end = story.finish()
    assert end["candidates"][0]["finishReason"] == "STOP"
    assert end["usageMetadata"]["totalTokenCount"] == 24


@pytest.mark.parametrize("stream", [True, False])
async def test_passages_of_every_attempt_keep_their_place_and_sources(tmp_path: Path, stream: bool) -> None:
    first, second = "Été is warm.", "is warm. Paris too."
    attempts = [
        [resting(event(text(first), reason="MAX_TOKENS"), "a", first)],
        [resting(event(text(second), reason="STOP"), "b", "Paris too.", second)],
    ]
    async with pollux(tmp_path, scenario=answered(*attempts, *attempts)) as proxy:
        heard = await chat(proxy, f"{NAME}-search", stream=stream)
        assert heard.text == "Été is warm. Paris too."
        message = next(json.loads(each)["choices"][0] for each in _objects(heard.raw) if "annotations" in each)
        notes = [note["url_citation"] for note in message["delta" if stream else "message"]["annotations"]]
        cited = [(note["title"], heard.text[note["start_index"] : note["end_index"]]) for note in notes]
        assert cited == [("a", first), ("b", "Paris too.")]
        heard = await native(proxy, f"{NAME}-search", stream=stream)
        assert heard.raw.count('"groundingMetadata"') == 1
        last = json.loads(_objects(heard.raw)[-1])["candidates"][0]["groundingMetadata"]
        assert [each["groundingChunkIndices"] for each in last["groundingSupports"]] == [[0], [1]]
        raw, segment = heard.text.encode(), last["groundingSupports"][1]["segment"]
        assert raw[segment["startIndex"] : segment["endIndex"]].decode() == "Paris too."


def resting(last: dict[str, Any], name: str, quoted: str, said: str = "") -> dict[str, Any]:
    """The event with a source for what is quoted of what the attempt said."""
    start = (said or quoted).encode().index(quoted.encode())
    last["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"web": {"uri": f"https://{name}.example/", "title": name}}],
        "groundingSupports": [
            {"segment": {"startIndex": start, "endIndex": start + len(quoted.encode())}, "groundingChunkIndices": [0]}
        ],
    }
    return last


def _objects(raw: str) -> list[str]:
    return [raw] if raw.startswith("{") else [line[6:] for line in raw.splitlines() if line.startswith("data: {")]


def test_call_does_not_overtake_the_text_held_at_the_seam() -> None:
    story = Story("Go on.", at_limit=True)
    story.payload({})
    story.take(event(text(FIRST), reason="MAX_TOKENS"))
    story.end_attempt(None)
    story.payload({})
    (told,) = story.take(event(text("there lived"), {"functionCall": {"name": "f"}}, reason="STOP"))
    assert told["candidates"][0]["content"]["parts"] == [{"functionCall": {"name": "f"}}]
    story.payload({})
    (told,) = story.take(event(text("upon"), {"functionCall": {"name": "f"}}, reason="STOP"))
    assert told["candidates"][0]["content"]["parts"] == [text("upon"), {"functionCall": {"name": "f"}}]


def test_story_that_never_ends_tells_what_broke_it_first() -> None:
    story = Story("Go on.", at_limit=True)
    story.payload({})
    story.take(event(text(FIRST)))
    with pytest.raises(Broken) as cut:
        story.check()
    story.end_attempt(cut.value)
    story.payload({})
    story.end_attempt(ProxyError("All rest."))
    with pytest.raises(ProxyError, match="without a finishReason"):
        story.finish()


def _split(told: str, sizes: list[int], reason: str) -> list[dict[str, Any]]:
    pieces, start = [], 0
    for size in sizes:
        if start < len(told):
            pieces.append(told[start : start + size])
            start += size
    return [*(event(text(each)) for each in pieces), event(reason=reason, tokens=2)]
