"""Vertex with a key or with a project, and the one carrier that a credential may have."""

from __future__ import annotations

import pytest

from adapters.simulator import Account

ASK = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
EXPRESS = "/v1beta1/publishers/google/models/gemini-3.8-flash:generateContent"
PROJECT = "/v1/projects/p-1/locations/global/publishers/google/models/{}:{}"
PUBLIC = "/v1beta/models/gemini-3.8-flash:generateContent"


@pytest.fixture(autouse=True)
def _account(sim):
    sim.script(accounts=[Account("test-refresh-1", projects=["p-1"], access_tokens=["test-token-1"])])


@pytest.mark.parametrize("path", [EXPRESS, EXPRESS.replace("v1beta1", "v1")])
async def test_express_takes_a_key(call, path):
    assert (await call(path, ASK, key="k")).json["candidates"]


async def test_project_takes_a_token_of_its_owner(call):
    path = PROJECT.format("gemini-3.8-flash", "generateContent")
    assert (await call(path, ASK, bearer="test-token-1")).status == 200
    assert (await call(path, ASK, key="k")).status == 401
    assert (await call(path.replace("p-1", "p-2"), ASK, bearer="test-token-1")).status == 403


async def test_predict_embeds(call):
    path = PROJECT.format("gemini-embedding-001", "predict")
    body = {"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 8}}
    answer = (await call(path, body, bearer="test-token-1")).json
    assert len(answer["predictions"][0]["embeddings"]["values"]) == 8


async def test_labels_are_known_on_vertex_only(call):
    labelled = {**ASK, "labels": {"team": "x"}}
    assert (await call(EXPRESS, labelled, key="k")).status == 200
    assert (await call(PUBLIC, labelled, key="k")).status == 400


@pytest.mark.parametrize(
    ("path", "credentials", "status", "text"),
    [
        (PUBLIC, {}, 403, "unregistered callers"),
        (PUBLIC, {"key": "bad-key"}, 400, "API key not valid"),
        (PUBLIC + "?key=bad-key", {}, 400, "API key not valid"),
        (PUBLIC + "?key=k", {}, 200, "You said"),
        (PUBLIC + "?key=k", {"key": "k"}, 400, "Multiple authentication credentials received"),
        (PUBLIC, {"key": "k", "bearer": "test-token-1"}, 400, "Multiple authentication credentials received"),
        (PUBLIC, {"bearer": "test-token-1"}, 200, "You said"),
        (PUBLIC, {"bearer": "unknown"}, 401, "invalid authentication credentials"),
        (
            PUBLIC.replace("3.8", "9.9"),
            {"key": "k"},
            404,
            "models/gemini-9.9-flash is not found for API version v1beta",
        ),
        (PUBLIC.replace("3.8", "2.0"), {"key": "k"}, 404, "no longer available"),
        ("/v2/nowhere", {"key": "k"}, 404, "That's all we know"),
    ],
)
async def test_credentials_and_names_are_checked_first(call, path, credentials, status, text):
    answer = await call(path, ASK, **credentials)
    assert (answer.status, text in answer.body.decode()) == (status, True)


async def test_known_keys_can_be_listed(sim, call):
    sim.script(keys=["test-key-1"])
    assert (await call(PUBLIC, ASK, key="test-key-1")).status == 200
    assert (await call(PUBLIC, ASK, key="test-key-2")).status == 400
