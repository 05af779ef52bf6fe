"""Vertex with keys and with tokens: places, projects, embeddings."""

from __future__ import annotations

import pytest

from adapters.endpoints import GOOGLE
from adapters.simulator import Account, Scenario, Simulator
from adapters.upstreams.vertex import Vertex, VertexExpress
from adapters.upstreams.vertex_embeddings import embedded
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
KEY = Loan(Credential(id="k1", kind="vertex_express", api_key="test-key-1"))


def loan(project: str = "my-p", location: str = "", **fields: object) -> Loan:
    return Loan(
        Credential(id="v1", kind="vertex", access_token="token-1", location=location, **fields),  # type: ignore[arg-type]
        project,
    )


def vertex(url: str = "https://vertex.example") -> Vertex:
    return Vertex(AGENT, StillClock(), ReadyTokens(), everything_at(url))


def express(url: str = "https://vertex.example") -> VertexExpress:
    return VertexExpress(AGENT, StillClock(), everything_at(url))


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("", "aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("us", "aiplatform.us.rep.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
async def test_location_decides_host_and_path(location, host):
    upstream = Vertex(AGENT, StillClock(), ReadyTokens(), GOOGLE)
    sent = await call(upstream, loan(location=location), "gemini-3.8-flash", said("hi"))
    place = f"/v1/projects/my-p/locations/{location or 'global'}"
    assert (sent.origin.host, sent.origin.port) == (host, 443)
    assert sent.target == f"{place}/publishers/google/models/gemini-3.8-flash:generateContent"


async def test_other_base_url_serves_every_location():
    sent = await call(vertex("http://127.0.0.1:9"), loan(location="us"), "m", said("hi"))
    assert (sent.origin.host, sent.origin.port) == ("127.0.0.1", 9)


async def test_project_comes_from_lease_or_account_or_payer_or_not_at_all():
    def project(sent_target: str) -> str:
        return sent_target.split("/")[3]

    account = {"project_id": "sa-p"}
    assert project((await call(vertex(), loan(), "m", said("hi"))).target) == "my-p"
    found = await call(vertex(), loan("_auto", service_account=account), "m", said("hi"))
    assert project(found.target) == "sa-p"
    paid = await call(vertex(), loan("", extra={"quota_project_id": "payer"}), "m", said("hi"))
    assert project(paid.target) == "payer"
    with pytest.raises(Refused) as caught:
        await call(vertex(), loan(""), "m", said("hi"))
    assert caught.value.verdict.action == "disable"


async def test_each_has_its_own_single_credential_carrier():
    with_key, with_token = await call(express(), KEY, "m", said("hi")), await call(vertex(), loan(), "m", said("hi"))
    assert with_key.target == "/v1beta1/publishers/google/models/m:generateContent"
    carriers = {b"authorization", b"x-goog-api-key"}
    assert carriers & dict(with_key.headers).keys() == {b"x-goog-api-key"}
    assert carriers & dict(with_token.headers).keys() == {b"authorization"}


async def test_turns_get_their_role_and_counting_its_top_level():
    payload = {"contents": [{"parts": [{"text": "hi"}]}], "model": "x"}
    assert body_of(await call(vertex(), loan(), "m", payload)) == said("hi")
    wrapped = {"generateContentRequest": {**said("hi"), "model": "models/m", "systemInstruction": {"parts": []}}}
    counted = body_of(await call(vertex(), loan(), "m", wrapped, "count_tokens"))
    assert counted == {**said("hi"), "systemInstruction": {"parts": []}}


async def test_count_of_a_whole_request_has_only_what_vertex_counts():
    choice = {"functionCallingConfig": {"mode": "ANY"}}
    tools = [{"functionDeclarations": [{"name": "f"}]}]
    whole = {**said("hi"), "tools": tools, "toolConfig": choice, "safetySettings": [], "labels": {"a": "b"}}
    async with Simulator(Scenario(accounts=[ACCOUNT])) as sim:
        wrapped = {"generateContentRequest": whole}
        [count] = await ask(vertex(sim.url), loan(), "gemini-3.8-flash", wrapped, "count_tokens")
    assert count["totalTokens"] > 0


async def test_embeddings_are_predictions_there_and_embeddings_here():
    one = {
        "content": {"parts": [{"text": "a"}, {"text": "b"}]},
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 3,
    }
    sent = await call(vertex(), loan(), "gemini-embedding-001", {"requests": [one, one]}, "batch_embed")
    assert sent.target.endswith("/gemini-embedding-001:predict")
    assert body_of(sent) == {
        "instances": [{"content": "ab", "task_type": "RETRIEVAL_QUERY"}] * 2,
        "parameters": {"outputDimensionality": 3},
    }
    vector = {"values": [0.1]}
    assert embedded({"predictions": [{"embeddings": vector}] * 2}) == {"embeddings": [vector, vector]}
    assert embedded({"predictions": [{"embeddings": vector}]}) == {"embeddings": [vector], "embedding": vector}
    counted = {"embeddings": {**vector, "statistics": {"truncated": False, "token_count": 4}}}
    usage = {"promptTokenCount": 8, "totalTokenCount": 8}
    assert embedded({"predictions": [counted] * 2}) == {"embeddings": [vector, vector], "usageMetadata": usage}


async def test_newest_embedding_model_has_a_method_of_its_own_for_one_input():
    one = {"content": {"parts": [{"text": "a"}]}, "model": "models/gemini-embedding-2"}
    sent = await call(vertex(), loan(), "gemini-embedding-2", {"requests": [one]}, "batch_embed")
    assert sent.target.endswith("/gemini-embedding-2:embedContent")
    assert body_of(sent) == {"content": one["content"]}
    with pytest.raises(Refused) as caught:
        await call(vertex(), loan(), "gemini-embedding-2", {"requests": [one, one]}, "batch_embed")
    assert caught.value.verdict.action == "rotate"


@pytest.mark.parametrize("stream", [False, True])
async def test_answers_come_through_from_both(stream):
    async with Simulator(Scenario(text="Hello there", accounts=[ACCOUNT])) as sim:
        for upstream, lease in ((vertex(sim.url), loan()), (express(sim.url), KEY)):
            chunks = await ask(upstream, lease, "gemini-3.8-flash", said("hi"), stream=stream)
            assert text_of(chunks) == "Hello there"


async def test_embeddings_and_counts_are_accepted_by_google():
    embed = {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8}
    async with Simulator(Scenario(accounts=[ACCOUNT])) as sim:
        [vector] = await ask(vertex(sim.url), loan(), "gemini-embedding-001", embed, "embed")
        [count] = await ask(vertex(sim.url), loan(), "gemini-3.8-flash", said("hi"), "count_tokens")
    assert len(vector["embedding"]["values"]) == 8
    assert count["totalTokens"] > 0


async def test_token_that_ran_out_asks_for_a_refresh_and_a_bad_key_is_disabled():
    async with Simulator(Scenario(accounts=[ACCOUNT])) as sim:
        with pytest.raises(Refused) as old:
            await ask(
                vertex(sim.url), Loan(Credential(id="v", kind="vertex", access_token="old"), "my-p"), "m", said("x")
            )
        bad = Loan(Credential(id="k", kind="vertex_express", api_key="bad-key"))
        with pytest.raises(Refused) as dead:
            await ask(express(sim.url), bad, "gemini-3.8-flash", said("x"))
    assert (old.value.verdict.action, dead.value.verdict.action) == ("refresh", "disable")
