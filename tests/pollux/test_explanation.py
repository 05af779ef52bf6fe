"""An explanation says what each stage changed and which lease comes first, and sends nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar, cast

import pytest

from pipeline.errors import AllCooling, Unauthorized
from pipeline.exchange import Caller, Exchange, Leases, Reply, Request
from pipeline.plan import Step
from pipeline.ports import Credential, Dialect, Ports
from pipeline.stage import Stage, StageConfig
from pipeline.unit_state import UnitState
from pollux.explanation import Change, Draw, Effect, explain, request_from


class Named(StageConfig, frozen=True):
    name: ClassVar[str] = "named"

    def build(self, ports: Ports) -> Stage | None:
        return None


class Terminal(Named, frozen=True):
    name: ClassVar[str] = "upstream"


class Lease:
    def __init__(self) -> None:
        self.credential = Credential(id="one", kind="code_assist", refresh_token="made-up")
        self.project = "p1"
        self.model = "m"
        self.outcomes: list[Any] = []

    def fail(self, exc: Any) -> None:
        raise AssertionError("nothing was sent")

    async def close(self, outcome: BaseException | None) -> None:
        self.outcomes.append(outcome)


def exchange() -> Exchange:
    return Exchange("id", Request("POST", "/", []), cast("Dialect", None), 0.0)


def units() -> list[UnitState]:
    told: dict[str, Any] = {"credential": "two", "kind": "code_assist", "project": "p2", "email": "", "source": ""}
    return [UnitState(id="two#0", state="cooling", reason="quota", **told)]


async def sent(x: Exchange) -> None:
    raise AssertionError("nothing is sent")


async def test_explanation_shows_changes_and_the_first_lease_given_back() -> None:
    lease = Lease()

    async def fill(x: Exchange) -> None:
        x.caller = Caller("password")
        x.payload["contents"] = []
        x.pipes.append(lambda chunk: chunk)

    async def nothing(x: Exchange) -> None:
        pass

    async def offer(x: Exchange) -> None:
        async def leases() -> AsyncIterator[Any]:
            yield lease
            raise AssertionError("one is enough")

        x.leases = cast("Leases", lambda x: leases())

    steps = [Step(Named(), fill), Step(Named(), nothing), Step(Named(), offer), Step(Terminal(), sent)]
    explanation = await explain(steps, exchange(), units)
    assert explanation.effects[0].changes == [
        Change("caller", None, {"name": "password", "scheme": "bearer", "key": None}),
        Change("payload.contents", None, []),
        Change("pipes", 0, 1),
    ]
    assert explanation.effects[1] == Effect("named", [])
    assert [each.field for each in explanation.effects[2].changes] == ["leases"]
    assert explanation.lease == Draw("one", "code_assist", "p1", why=["two#0 (code_assist): cooling: quota"])
    assert [type(outcome).__name__ for outcome in lease.outcomes] == ["ClientError"]


async def test_explanation_ends_where_a_stage_refuses_or_answers() -> None:
    async def refuse(x: Exchange) -> None:
        raise Unauthorized("Incorrect API key provided.")

    async def answer(x: Exchange) -> None:
        x.reply = Reply(body=b"")

    refused = await explain([Step(Named(), refuse), Step(Terminal(), sent)], exchange(), units)
    assert refused.effects == [Effect("named", [], "401 caller_auth: Incorrect API key provided.")]
    assert refused.lease is None
    answered = await explain([Step(Named(), answer), Step(Terminal(), sent)], exchange(), units)
    assert answered.effects == [Effect("named", [Change("reply", None, 200)])]
    assert answered.lease is None


async def test_explanation_says_why_there_is_no_lease() -> None:
    async def offer(x: Exchange) -> None:
        async def leases() -> AsyncIterator[Any]:
            nobody: list[Any] = []
            for each in nobody:
                yield each
            raise AllCooling("All rest.")

        x.leases = cast("Leases", lambda x: leases())

    explanation = await explain([Step(Named(), offer), Step(Terminal(), sent)], exchange(), list)
    assert explanation.lease == Draw(refused="429 provider_rate_limit: All rest.")


def test_request_is_read_as_from_an_http_file() -> None:
    text = b"POST /v1beta/models/m:generateContent?key=k HTTP/1.1\r\nX-Goog-Api-Key: test-key-1\r\n\r\n{}\n"
    assert request_from(text) == Request(
        "POST", "/v1beta/models/m:generateContent", [(b"x-goog-api-key", b"test-key-1")], b"{}", b"key=k"
    )
    assert request_from(b"GET /v1/models").method == "GET"


def test_request_that_is_a_body_alone_goes_to_the_path() -> None:
    request = request_from(b' {"model": "m"}', "/v1/messages", "k")
    assert (request.method, request.path, request.body) == ("POST", "/v1/messages", b' {"model": "m"}')
    assert request.header(b"authorization") == "Bearer k"


@pytest.mark.parametrize(("text", "message"), [(b"hello", "a request line"), (b"GET /\nno header\n\n", "a header")])
def test_request_that_is_none_says_what_was_expected(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"expected {message} such as"):
        request_from(text)
