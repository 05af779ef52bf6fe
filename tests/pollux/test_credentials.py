"""Credentials of the environment: whose they are, what they are called, and what serves beside them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import StoreError
from pollux.config import load
from pollux.credentials import from_environment, opened
from pollux.settings import Storage
from stores.forms import scan
from tests.stores.names import key_in

if TYPE_CHECKING:
    from pipeline.ports import Credential

ACCOUNT = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "refresh_token": "made-up-refresh",
    "project_id": "made-up-project",
}
TEXT = json.dumps(ACCOUNT)
KEY = key_in("GEMINI_API_KEY", "test-key-2")
PACKED = base64.b64encode(TEXT.encode()).decode()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    creds = tmp_path / "creds"
    creds.mkdir()
    creds.joinpath("kept.json").write_text('{"api_key": "test-key-1"}')


def found(**environ: str) -> dict[str, Credential]:
    return {each.id: each for each in from_environment(environ, Storage(load_env_credentials=True)).credentials}


def files(folder: str) -> list[str]:
    return [each.name for each in Path(folder).iterdir()]


async def served(**environ: str) -> set[str]:
    async with opened(load(None, environ), environ) as held:
        return {each.id for each in await held.store.load()}


@pytest.mark.parametrize("name", ["GCLI_CREDS_1", "GCLI_CREDS_work", "GOOGLE_CREDENTIALS", "GOOGLE_CREDENTIALS_10"])
@pytest.mark.parametrize("text", [TEXT, PACKED])
def test_account_is_read_from_json_and_base64_and_named_by_its_variable(name: str, text: str) -> None:
    (credential,) = found(**{name: text}).values()
    assert (credential.id, credential.source) == (name, name)
    assert credential.refresh_token == "made-up-refresh"
    assert credential.projects == ["made-up-project"]


def test_names_are_the_same_at_every_start() -> None:
    environ = {"GEMINI_API_KEYS": "test-key-2\ntest-key-3,test-key-4", "GCLI_CREDS_1": TEXT}
    assert list(found(**environ)) == list(found(**environ))
    assert len(found(**environ)) == 4


async def test_same_account_twice_is_one() -> None:
    environ = {"GCLI_CREDS_1": TEXT, "GCLI_CREDS_2": PACKED, "AUTO_LOAD_ENV_CREDS": "true"}
    assert await served(**environ) == {"kept", "GCLI_CREDS_1"}


async def test_environment_serves_beside_the_directory_and_numbered_ones_only_when_asked() -> None:
    environ = {"GEMINI_API_KEY": "test-key-2", "GCLI_CREDS_1": TEXT}
    assert await served(**environ) == {"kept", KEY}
    assert await served(**environ, AUTO_LOAD_ENV_CREDS="true") == {"kept", KEY, "GCLI_CREDS_1"}


async def test_google_credentials_stand_alone_unless_merged() -> None:
    environ = {"GOOGLE_CREDENTIALS": TEXT, "GEMINI_API_KEY": "test-key-2"}
    assert await served(**environ) == {"GOOGLE_CREDENTIALS", KEY}
    assert await served(**environ, GOOGLE_CREDENTIALS_MERGE="false") == {"GOOGLE_CREDENTIALS", KEY}
    merged = await served(**environ, GOOGLE_CREDENTIALS_MERGE="true")
    assert merged == {"GOOGLE_CREDENTIALS", KEY, "kept"}
    assert await served(GOOGLE_CREDENTIALS="") == {"kept"}


async def test_nothing_is_kept_where_it_would_not_be_served() -> None:
    environ = {"GOOGLE_CREDENTIALS": TEXT}
    async with opened(load(None, environ), environ) as held:
        with pytest.raises(StoreError, match="cannot be kept with the credentials from the environment"):
            await held.store.add(scan(b"test-key-5").credentials[0])


async def test_environment_is_written_nowhere() -> None:
    environ = {"GCLI_CREDS_1": TEXT, "AUTO_LOAD_ENV_CREDS": "1"}
    async with opened(load(None, environ), environ) as held:
        (credential,) = [each for each in await held.store.load() if each.id == "GCLI_CREDS_1"]
        credential.access_token = "made-up-access"
        await held.pool.refreshed(credential)
    assert files("creds") == ["kept.json"]
