"""Credentials through the admin API: every form in, no secret out (seed defects 4, 11, 12, 41)."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from adapters.admin.app import disposition
from adapters.simulator import Scenario
from tests.adapters.admin.visitor import visiting
from tests.stores.names import key_in

CANARY = "canary-refresh-token-1"
DOCUMENT = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "canary-client-secret",
    "refresh_token": CANARY,
    "token": "canary-access-token",
    "project_id": "made-up-project-2",
}


def archive(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return whole.getvalue()


async def test_pasted_key_serves_the_next_request(tmp_path):
    async with visiting(tmp_path, credentials={}, keys="") as visitor:
        assert (await visitor.chat()).status == 503
        added = await visitor.ask("POST", "/api/v1/credentials", {"text": "test-key-7"})
        assert added.document["added"] == 1
        assert (await visitor.chat()).status == 200
        name = added.document["results"][0]["id"]
        assert (await visitor.ask("POST", f"/api/v1/credentials/{name}/disable", {"reason": "rest"})).status == 200
        assert (await visitor.chat()).status == 503
        shown = (await visitor.ask("GET", f"/api/v1/credentials/{name}")).document
        assert (shown["state"], shown["reason"]) == ("disabled", "rest")
        assert shown["last_success"] > 0
        await visitor.ask("POST", f"/api/v1/credentials/{name}/enable")
        assert (await visitor.chat()).status == 200
        await visitor.ask("DELETE", f"/api/v1/credentials/{name}")
        assert (await visitor.chat()).status == 503


async def test_uploaded_archive_is_read_entry_by_entry(tmp_path):
    packed = archive(
        {
            "one.json": json.dumps(DOCUMENT).encode(),
            "two/one.json": json.dumps({**DOCUMENT, "refresh_token": "another"}).encode(),
            "../../etc/escape.json": json.dumps({**DOCUMENT, "refresh_token": "third"}).encode(),
            "bomb.json": b" " * 20_000_000,
            "nothing.json": b"{}",
        }
    )
    async with visiting(tmp_path, credentials={}) as visitor:
        answer = await visitor.upload("/api/v1/credentials/upload", {"all.zip": packed})
        results = {each["entry"]: each for each in answer.document["results"]}
        assert (answer.document["added"], answer.document["refused"]) == (2, 3)
        assert "out of the archive" in results["../../etc/escape.json"]["reason"]
        assert "larger than" in results["bomb.json"]["reason"]
        again = await visitor.upload("/api/v1/credentials/upload", {"all.zip": packed})
        assert (again.document["added"], again.document["known"]) == (0, 2)
        assert len(list((tmp_path / "creds").iterdir())) == 2


async def test_archive_of_too_many_entries_is_refused_whole(tmp_path):
    packed = archive({f"{n}.json": b"{}" for n in range(1001)})
    async with visiting(tmp_path) as visitor:
        answer = await visitor.upload("/api/v1/credentials/upload", {"all.zip": packed})
        assert answer.document["refused"] == 1
        assert "more than 1000 entries" in answer.document["results"][0]["reason"]


async def test_too_many_files_are_refused(tmp_path):
    async with visiting(tmp_path) as visitor:
        files = {f"{n}.json": b"{}" for n in range(101)}
        assert (await visitor.upload("/api/v1/credentials/upload", files)).status == 400


async def test_too_long_an_upload_is_refused(tmp_path):
    async with visiting(tmp_path) as visitor:
        sent = await visitor.upload("/api/v1/credentials/upload", {"a.json": b" " * (65 * 1024 * 1024)})
        assert sent.status == 413


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.json", "../../escape.json", "a\\b:c.json", ".json"])
async def test_hostile_file_name_names_nothing(tmp_path, name):
    async with visiting(tmp_path, credentials={}) as visitor:
        answer = await visitor.upload("/api/v1/credentials/upload", {name: json.dumps(DOCUMENT).encode()})
        assert answer.document["added"] == 1
        kept = answer.document["results"][0]["id"]
        assert not set(kept) & set("<>/\\:\"'\r\n")
        assert [each.parent for each in (tmp_path / "creds").iterdir()] == [tmp_path / "creds"]
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ['x"; filename="evil.exe', "x\r\nset-cookie: a=b", "名字.json", "../x"])
def test_no_name_breaks_out_of_content_disposition(name):
    header = disposition(name)
    assert header.isascii()
    assert "\r" not in header
    assert header.count('"') == 2
    assert "/" not in header


async def test_only_downloads_hold_secrets(tmp_path):
    async with visiting(tmp_path, credentials={"mine.json": DOCUMENT}) as visitor:
        for path in (
            *("/api/v1/credentials", "/api/v1/credentials/mine", "/api/v1/config", "/api/v1/overview", "/api/v1/logs"),
            *("/creds/status", "/creds/status?limit=20", "/config/get", "/admin/stats", "/auth/env-creds-status"),
            *("/api/v1/pipelines", "/usage/stats", "/api/v1/traces", "/api/v1/jobs"),
        ):
            answer = await visitor.ask("GET", path)
            assert answer.status == 200, path
            for secret in ("canary", "test-key-1", "test-api-password", "test-panel-password"):
                assert secret not in answer.body.decode(), (path, secret)
        one = await visitor.ask("GET", "/api/v1/credentials/mine/download")
        assert one.document["refresh_token"] == CANARY
        assert one.headers["content-disposition"].startswith('attachment; filename="mine.json"')
        whole = await visitor.ask("GET", "/creds/download-all")
        packed = zipfile.ZipFile(io.BytesIO(whole.body))
        assert CANARY in packed.read("mine.json").decode()
        chosen = await visitor.ask("GET", "/api/v1/credentials.zip?id=mine")
        assert zipfile.ZipFile(io.BytesIO(chosen.body)).namelist() == ["mine.json"]


async def test_batch_goes_on_after_one_that_fails(tmp_path):
    async with visiting(tmp_path) as visitor:
        of_environment = key_in("GEMINI_API_KEYS", "test-key-1")
        batch = {"action": "delete", "ids": ["nobody", of_environment, "account"]}
        done = (await visitor.ask("POST", "/api/v1/credentials/batch", batch)).document
        assert done["succeeded"] == 1
        errors = {each["id"]: each["error"] for each in done["results"]}
        assert "no credential" in errors["nobody"]
        assert "environment" in errors[of_environment]


async def test_verify_says_what_google_says(tmp_path):
    async with visiting(tmp_path, scenario=Scenario(keys=["test-key-1"]), keys="test-key-1,wrong-key-1") as visitor:
        rows = (await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]
        ids = [each["id"] for each in rows if each["kind"] == "gemini_api"]
        answers = [await visitor.ask("POST", f"/api/v1/credentials/{each}/verify") for each in ids]
        assert sorted(bool(each.document["error"]) for each in answers) == [False, True]


async def test_email_is_fetched_and_kept(tmp_path):
    async with visiting(tmp_path) as visitor:
        done = (await visitor.ask("POST", "/api/v1/credentials/account/email")).document
        assert "@" in done["email"]
        assert (await visitor.ask("GET", "/api/v1/credentials/account")).document["email"] == done["email"]
        assert done["email"] in (tmp_path / "creds" / "account.json").read_text()
