"""The Gemini API's requests, and its answers from the simulated Google."""

from __future__ import annotations

import pytest

from adapters.simulator import Fault, Scenario, Simulator
from adapters.upstreams.gemini_api import GeminiApi
from pipeline.errors import Broken, Busy, Refused
from pipeline.ports import Credential, Origin
from tests.adapters.upstreams.rig import (
    AGENT,
    Loan,
    StillClock,
    ask,
    body_of,
    call,
    everything_at,
    said,
    text_of,
)

LOAN = Loan(Credential(id="k1", kind="gemini_api", api_key="test-key-1"))
HI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def upstream(url: str = "https://gemini.example") -> GeminiApi:
    return GeminiApi(AGENT, StillClock(), everything_at(url))


async def test_call_carries_exactly_one_credential_and_our_name():
    sent = await call(upstream(), LOAN, "gemini-3.8-flash", HI)
    assert sent.origin == Origin("https", "gemini.example", 443)
    assert sent.target == "/v1beta/models/gemini-3.8-flash:generateContent"
    assert dict(sent.headers) == {
        b"content-type": b"application/json",
        b"x-goog-api-key": b"test-key-1",
        b"user-agent": b"pollux/0.1.0",
    }


async def test_base_url_with_a_path_and_port_is_kept():
    sent = await call(upstream("http://127.0.0.1:8080/google/"), LOAN, "m", HI, stream=True)
    assert sent.origin == Origin("http", "127.0.0.1", 8080)
    assert sent.target == "/google/v1beta/models/m:streamGenerateContent?alt=sse"
    assert sent.stream


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("models/gemini-3.8-flash", "models/gemini-3.8-flash"),
        ("tunedModels/mine-1", "tunedModels/mine-1"),
        ("../../v1/x", "models/..%2F..%2Fv1%2Fx"),
        ("a?key=b#c", "models/a%3Fkey%3Db%23c"),
        ("a b\r\n", "models/a%20b%0D%0A"),
        ("模型", "models/%E6%A8%A1%E5%9E%8B"),
    ],
)
async def test_models_name_stays_one_path_segment(model, segment):
    sent = await call(upstream(), LOAN, model, HI)
    assert sent.target == f"/v1beta/{segment}:generateContent"


async def test_many_model_names_do_not_grow_memory():
    gemini = upstream()
    for number in range(3000):
        await call(gemini, LOAN, f"m{number}", HI)
    assert len(gemini._targets._known) <= 1024


async def test_payload_goes_out_untouched_but_for_the_model():
    payload = {**HI, "model": "x", "generationConfig": {"temperature": 0}, "futureField": {"a_b": None}}
    sent = await call(upstream(), LOAN, "m", payload)
    assert body_of(sent) == {**HI, "generationConfig": {"temperature": 0}, "futureField": {"a_b": None}}
    assert payload["model"] == "x"


async def test_batch_names_the_models_in_its_requests():
    payload = {"requests": [{"content": {"parts": [{"text": "a"}]}, "model": "models/other"}]}
    sent = await call(upstream(), LOAN, "gemini-embedding-001", payload, "batch_embed")
    assert sent.target.endswith(":batchEmbedContents")
    assert body_of(sent)["requests"][0]["model"] == "models/gemini-embedding-001"


async def test_counting_more_than_contents_is_wrapped():
    assert body_of(await call(upstream(), LOAN, "m", HI, "count_tokens")) == HI
    system = {"parts": [{"text": "s"}]}
    wrapped = {"generateContentRequest": {**HI, "systemInstruction": system, "model": "models/m"}}
    assert body_of(await call(upstream(), LOAN, "m", {**HI, "systemInstruction": system}, "count_tokens")) == wrapped
    assert body_of(await call(upstream(), LOAN, "m", wrapped, "count_tokens")) == wrapped


@pytest.mark.parametrize("stream", [False, True])
async def test_answer_comes_through_from_google(stream):
    async with Simulator(Scenario(text="Hello there")) as sim:
        chunks = await ask(upstream(sim.url), LOAN, "gemini-3.8-flash", said("hi"), stream=stream)
        assert text_of(chunks) == "Hello there"
        assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize(
    ("operation", "payload", "key"),
    [
        ("count_tokens", said("hi"), "totalTokens"),
        ("embed", {"content": {"parts": [{"text": "a"}]}}, "embedding"),
        ("batch_embed", {"requests": [{"content": {"parts": [{"text": "a"}]}}]}, "embeddings"),
    ],
)
async def test_other_operations_are_accepted_by_google(operation, payload, key):
    model = "gemini-3.8-flash" if operation == "count_tokens" else "gemini-embedding-001"
    async with Simulator() as sim:
        [answer] = await ask(upstream(sim.url), LOAN, model, payload, operation)
        assert key in answer


async def test_bad_key_disables_the_credential_and_is_no_fault_of_the_caller():
    loan = Loan(Credential(id="k1", kind="gemini_api", api_key="bad-key"))
    async with Simulator() as sim:
        with pytest.raises(Refused) as caught:
            await ask(upstream(sim.url), loan, "gemini-3.8-flash", said("hi"))
    assert (caught.value.status, caught.value.verdict.action) == (502, "disable")


@pytest.mark.parametrize("framing", ["data", "bare", "array"])
async def test_error_in_mid_stream_is_raised_with_what_came_before(framing):
    fault = Fault("mid_stream_error", after_events=1, error="429-per-minute", framing=framing)
    async with Simulator(Scenario(text="one two three four", events=4, faults=[fault])) as sim:
        with pytest.raises(Busy) as caught:
            await ask(upstream(sim.url), LOAN, "gemini-3.8-flash", said("hi"), stream=True)
    assert caught.value.retry_after == 44.0


async def test_html_from_a_front_end_is_a_broken_upstream():
    async with Simulator(Scenario(faults=[Fault("html-502")])) as sim:
        with pytest.raises(Broken) as caught:
            await ask(upstream(sim.url), LOAN, "gemini-3.8-flash", said("hi"))
    assert caught.value.status == 502
    assert "<" not in caught.value.message


async def test_key_has_nothing_to_refresh():
    assert not await upstream().refresh(LOAN)
