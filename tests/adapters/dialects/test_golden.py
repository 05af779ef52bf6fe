"""Every golden case: what upstream is asked, what the caller gets, and that Google would have taken the request."""

from __future__ import annotations

import orjson
import pytest

from adapters.dialects.anthropic import Anthropic
from adapters.dialects.gemini import Gemini
from adapters.dialects.openai_embeddings import OpenAIEmbeddings
from adapters.dialects.openai_images import OpenAIImages
from adapters.dialects.responses import OpenAIResponses
from adapters.simulator.fields import read as readable
from adapters.simulator.models import find
from adapters.simulator.validator import validate
from pipeline.exchange import Request
from pipeline.signatures import fill_missing, replace_all
from tests.adapters.dialects.rig import exchange, reply
from tests.golden_files import Case, cases

DIALECTS = {each.name: each for each in (Gemini(), Anthropic(), OpenAIResponses(), OpenAIEmbeddings(), OpenAIImages())}
PATHS = {
    "anthropic": "/v1/messages",
    "openai_responses": "/v1/responses",
    "openai_embeddings": "/v1/embeddings",
    "openai_images": "/v1/images/generations",
}
GEMINI = "/v1beta/models/gemini-3.8-flash"
CASES = [case for name in DIALECTS for case in cases(name)]


def named(case: Case) -> str:
    return f"{case.folder.parent.name}/{case.folder.name}"


def read(case: Case):
    dialect, kind = DIALECTS[case.folder.parent.name], case.folder.name.rpartition("_")[2]
    method = ":generateContent" if kind == "unary" else ":streamGenerateContent"
    path = PATHS.get(dialect.name, GEMINI + method)
    query = b"alt=sse" if kind == "stream" else b""
    return exchange(dialect, Request(method="POST", path=path, headers=[], body=case.request, query_string=query))


@pytest.mark.parametrize("case", CASES, ids=named)
def test_golden_case_asks_upstream_and_answers_as_recorded(case, update_golden):
    x = read(case)
    case.check_payload(x.payload, update_golden)
    case.check_reply(reply(x.dialect, x, case.events), update_golden)


@pytest.mark.parametrize("case", [case for case in CASES if "embeddings" not in named(case)], ids=named)
def test_golden_request_is_one_that_google_takes(case):
    x = read(case)
    model = find(x.model, []) or find(x.model, [x.model])
    assert model is not None
    x.payload["contents"] = fill_missing(replace_all(x.payload["contents"]), x.model)
    validate(readable(orjson.dumps(x.payload), "GenerateContentRequest", "gemini"), model, "gemini", stream=x.stream)
