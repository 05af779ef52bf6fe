"""Every error body, and every way for an answer to go wrong on the wire."""

from __future__ import annotations

import asyncio
import gzip
import time

import orjson
import pytest

from adapters.simulator import Fault, Scenario, Simulator
from adapters.simulator.fixtures import FIXTURES
from adapters.simulator.scenario import Chunking

UNARY = "/v1beta/models/gemini-3.8-flash:generateContent"
STREAM = "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
HELLO = {"contents": [{"parts": [{"text": "one two three four five six seven eight nine ten"}]}]}


async def _raw(sim: Simulator, path: str = STREAM) -> tuple[bytes, str]:
    """Everything the socket gives, and how it ended: eof, reset or silence."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.port)
    body = orjson.dumps(HELLO)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-goog-api-key: k\r\nconnection: close\r\ncontent-length: {len(body)}"
    writer.write(head.encode() + b"\r\n\r\n" + body)
    received, ending = b"", "eof"
    try:
        while piece := await asyncio.wait_for(reader.read(65536), 0.2):
            received += piece
    except ConnectionResetError:
        ending = "reset"
    except TimeoutError:
        ending = "silence"
    writer.transport.abort()
    return received, ending


@pytest.mark.parametrize("name", sorted(FIXTURES))
async def test_every_error_is_served_by_name(sim, call, name):
    sim.script(Fault(name))
    answer = await call(UNARY, HELLO, key="k")
    status, body = FIXTURES[name]
    assert answer.status == status
    assert b"$" not in answer.body
    if isinstance(body, str):
        assert answer.headers["content-type"].startswith("text/html")
    else:
        error = answer.json["error"]
        assert isinstance(error, str) or error["code"] == status


async def test_daily_quota_lies_about_its_retry_delay(sim, call):
    sim.script(Fault("429-per-day"))
    details = (await call(UNARY, HELLO, key="k")).json["error"]["details"]
    assert details[1]["violations"][0]["quotaId"] == "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
    assert details[2]["retryDelay"] == "20s"


@pytest.mark.parametrize(
    ("path", "shape"),
    [(UNARY, dict), (STREAM, dict), (STREAM.removesuffix("?alt=sse"), list)],
)
async def test_error_before_a_stream_is_wrapped_as_google_wraps_it(sim, call, path, shape):
    sim.script(Fault("503"))
    assert isinstance((await call(path, HELLO, key="k")).json, shape)


async def test_matchers_choose_the_request(sim, call):
    sim.script(Fault("503", credential="k1", nth=2, times=1), Fault("500", path=":stream"), Fault("400", body="moon"))
    statuses = [(await call(UNARY, HELLO, key=key)).status for key in ("k1", "k2", "k1", "k1")]
    assert statuses == [200, 200, 503, 200]
    assert (await call(STREAM, HELLO, key="k2")).status == 500
    assert (await call(UNARY, {"contents": [{"parts": [{"text": "moon"}]}]}, key="k2")).status == 400


@pytest.mark.parametrize(
    ("framing", "tail"), [("data", b'data: {"error":'), ("bare", b'{\n  "error":'), ("array", b"[\n  {")]
)
async def test_mid_stream_error_comes_in_three_framings(sim, call, framing, tail):
    sim.script(Fault("mid_stream_error", error="503", after_events=2, framing=framing))
    answer = await call(STREAM, HELLO, key="k")
    assert answer.status == 200
    assert answer.body.split(b"\r\n\r\n")[2].startswith(tail)


async def test_first_event_can_be_an_error(sim, call):
    sim.script(Fault("first_event_error", error="429-bare"))
    events = (await call(STREAM, HELLO, key="k")).events
    assert [event["error"]["code"] for event in events] == [429]


async def test_eof_ends_cleanly_without_a_finish(sim, call):
    sim.script(Fault("eof", after_events=2))
    events = (await call(STREAM, HELLO, key="k")).events
    assert len(events) == 2
    assert not any("finishReason" in event["candidates"][0] for event in events)
    unary = (await call(UNARY, HELLO, key="k")).json
    assert "finishReason" not in unary["candidates"][0]


@pytest.mark.parametrize(
    ("fault", "events", "ending"),
    [
        (Fault("cut", after_events=2), 2, "eof"),
        (Fault("reset", after_events=1), 1, "reset"),
        (Fault("reset"), 0, "reset"),
        (Fault("half_close", after_events=1), 1, "eof"),
        (Fault("stall", after_events=2), 2, "silence"),
        (Fault("stall"), 0, "silence"),
    ],
)
async def test_connection_ends_as_scripted(sim, fault, events, ending):
    sim.script(fault)
    received, ended = await _raw(sim)
    assert (received.count(b"data: "), ended) == (events, ending)
    assert not received.endswith(b"0\r\n\r\n")
    assert bool(received) == bool(events)


async def test_cut_after_bytes_counts_body_bytes(sim):
    sim.script(Fault("cut", after_bytes=10))
    received, ended = await _raw(sim, UNARY)
    head, _, body = received.partition(b"\r\n\r\n")
    assert (len(body), ended) == (10, "eof")
    assert b"content-length: 10\r\n" not in head.lower()


async def test_short_stall_goes_on_afterwards(sim, call):
    sim.script(Fault("stall", after_events=1, seconds=0.05))
    started = time.monotonic()
    events = (await call(STREAM, HELLO, key="k")).events
    assert time.monotonic() - started >= 0.05
    assert events[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    "chunking",
    [Chunking("fixed", 7), Chunking("random", 9, seed=3), Chunking("hostile"), Chunking("fixed", 1)],
)
async def test_chunking_changes_no_byte(sim, call, chunking):
    hello = {"contents": [{"parts": [{"text": "Grüße aus Zürich 🎉"}]}]}
    plain = (await call(STREAM, hello, key="k")).events
    sim.reset()
    sim.script(chunking=chunking)
    assert (await call(STREAM, hello, key="k")).events == plain


async def test_drip_sends_single_bytes(sim):
    sim.script(Fault("drip", seconds=0.0001))
    received, _ = await _raw(sim)
    sizes = set(received.partition(b"\r\n\r\n")[2].split(b"\r\n")[:40:2])
    assert sizes == {b"1"}


async def test_gzip_is_used_where_accepted(sim, call):
    sim.script(gzip=True)
    answer = await call(STREAM, HELLO, key="k", **{"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body).startswith(b"data: ")
    assert "content-encoding" not in (await call(STREAM, HELLO, key="k")).headers


async def test_odd_endings_are_whole_responses(sim, call):
    sim.script(Fault("blocked_prompt"))
    blocked = (await call(STREAM, HELLO, key="k")).events
    assert [event["promptFeedback"]["blockReason"] for event in blocked] == ["PROHIBITED_CONTENT"]
    assert "candidates" not in (await call(UNARY, HELLO, key="k")).json
    for effect, reason in [
        ("max_tokens_in_thinking", "MAX_TOKENS"),
        ("malformed_function_call", "MALFORMED_FUNCTION_CALL"),
        ("empty_stop", "STOP"),
    ]:
        sim.script(faults=[Fault(effect)])
        candidate = (await call(UNARY, HELLO, key="k")).json["candidates"][0]
        assert (candidate["finishReason"], candidate["content"]) == (reason, {"role": "model"})


async def test_text_and_events_are_streamed_as_given(sim, call):
    sim.script(Fault("text", pieces=["a", "b"], times=1), Fault("events", events=[{"usageMetadata": {}}]))
    texts = [event["candidates"][0]["content"]["parts"] for event in (await call(STREAM, HELLO, key="k")).events]
    assert texts == [[{"text": "a"}], [{"text": "b"}]]
    assert (await call(STREAM, HELLO, key="k")).events == [{"usageMetadata": {}}]


async def test_without_sse_a_stream_is_one_json_array(call):
    answer = await call(STREAM.removesuffix("?alt=sse"), HELLO, key="k")
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_client_that_leaves_is_noted_at_once(sim):
    sim.script(Fault("stall", after_events=1))
    _, ended = await _raw(sim)
    left = asyncio.get_running_loop().time()
    await sim.wait_closed(1)
    assert ended == "silence"
    assert sim.requests[0].finished is None
    assert abs(sim.requests[0].closed - left) < 0.05
    await sim.wait_connections(0)


def test_unknown_effect_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"no effect named 'resett'; known: .*reset"):
        Fault("resett")


async def test_cadence_spaces_events():
    async with Simulator(Scenario(cadence=0.02, events=4, text="a b c d")) as sim:
        started = time.monotonic()
        await _raw(sim)
        assert time.monotonic() - started >= 0.06
