"""Access tokens against the simulated Google: one call for all, kept, and honest about why there is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.egress import Egress
from adapters.oauth import OAuthClient, Tokens
from adapters.simulator import Account, Fault, Scenario, Simulator
from pipeline.errors import Broken, Refused, StoreError, UpstreamError
from pipeline.ports import Credential
from tests.adapters.upstreams.rig import NOW, StillClock, answering, everything_at


class Kept:
    """A store that remembers what it was given, or cannot."""

    def __init__(self) -> None:
        self.saved: list[tuple[str, str]] = []
        self.broken = False

    async def __call__(self, credential: Credential) -> None:
        if self.broken:
            raise StoreError
        self.saved.append((credential.access_token, credential.refresh_token))


class Rig:
    def __init__(self, sim: Simulator, egress: Egress) -> None:
        self.sim = sim
        self.clock = StillClock()
        self.kept = Kept()
        self.client: OAuthClient | None = None
        self.tokens = Tokens(egress, self.clock, self.kept, everything_at(sim.url), lambda: self.client)

    @property
    def calls(self) -> int:
        return len(self.sim.requests.matching("/token"))

    async def settle(self) -> None:
        while self.tokens._flights:
            await asyncio.wait(list(self.tokens._flights.values()))
            await asyncio.sleep(0)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    egress = Egress()
    async with Simulator(Scenario(accounts=[Account(refresh_token="refresh-1")])) as sim:
        rig = Rig(sim, egress)
        yield rig
        await rig.tokens.close()
        await egress.close()


def person(left: float = 0.0, **fields: object) -> Credential:
    known = {
        "access_token": "old",
        "client_id": "made-up-client.apps.example",
        "client_secret": "made-up",
        "refresh_token": "refresh-1",
    }
    return Credential(id="c1", kind="code_assist", expires_at=NOW + left, **(known | fields))  # type: ignore[arg-type]


async def test_good_token_is_used_without_asking_anybody(rig):
    assert await rig.tokens.token(person(left=301)) == "old"
    assert rig.calls == 0


async def test_ended_token_is_renewed_merged_and_kept(rig):
    credential = person(extra={"id_token": "old", "note": "mine"})
    token = await rig.tokens.token(credential)
    assert token not in {"", "old"}
    assert credential.refresh_token == "refresh-1"
    assert credential.expires_at == NOW + 3599
    assert credential.extra["id_token"] != "old"
    assert credential.extra["note"] == "mine"
    assert rig.kept.saved == [(token, "refresh-1")]
    assert rig.sim.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"


async def test_fifty_who_wait_make_one_call(rig):
    rig.sim.script(refresh_latency=0.05)
    credential = person()
    tokens = await asyncio.gather(*(rig.tokens.token(credential) for _ in range(50)))
    assert (len(set(tokens)), rig.calls) == (1, 1)


async def test_same_account_read_twice_makes_one_call_and_both_get_the_token(rig):
    rig.sim.script(refresh_latency=0.05)
    first, second = person(), person()
    second.id = "c2"
    tokens = await asyncio.gather(rig.tokens.token(first), rig.tokens.token(second))
    assert (len(set(tokens)), rig.calls, second.expires_at) == (1, 1, NOW + 3599)


async def test_caller_who_leaves_takes_nothing_from_those_who_stay(rig):
    rig.sim.script(refresh_latency=0.05)
    credential = person()
    leaving = asyncio.create_task(rig.tokens.token(credential))
    staying = asyncio.create_task(rig.tokens.token(credential))
    await rig.sim.wait_requests(1)
    leaving.cancel()
    assert await staying == credential.access_token != "old"
    assert rig.calls == 1


async def test_token_about_to_end_is_used_while_it_is_renewed_in_the_background(rig):
    credential = person(left=200)
    assert await rig.tokens.token(credential) == "old"
    await rig.settle()
    assert credential.access_token != "old"
    assert rig.kept.saved


async def test_failure_in_the_background_costs_no_request_and_is_not_repeated_at_once(rig):
    rig.sim.script(Fault("500", path="/token"))
    credential = person(left=200)
    for _ in range(20):
        assert await rig.tokens.token(credential) == "old"
        await rig.settle()
    assert rig.calls == 1
    rig.clock.passed += 31
    await rig.tokens.token(credential)
    await rig.settle()
    assert rig.calls == 2


async def test_forced_renewals_of_one_wave_make_one_call(rig):
    credential = person(left=3000)
    for _ in range(5):
        assert await rig.tokens.renew(credential)
    assert rig.calls == 1
    rig.clock.passed += 11
    await rig.tokens.renew(credential)
    assert rig.calls == 2


async def test_token_that_cannot_be_renewed_is_used_as_it_is(rig):
    bare = person(refresh_token="")
    assert await rig.tokens.token(bare) == "old"
    assert not await rig.tokens.renew(bare)
    with pytest.raises(Refused):
        await rig.tokens.token(Credential(id="x", kind="code_assist"))


async def test_broken_store_does_not_cost_the_token(rig):
    rig.kept.broken = True
    assert await rig.tokens.token(person()) != "old"


@pytest.mark.parametrize(
    ("fault", "action", "says"),
    [
        ("invalid_grant", "disable", "expired or revoked"),
        ("invalid_grant-foreign", "disable", "invalid_grant"),
        ("invalid_grant-clock", "cool", "clock is wrong"),
        ("invalid_rapt", "disable", "invalid_rapt"),
        ("unauthorized_client", "disable", "unauthorized_client"),
        ("invalid_client", "cool", "[oauth] client_id"),
        ("invalid_client-secret", "cool", "[oauth] client_id"),
        ("unsupported_grant_type", "cool", "unsupported_grant_type"),
        ("429-bare", "cool", "429"),
        ("500", "rotate", ""),
        ("html-502", "rotate", ""),
        ("404-html", "rotate", ""),
    ],
)
async def test_refusal_is_permanent_ours_or_passing(rig, fault, action, says):
    rig.sim.script(Fault(fault, path="/token"))
    with pytest.raises(UpstreamError) as caught:
        await rig.tokens.token(person())
    exc = caught.value
    assert (exc.verdict.action, exc.status, exc.error_type) == (action, 502, "provider_auth")
    assert says in exc.verdict.reason
    assert rig.kept.saved == []


async def test_google_out_of_reach_is_passing():
    egress, clock = Egress(), StillClock()
    tokens = Tokens(egress, clock, Kept(), everything_at("http://127.0.0.1:9"))
    with pytest.raises(Broken) as caught:
        await tokens.token(person())
    assert caught.value.verdict.action == "rotate"
    await egress.close()


async def test_credential_without_client_gets_the_default_one_and_keeps_it(rig):
    credential = person(client_id="", client_secret="")
    with pytest.raises(Refused) as caught:
        await rig.tokens.token(credential)
    assert (caught.value.verdict.action, rig.calls) == ("cool", 0)
    assert "gemini-cli" in caught.value.verdict.reason
    rig.client = OAuthClient("default.apps.example", "made-up")
    await rig.tokens.token(credential)
    assert (credential.client_id, credential.client_secret) == ("default.apps.example", "made-up")


async def test_rotated_refresh_token_is_kept():
    answer = {"access_token": "new", "expires_in": "60", "refresh_token": "refresh-2", "token_type": "Bearer"}
    egress, kept = Egress(), Kept()
    async with answering([answer]) as url:
        credential = person()
        assert await Tokens(egress, StillClock(), kept, everything_at(url)).token(credential) == "new"
    await egress.close()
    assert kept.saved == [("new", "refresh-2")]
    assert credential.expires_at == NOW + 60


def key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(65537, 2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def robot(private_key: str) -> Credential:
    account = {"client_email": "robot@my-p.example", "private_key": private_key, "private_key_id": "made-up"}
    return Credential(id="sa", kind="vertex", service_account=account)


async def test_service_account_signs_for_its_token_which_is_not_written_to_its_file(rig):
    private, public = key_pair()
    rig.sim.script(service_accounts={"robot@my-p.example": public})
    rig.clock.now = time.time
    credential = robot(private)
    token = await rig.tokens.token(credential)
    assert token == await rig.tokens.token(credential)
    assert (rig.calls, rig.kept.saved) == (1, [])
    assert rig.sim.requests[0].body["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.mark.parametrize(
    "private_key", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
async def test_service_account_that_cannot_sign_is_disabled(rig, private_key):
    with pytest.raises(Refused) as caught:
        await rig.tokens.token(robot(private_key))
    assert (caught.value.verdict.action, caught.value.error_type) == ("disable", "provider_auth")


@pytest.mark.parametrize("wrong", [-7200, 7200])
async def test_service_account_of_a_machine_with_the_wrong_time_is_not_out_for_good(rig, wrong):
    private, public = key_pair()
    rig.sim.script(service_accounts={"robot@my-p.example": public})
    rig.clock.now = lambda: time.time() + wrong
    with pytest.raises(Refused) as caught:
        await rig.tokens.token(robot(private))
    assert (caught.value.verdict.action, "clock" in caught.value.verdict.reason) == ("cool", True)
    rig.clock.now = time.time
    assert await rig.tokens.token(robot(private))


def test_client_does_not_show_its_secret():
    assert "canary" not in repr(OAuthClient("made-up", "canary"))


async def test_token_that_another_process_renewed_is_taken_without_asking():
    observed: list[str] = []

    @asynccontextmanager
    async def elsewhere(credential: Credential) -> AsyncIterator[Credential | None]:
        yield person(left=3000, access_token="new", refresh_token="refresh-2")

    egress = Egress()
    async with Simulator() as sim:
        tokens = Tokens(
            egress,
            StillClock(),
            Kept(),
            everything_at(sim.url),
            observe=lambda kind, result: observed.append(result),
            turn=elsewhere,
        )
        credential = person()
        assert await tokens.token(credential) == "new"
        assert (credential.expires_at, credential.refresh_token) == (NOW + 3000, "refresh-2")
        assert not sim.requests.matching("/token")
        assert observed == []
        await tokens.close()
    await egress.close()
