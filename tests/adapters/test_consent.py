"""The way of a login, from the page to the credential."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.consent import SCOPES, ask_consent, code_of, exchange
from adapters.egress import Egress
from adapters.oauth import OAuthClient
from adapters.simulator import Account, Fault, Scenario, Simulator
from pipeline.errors import BadRequest, Refused
from tests.adapters.upstreams.rig import NOW, StillClock, everything_at

CLIENT = OAuthClient("made-up-client.apps.example", "made-up")
BACK = "http://127.0.0.1:8085/oauth2callback"


@pytest.fixture
async def egress() -> AsyncIterator[Egress]:
    egress = Egress()
    yield egress
    await egress.close()


def test_page_asks_for_offline_access_every_time_and_proves_who_asked():
    first, second = ask_consent(CLIENT, BACK), ask_consent(CLIENT, BACK)
    assert first.state != second.state
    assert first.verifier != second.verifier
    query = {name: values[0] for name, values in parse_qs(urlsplit(first.url).query).items()}
    assert first.url.startswith("https://accounts.google.com/o/oauth2/v2/auth?")
    assert query["prompt"] == "consent"
    assert query["access_type"] == "offline"
    assert query["code_challenge_method"] == "S256"
    assert query["scope"] == " ".join(SCOPES)
    assert query["redirect_uri"] == BACK
    assert first.verifier not in first.url
    assert CLIENT.secret not in first.url.replace(CLIENT.id, "")


async def test_consent_ends_in_a_credential_whose_project_is_to_be_found(egress):
    account = Account(refresh_token="refresh-1", email="a@example.test")
    async with Simulator(Scenario(accounts=[account])) as sim:
        at = everything_at(sim.url)
        consent = ask_consent(CLIENT, BACK, at)
        page = await egress.fetch("GET", consent.url)
        callback = dict(page.headers)[b"location"].decode()
        credential = await exchange(egress, StillClock(), consent, CLIENT, code_of(consent, callback), at)
    assert credential.refresh_token == "refresh-1"
    assert credential.expires_at == NOW + 3599
    assert credential.email == "a@example.test"
    assert (credential.client_id, credential.projects) == (CLIENT.id, ["_auto"])


async def test_code_that_is_used_twice_is_refused(egress):
    async with Simulator(Scenario(faults=[Fault("invalid_grant-code", path="/token")])) as sim:
        at = everything_at(sim.url)
        with pytest.raises(Refused, match="invalid_grant"):
            await exchange(egress, StillClock(), ask_consent(CLIENT, BACK, at), CLIENT, "4/used", at)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("code=4/x&state=foreign", "state"),
        ("code=4/x", "state"),
        ("error=access_denied&state={state}", "error"),
        ("state={state}", "code"),
        ("code=4/x&state=\u00e9", "state"),
    ],
)
def test_callback_that_grants_nothing_names_what_is_wrong(query, field):
    consent = ask_consent(CLIENT, BACK)
    with pytest.raises(BadRequest) as caught:
        code_of(consent, f"{BACK}?{query.format(state=consent.state)}")
    assert caught.value.field == field


def test_pasted_callback_may_have_space_around_it():
    consent = ask_consent(CLIENT, BACK)
    assert code_of(consent, f" {BACK}?state={consent.state}&code=4%2Fx&scope=a \n") == "4/x"
