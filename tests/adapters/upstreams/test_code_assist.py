"""Code Assist's envelope, in and out, against the simulated Google."""

from __future__ import annotations

import copy

import pytest

from adapters.simulator import Account, Fault, Scenario, Simulator
from adapters.upstreams.code_assist import CodeAssist, accepted, counted
from pipeline.errors import Refused
from pipeline.ports import Credential
from tests.adapters.upstreams.rig import (
    AGENT,
    Loan,
    ReadyTokens,
    StillClock,
    ask,
    body_of,
    call,
    everything_at,
    said,
    text_of,
)

ACCOUNT = Account(refresh_token="refresh-1", access_tokens=["token-1"], projects=["my-p"])


class NoFinder:
    async def find(self, credential: Credential) -> str:
        return f"found-for-{credential.id}"


def loan(project: str = "my-p", **fields: object) -> Loan:
    credential = Credential(id="c1", kind="code_assist", access_token="token-1", refresh_token="refresh-1", **fields)  # type: ignore[arg-type]
    return Loan(credential, project)


def upstream(url: str = "https://cloudcode.example") -> CodeAssist:
    return CodeAssist(AGENT, StillClock(), ReadyTokens(), NoFinder(), everything_at(url))


async def test_request_goes_into_its_envelope():
    sent = await call(upstream(), loan(), "models/gemini-2.5-pro", said("hi"), stream=True)
    assert sent.target == "/v1internal:streamGenerateContent?alt=sse"
    assert body_of(sent) == {
        "model": "gemini-2.5-pro",
        "project": "my-p",
        "user_prompt_id": "req-1",
        "request": said("hi"),
    }
    assert [value for name, value in sent.headers if name == b"authorization"] == [b"Bearer token-1"]
    assert b"x-goog-api-key" not in dict(sent.headers)


async def test_public_name_becomes_code_assists_own():
    assert body_of(await call(upstream(), loan(), "gemini-3.5-flash", said("hi")))["model"] == "gemini-3-flash"


@pytest.mark.parametrize("project", ["", "_auto"])
async def test_project_that_is_not_named_is_found(project):
    assert body_of(await call(upstream(), loan(project), "m", said("hi")))["project"] == "found-for-c1"


async def test_project_number_disables_the_unit_and_says_so():
    with pytest.raises(Refused) as caught:
        await call(upstream(), loan("123456789"), "m", said("hi"))
    assert (caught.value.verdict.scope, caught.value.verdict.action) == ("unit", "disable")
    assert "number" in caught.value.verdict.reason


async def test_quota_project_is_named_only_where_the_credential_has_one():
    assert b"x-goog-user-project" not in dict((await call(upstream(), loan(), "m", said("hi"))).headers)
    payer = loan(extra={"quota_project_id": "payer-1"})
    assert dict((await call(upstream(), payer, "m", said("hi"))).headers)[b"x-goog-user-project"] == b"payer-1"


def test_fields_that_code_assist_does_not_know_stay_here_and_the_payload_is_unchanged():
    payload = {
        **said("hi"),
        "systemInstruction": {"parts": [{"text": "s"}]},
        "store": True,
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"$schema": "x"}}]}],
        "generationConfig": {"temperature": 0, "imageConfig": {}, "thinkingConfig": {"thinkingBudget": 0}},
    }
    before = copy.deepcopy(payload)
    assert accepted(payload) == {
        **said("hi"),
        "systemInstruction": {"role": "user", "parts": [{"text": "s"}]},
        "tools": payload["tools"],
        "generationConfig": {"temperature": 0, "thinkingConfig": {"thinkingBudget": 0}},
    }
    assert payload == before


def test_counting_folds_instruction_and_tools_and_unmarks_thoughts():
    thought = {"role": "model", "parts": [{"text": "hm", "thought": True}]}
    request = {
        "contents": [*said("hi")["contents"], thought],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"googleSearch": {}}],
    }
    expected = {
        "model": "models/gemini-2.5-pro",
        "contents": [
            {"role": "user", "parts": [{"text": "s"}, {"text": '[{"googleSearch":{}}]'}]},
            *said("hi")["contents"],
            {"role": "model", "parts": [{"text": "hm"}]},
        ],
    }
    assert counted(request, "gemini-2.5-pro") == expected
    assert counted({"generateContentRequest": request}, "gemini-2.5-pro") == expected
    assert thought["parts"] == [{"text": "hm", "thought": True}]


@pytest.mark.parametrize("stream", [False, True])
async def test_answer_comes_out_of_its_envelope(stream):
    async with Simulator(Scenario(text="Hello there", accounts=[ACCOUNT])) as sim:
        chunks = await ask(upstream(sim.url), loan(), "gemini-2.5-pro", said("hi"), stream=stream)
    assert text_of(chunks) == "Hello there"
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_history_that_google_would_refuse_is_accepted():
    contents = [
        {"role": "model", "parts": [{"text": "Hello, how can I help?"}]},
        {"parts": [{"text": "one"}]},
        {"role": "user", "parts": [{"text": "two"}]},
        {"role": "model", "parts": [{"text": "Well,"}]},
    ]
    async with Simulator(Scenario(text="ok", accounts=[ACCOUNT])) as sim:
        chunks = await ask(upstream(sim.url), loan(), "gemini-2.5-pro", {"contents": contents})
    assert text_of(chunks) == "ok"


async def test_count_is_accepted_by_google():
    payload = {**said("hi"), "systemInstruction": {"parts": [{"text": "s"}]}}
    async with Simulator(Scenario(accounts=[ACCOUNT])) as sim:
        [answer] = await ask(upstream(sim.url), loan(), "gemini-2.5-pro", payload, "count_tokens")
    assert answer["totalTokens"] > 0


async def test_error_in_a_stream_without_events_is_an_array_and_is_understood():
    async with Simulator(Scenario(accounts=[ACCOUNT], faults=[Fault("429-code-assist-quota")])) as sim:
        with pytest.raises(Exception, match="exhausted your capacity") as caught:
            await ask(upstream(sim.url), loan(), "gemini-2.5-pro", said("hi"), stream=True)
    assert caught.value.error_type == "provider_quota_day"  # type: ignore[attr-defined]
