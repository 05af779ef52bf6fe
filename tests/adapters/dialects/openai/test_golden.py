"""Every golden case: what upstream is asked, what the caller gets, and that Google would have taken the request."""

from __future__ import annotations

import orjson
import pytest

from adapters.dialects.openai import OpenAIChat
from adapters.simulator.fields import read as readable
from adapters.simulator.models import find
from adapters.simulator.validator import validate
from pipeline.exchange import Request
from pipeline.signatures import fill_missing, replace_all
from tests.adapters.dialects.rig import exchange, reply
from tests.golden_files import Case, cases

CASES = cases("openai_chat")


def read(case: Case):
    asking = Request(method="POST", path="/v1/chat/completions", headers=[], body=case.request)
    return exchange(OpenAIChat(), asking)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.folder.name)
def test_golden_case_asks_upstream_and_answers_as_recorded(case, update_golden):
    x = read(case)
    case.check_payload(x.payload, update_golden)
    case.check_reply(reply(OpenAIChat(), x, case.events), update_golden)


# What Google refuses, and we pass on all the same: a field of tomorrow, a limit that is the caller's own.
REFUSED = {"gemini_body_stream", "text_stream"}


@pytest.mark.parametrize("face", ["gemini", "code_assist", "vertex"])
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.folder.name not in REFUSED], ids=lambda case: case.folder.name
)
def test_golden_request_is_one_that_google_takes(case, face):
    x = read(case)
    model = find(x.model, []) or find(x.model, [x.model])
    assert model is not None
    x.payload["contents"] = fill_missing(replace_all(x.payload["contents"]), x.model)
    validate(readable(orjson.dumps(x.payload), "GenerateContentRequest", face), model, face, stream=x.stream)
