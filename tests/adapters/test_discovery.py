"""The five ways in which Code Assist receives an account, and what is made of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.discovery import PATIENCE, POLL, Projects
from adapters.egress import Egress
from adapters.simulator import Account, Fault, Scenario, Simulator
from pipeline.errors import Broken, Refused, StoreError, UpstreamError
from pipeline.ports import Credential
from tests.adapters.upstreams.rig import ReadyTokens, StillClock, answering, everything_at


class Rig:
    def __init__(self, sim: Simulator, egress: Egress) -> None:
        self.sim = sim
        self.clock = StillClock()
        self.saved: list[list[str]] = []
        self.broken = False
        self.projects = Projects(egress, self.clock, ReadyTokens(), self.save, everything_at(sim.url))

    async def save(self, credential: Credential) -> None:
        if self.broken:
            raise StoreError
        self.saved.append(list(credential.projects))

    def asked(self, what: str) -> int:
        return len(self.sim.requests.matching(what))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    egress = Egress()
    account = Account(refresh_token="r1", access_tokens=["token-1"], managed_project="silver-radar-1")
    async with Simulator(Scenario(accounts=[account])) as sim:
        rig = Rig(sim, egress)
        yield rig
        await rig.projects.close()
        await egress.close()


def credential(*projects: str) -> Credential:
    return Credential(id="c1", kind="code_assist", access_token="token-1", projects=list(projects))


async def test_account_that_is_enrolled_has_its_project_read_and_is_not_enrolled_again(rig):
    found = credential("mine", "_auto")
    assert await rig.projects.find(found) == "silver-radar-1"
    assert found.projects == ["mine", "silver-radar-1"]
    assert rig.saved == [["mine", "silver-radar-1"]]
    assert rig.asked("onboardUser") == 0


async def test_project_once_found_is_not_asked_for_again(rig):
    found = credential()
    assert {await rig.projects.find(found) for _ in range(3)} == {"silver-radar-1"}
    assert (rig.asked("loadCodeAssist"), found.projects) == (1, ["silver-radar-1"])


async def test_fifty_who_wait_make_one_discovery(rig):
    rig.sim.script(latency=0.02)
    found = credential("_auto")
    assert len(set(await asyncio.gather(*(rig.projects.find(found) for _ in range(50))))) == 1
    assert rig.asked("loadCodeAssist") == 1


async def test_new_free_account_is_enrolled_without_a_project_and_waited_for(rig):
    rig.sim.script(mood="free-tier", onboarding_polls=3)
    found = credential("_auto")
    project = await rig.projects.find(found)
    assert project.startswith("silver-radar-")
    assert found.projects == [project]
    [enrolment] = rig.sim.requests.matching("onboardUser")
    assert enrolment.body["tierId"] == "free-tier"
    assert "cloudaicompanionProject" not in enrolment.body
    assert rig.clock.slept == [POLL] * len(rig.sim.requests.matching("/operations/"))


@pytest.mark.parametrize(
    ("mood", "says"),
    [
        ("unsupported-client", "This client is no longer supported for Gemini Code Assist for individuals."),
        ("validation-required", "https://accounts.google.com/signin/continue"),
    ],
)
async def test_account_that_is_not_eligible_is_disabled_in_googles_own_words(rig, mood, says):
    rig.sim.script(mood=mood)
    with pytest.raises(Refused) as caught:
        await rig.projects.find(credential("_auto"))
    exc = caught.value
    assert (exc.verdict.scope, exc.verdict.action, exc.status) == ("credential", "disable", 502)
    assert says in exc.verdict.reason
    assert says not in exc.message
    assert (rig.asked("onboardUser"), rig.saved) == (0, [])


@pytest.mark.parametrize("fault", [None, "403-vpc"])
async def test_licensed_account_without_project_is_told_to_name_one(rig, fault):
    account = Account(refresh_token="r1", access_tokens=["token-1"])
    rig.sim.script(*([Fault(fault)] if fault else []), accounts=[account], mood="no-project")
    with pytest.raises(Refused) as caught:
        await rig.projects.find(credential("_auto"))
    assert "needs a Google Cloud project" in caught.value.verdict.reason


async def test_enrolment_that_never_ends_is_given_up(rig):
    rig.sim.script(mood="free-tier", onboarding_polls=10_000)
    with pytest.raises(Broken) as caught:
        await rig.projects.find(credential("_auto"))
    assert caught.value.error_type == "provider_timeout"
    assert PATIENCE <= rig.clock.passed <= PATIENCE + 2 * POLL


@pytest.mark.parametrize(
    ("fault", "action"),
    [
        ("401", "refresh"),
        ("403-validation", "disable"),
        ("403-tos", "disable"),
        ("404", "cool"),
        ("404-html", "cool"),
        ("500", "rotate"),
        ("html-502", "rotate"),
        ("429-bare", "cool"),
    ],
)
@pytest.mark.parametrize("path", ["loadCodeAssist", "onboardUser", "operations"])
async def test_error_at_any_step_is_no_success(rig, fault, action, path):
    rig.sim.script(Fault(fault, path=path), mood="free-tier")
    with pytest.raises(UpstreamError) as caught:
        await rig.projects.find(credential("_auto"))
    assert caught.value.verdict.action == action
    assert caught.value.status >= 429  # nothing that reads like the caller's mistake
    assert rig.saved == []


async def test_failure_is_not_remembered(rig):
    rig.sim.script(Fault("500", times=1))
    with pytest.raises(Broken):
        await rig.projects.find(credential("_auto"))
    assert await rig.projects.find(credential("_auto")) == "silver-radar-1"


async def test_enrolment_that_ends_in_an_error_says_so():
    refused = {"error": {"code": 7, "message": "The caller does not have permission"}}
    answers = [{"allowedTiers": [{"id": "free-tier", "isDefault": True}]}, {"done": True, "name": "x", **refused}]
    egress = Egress()
    async with answering(answers) as url:
        projects = Projects(egress, StillClock(), ReadyTokens(), no_save, everything_at(url))
        with pytest.raises(Refused, match="could not find the project") as caught:
            await projects.find(credential("_auto"))
    await egress.close()
    assert (caught.value.verdict.action, caught.value.status) == ("cool", 502)
    assert "does not have permission" in caught.value.verdict.reason


async def test_project_is_understood_as_text_and_as_object():
    answers = [{"currentTier": {"id": "standard-tier"}, "cloudaicompanionProject": {"id": "p-1", "name": "P"}}]
    egress = Egress()
    async with answering(answers) as url:
        projects = Projects(egress, StillClock(), ReadyTokens(), no_save, everything_at(url))
        assert await projects.find(credential("_auto")) == "p-1"
    await egress.close()


async def no_save(credential: Credential) -> None: ...


async def test_broken_store_does_not_cost_the_project(rig):
    rig.broken = True
    assert await rig.projects.find(credential("_auto")) == "silver-radar-1"
