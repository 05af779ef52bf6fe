"""Stage `quota`: what an answer costs, and who pays for which end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.clock import SystemClock
from pipeline.errors import Broken, Draining, Forbidden, Limited
from pipeline.exchange import Asked, Caller, Exchange, Key
from pipeline.holdings import Holdings
from pipeline.keys import account_of
from pipeline.ports import Ports
from pipeline.quota import Quotas
from pipeline.stages.quota import Quota, estimate
from pipeline.windows import Windows
from stores.memory import MemoryState
from tests.pipeline.pools import exchange


class Rig:
    def __init__(self, folder: Path) -> None:
        self.state = MemoryState()
        self.holdings = Holdings(self.state, SystemClock(), Windows(), folder)
        self.quotas = Quotas(self.state, SystemClock(), Windows(), self.holdings)
        self.stage = Quota().build(cast("Ports", SimpleNamespace(quotas=self.quotas)))

    async def spent(self, what: str = "total") -> int:
        await self.holdings.close()
        accounts = await self.state.accounts(account_of("k", what))
        return sum(account.spent for account in accounts.values())


@pytest.fixture
async def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "ledger")


def asking(asked: str, model: str = "", key: Key | None = None, **fields: Any) -> Exchange:
    x = exchange(model or asked)
    x.asked = Asked(asked)
    x.caller = Caller("k", key=key or Key(id="k", total_quota=1000))
    for name, value in fields.items():
        setattr(x, name, value)
    return x


async def ended(rig: Rig, x: Exchange, outcome: BaseException | None = None) -> None:
    await rig.stage(x)
    for closer in x.closers:
        await closer(outcome)


@pytest.mark.parametrize(
    ("asked", "model", "features", "cost"),
    [
        ("gemini-2.5-pro", "", {}, 10),
        ("gemini-2.5-pro-preview-06-05", "", {}, 10),
        ("gemini-2.5-flash", "", {}, 2),
        ("gemini-3-pro-preview", "", {}, 15),
        ("gemini-2.5-pro-maxthinking", "gemini-2.5-pro", {"thinking": "max"}, 10),
        ("假流式/gemini-2.5-pro", "gemini-2.5-pro", {"fake-stream": True}, 10),
        ("流式抗截断/gemini-2.5-pro", "gemini-2.5-pro", {"anti-truncation": True}, 20),
        ("流式抗截断/gemini-2.5-flash", "gemini-2.5-flash", {"anti-truncation": True}, 4),
        ("流式抗截断/gemini-3-pro-preview", "gemini-3-pro-preview", {"anti-truncation": True}, 30),
        ("gemini-9-unheard-of", "", {}, 1),
        ("抗截断/gemini-9-unheard-of", "gemini-9-unheard-of", {"anti-truncation": True}, 2),
    ],
)
async def test_answer_costs_what_its_model_does(rig, asked, model, features, cost):
    await ended(rig, asking(asked, model, features=features))
    assert await rig.spent() == cost


async def test_exact_name_wins_over_plain_one_and_run_time_over_the_file(rig):
    rig.quotas.costs.put("gemini-2.5-pro-search", 12)
    rig.quotas.costs.put("gemini-2.5-pro", 1)
    await ended(rig, asking("gemini-2.5-pro-search", "gemini-2.5-pro", features={"search": True}))
    await ended(rig, asking("gemini-2.5-pro"))
    assert await rig.spent() == 13


async def test_counting_tokens_costs_nothing(rig):
    await ended(rig, asking("gemini-2.5-pro", operation="count_tokens"))
    assert await rig.spent() == 0


@pytest.mark.parametrize(
    ("outcome", "first_byte", "cost"),
    [
        (None, 1.0, 1),
        (asyncio.CancelledError(), 0.0, 0),
        (asyncio.CancelledError(), 1.0, 1),
        (Broken(), 0.0, 0),
        (Broken(), 1.0, 0),
        (Draining(), 1.0, 0),
    ],
)
async def test_answered_is_charged_and_failed_is_refunded(rig, outcome, first_byte, cost):
    await ended(rig, asking("m", first_byte=first_byte), outcome)
    assert await rig.spent() == cost


async def test_tokens_are_estimated_and_then_counted(rig):
    key = Key(id="k", tpm=500)
    payload = {"contents": [{"parts": [{"text": "x" * 400}]}]}
    await ended(rig, asking("m", key=key, payload=payload, usage={"totalTokenCount": 450}))
    with pytest.raises(Limited):
        await rig.stage(asking("m", key=key, payload=payload))
    assert await rig.spent("tpm") == 450


def test_estimate_reads_all_texts_and_counts_a_file_as_a_picture():
    payload: dict[str, Any] = {
        "contents": [{"parts": [{"text": "a" * 40}, {"inlineData": {"data": "b" * 100_000}}]}, {"role": "user"}],
        "systemInstruction": {"parts": [{"text": "c" * 40}]},
    }
    assert estimate(payload) == 20 + 258 + 1
    assert estimate({}) == 1


async def test_model_not_allowed_is_forbidden_and_free(rig):
    with pytest.raises(Forbidden) as refused:
        await rig.stage(asking("gemini-2.5-pro", key=Key(id="k", models=["*-flash"])))
    assert (refused.value.error_type, refused.value.field) == ("policy_model_denied", "model")
    assert await rig.spent() == 0


async def test_password_has_no_quota(rig):
    x = exchange("m")
    x.caller = Caller("password")
    await rig.stage(x)
    assert x.charge is None
    assert x.closers == []


async def test_closer_told_twice_charges_once(rig):
    x = asking("m")
    await ended(rig, x)
    await x.closers[0](None)
    assert await rig.spent() == 1


def test_cost_below_zero_is_refused():
    with pytest.raises(ValueError, match="a cost is 0 or more"):
        Quota(costs={"m": -1})
