"""Scripts written for the systems replaced run on: paths, methods and JSON as they had them.

Source: their READMEs and front ends; one test per group of endpoints.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import zipfile

from adapters.admin.seed import oauth
from tests.adapters.admin.test_logins import back_here, consent, google
from tests.adapters.admin.visitor import PANEL, visiting
from tests.proxy import CODE_ASSIST


async def test_login(tmp_path):
    async with visiting(tmp_path) as visitor:
        answer = await visitor.ask("POST", "/auth/login", {"password": PANEL}, headers={})
        assert answer.status == 200
        assert set(answer.document) >= {"token", "message"}
        assert (await visitor.ask("POST", "/auth/login", {"password": "wrong"}, headers={})).document.keys() == {
            "detail"
        }


async def test_oauth_with_the_browser_here(tmp_path):
    async with visiting(tmp_path, **google(managed="project-1")) as visitor:
        assert (await visitor.ask("GET", "/auth/status/anything")).status == 404
        started = (await visitor.ask("POST", "/auth/start", {"project_id": None})).document
        assert set(started) == {
            *("auth_url", "state", "auto_project_detection", "detected_project_id", "get_all_projects")
        }
        waiting = asyncio.create_task(visitor.ask("POST", "/auth/callback", {}))
        await visitor.ask("GET", back_here(visitor, await consent(visitor, started["auth_url"])), headers={})
        done = await waiting
        assert done.status == 200
        assert set(done.document) == {"credentials", "file_path", "message", "auto_detected_project"}
        assert "canary" not in done.body.decode()
        assert (await visitor.ask("GET", "/auth/status/project-1")).document["status"] == "completed"


async def test_oauth_with_a_pasted_address_and_a_project_to_choose(tmp_path, monkeypatch):
    monkeypatch.setattr(oauth, "PATIENCE", 0.0)
    options = google()
    options["scenario"].accounts[0] = type(options["scenario"].accounts[0])(
        "canary-refresh-token", "a@example.test", ["project-1", "project-2"], mood="no-project"
    )
    async with visiting(tmp_path, **options) as visitor:
        started = (await visitor.ask("POST", "/auth/start", {})).document
        assert (await visitor.ask("POST", "/auth/callback", {})).status == 400
        pasted = {"callback_url": await consent(visitor, started["auth_url"])}
        asked = await visitor.ask("POST", "/auth/callback-url", pasted)
        assert asked.status == 400
        assert asked.document["requires_project_selection"] is True
        assert {"name", "projectId", "projectNumber"} == set(asked.document["available_projects"][0])
        done = await visitor.ask("POST", "/auth/callback-url", pasted | {"project_id": "project-2"})
        assert done.document["credentials"]["project_id"] == "project-2"


async def test_upload(tmp_path):
    async with visiting(tmp_path, credentials={}) as visitor:
        files = {"mine.json": json.dumps(CODE_ASSIST).encode(), "broken.json": b"{"}
        done = await visitor.upload("/auth/upload", files)
        assert (done.document["uploaded_count"], done.document["total_count"]) == (1, 2)
        assert {"filename", "status", "message"} == set(done.document["results"][0])
        assert {each["status"] for each in done.document["results"]} == {"success", "error"}
        assert (await visitor.upload("/creds/upload", {"broken.json": b"{"})).status == 400


async def test_credentials(tmp_path):
    async with visiting(tmp_path, keys="") as visitor:
        creds = (await visitor.ask("GET", "/creds/status")).document["creds"]
        assert set(creds) == {"account.json"}
        assert {"disabled", "error_codes", "last_success", "user_email"} <= set(creds["account.json"]["status"])
        paged = (await visitor.ask("GET", "/creds/status?offset=0&limit=20")).document
        assert (paged["total"], paged["items"][0]["filename"]) == (1, "account.json")
        act = {"filename": "account.json", "action": "disable"}
        assert (await visitor.ask("POST", "/creds/action", act)).status == 200
        creds = (await visitor.ask("GET", "/creds/status")).document["creds"]
        assert creds["account.json"]["status"]["disabled"] is True
        assert (await visitor.ask("POST", "/creds/action", {**act, "action": "explode"})).status == 400
        assert (await visitor.ask("POST", "/creds/action", {**act, "filename": "../x.json"})).status == 404
        batch = {"action": "enable", "filenames": ["account.json", "nobody.json"]}
        done = (await visitor.ask("POST", "/creds/batch-action", batch)).document
        assert (done["success_count"], done["total_count"], len(done["errors"])) == (1, 2, 1)
        one = await visitor.ask("GET", "/creds/download/account.json")
        assert one.document["refresh_token"] == CODE_ASSIST["refresh_token"]
        whole = await visitor.ask("GET", "/creds/download-all")
        assert zipfile.ZipFile(io.BytesIO(whole.body)).namelist() == ["account.json"]
        email = (await visitor.ask("POST", "/creds/fetch-email/account.json")).document
        assert "@" in email["user_email"]
        every = (await visitor.ask("POST", "/creds/refresh-all-emails")).document
        assert (every["success_count"], every["total_count"]) == (1, 1)


async def test_environment(tmp_path):
    options = {"credentials": {}, "keys": "", "GCLI_CREDS_1": json.dumps(CODE_ASSIST)}
    async with visiting(tmp_path, **options) as visitor:
        shown = (await visitor.ask("GET", "/auth/env-creds-status")).document
        assert shown["available_env_vars"] == {"GCLI_CREDS_1": "***已设置***"}
        assert (shown["auto_load_enabled"], shown["existing_env_files_count"]) == (False, 0)
        for _ in range(2):
            loaded = (await visitor.ask("POST", "/auth/load-env-creds")).document
            assert (loaded["loaded_count"], loaded["total_count"]) == (1, 1)
        assert (await visitor.ask("GET", "/auth/env-creds-status")).document["existing_env_files_count"] == 1
        assert (await visitor.ask("DELETE", "/auth/env-creds")).document["deleted_count"] == 1
        assert list((tmp_path / "creds").iterdir()) == []


async def test_keys(tmp_path):
    async with visiting(tmp_path) as visitor:
        made = (await visitor.ask("POST", "/auth/keys", {"total_quota": 20, "description": "a friend"})).document
        assert re.fullmatch(r"sk-\w{48}", made["api_key"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", made["created_at"])
        assert (made["total_quota"], made["used_quota"], made["remaining_quota"]) == (20, 0, 20)
        secret = made["api_key"]
        assert (await visitor.chat(secret)).status == 200
        await asyncio.sleep(0.5)
        query = (await visitor.ask("POST", "/auth/query", {"api_key": secret}, headers={})).document
        assert query["api_key"] == f"{secret[:10]}...{secret[-3:]}"
        assert (query["used_quota"], query["remaining_quota"], query["usage_percentage"]) == (2, 18, 10.0)
        assert query["model_stats"] == {"gemini-2.5-flash": 1}
        assert query["model_costs_used"] == {"gemini-2.5-flash": 2}
        quota = await visitor.ask("GET", "/auth/quota", headers={"authorization": f"Bearer {secret}"})
        assert quota.document == query
        listed = await visitor.ask("GET", "/auth/keys")
        assert secret not in listed.body.decode()
        assert listed.document["total"] == 1
        assert (await visitor.ask("GET", f"/auth/keys/{secret}")).document == query
        assert (await visitor.ask("POST", "/auth/query", {"api_key": query["api_key"]}, headers={})).status == 404
        assert (await visitor.ask("DELETE", f"/auth/keys/{secret}")).status == 200
        assert (await visitor.ask("GET", "/auth/quota", headers={"x-api-key": secret})).status == 401
        assert (await visitor.chat(secret)).status == 401


async def test_costs(tmp_path):
    async with visiting(tmp_path) as visitor:
        assert (await visitor.ask("GET", "/auth/models/costs")).document["model_costs"]["gemini-2.5-pro"] == 10
        assert (await visitor.ask("GET", "/auth/models/unheard-of/cost", headers={})).document["cost"] == 1
        wanted = {"model_name": "gemini-2.5-pro", "cost": 7}
        assert (await visitor.ask("POST", "/auth/models/costs", wanted)).status == 200
        assert (await visitor.ask("GET", "/auth/models/gemini-2.5-pro/cost", headers={})).document["cost"] == 7
        assert (await visitor.ask("DELETE", "/auth/models/costs/gemini-2.5-pro")).status == 200
        assert (await visitor.ask("GET", "/auth/models/gemini-2.5-pro/cost", headers={})).document["cost"] == 10
        assert (await visitor.ask("DELETE", "/auth/models/costs/gemini-2.5-pro")).status == 404


async def test_config(tmp_path):
    async with visiting(tmp_path, CALLS_PER_ROTATION="9") as visitor:
        shown = (await visitor.ask("GET", "/config/get")).document
        assert {"calls_per_rotation", "port", "host"} <= set(shown["env_locked"])
        config = shown["config"]
        assert (config["calls_per_rotation"], config["api_password"], config["panel_password"]) == (9, "", "")
        assert (config["retry_429_max_retries"], config["retry_429_enabled"]) == (3, True)
        wanted = config | {"retry_429_max_retries": 5, "anti_truncation_max_attempts": 4, "log_file": "other.log"}
        saved = (await visitor.ask("POST", "/config/save", {"config": wanted})).document
        assert set(saved) == {"message", "saved_config", "hot_updated", "restart_required"}
        assert set(saved["hot_updated"]) == {"retry_429_max_retries", "anti_truncation_max_attempts"}
        assert saved["restart_required"] == ["log_file"]
        after = (await visitor.ask("GET", "/config/get")).document["config"]
        assert (after["retry_429_max_retries"], after["anti_truncation_max_attempts"]) == (5, 4)
        for wrong in ({"retry_429_interval": 11}, {"retry_429_max_retries": -1}, {"auto_ban_enabled": "maybe"}):
            refused = await visitor.ask("POST", "/config/save", {"config": wrong})
            assert refused.status == 400, wrong
            assert next(iter(wrong)).partition("_")[0] in refused.document["detail"].replace("auto_ban", "auto")


async def test_usage(tmp_path):
    async with visiting(tmp_path, keys="") as visitor:
        await visitor.chat()
        stats = (await visitor.ask("GET", "/usage/stats")).document
        assert stats["account.json"]["total_calls"] == 1
        assert set(stats["account.json"]) == {
            *("gemini_2_5_pro_calls", "total_calls", "daily_limit_gemini_2_5_pro", "daily_limit_total"),
            "next_reset_time",
        }
        one = (await visitor.ask("GET", "/usage/stats?filename=account.json")).document
        assert one == stats["account.json"]
        limits = {"filename": "account.json", "gemini_2_5_pro_limit": 50, "total_limit": 500}
        assert (await visitor.ask("POST", "/usage/update-limits", limits)).status == 200
        one = (await visitor.ask("GET", "/usage/stats?filename=account.json")).document
        assert (one["daily_limit_gemini_2_5_pro"], one["daily_limit_total"]) == (50, 500)
        aggregated = (await visitor.ask("GET", "/usage/aggregated")).document
        assert (aggregated["total_files"], aggregated["total_all_model_calls"]) == (1, 1)
        assert (await visitor.ask("POST", "/usage/reset", {})).status == 200
        assert (await visitor.ask("GET", "/usage/stats?filename=account.json")).document["total_calls"] == 0


async def test_dashboard_and_import(tmp_path):
    async with visiting(tmp_path, credentials={}, keys="") as visitor:
        text = {"credentials": json.dumps(CODE_ASSIST), "label": "a friend's"}
        done = (await visitor.ask("POST", "/admin/cli-auth/import", text)).document
        assert set(done) == {"account_id", "gemini_key_id", "state", "account_email"}
        assert done["state"] == "imported"
        stats = (await visitor.ask("GET", "/admin/stats")).document
        assert (stats["gemini_keys"], stats["active_gemini_keys"], stats["user_keys"]) == (1, 1, 0)
        assert (await visitor.ask("POST", "/admin/cli-auth/import", {"credentials": "{}"})).status == 400


async def test_logs(tmp_path):
    async with visiting(tmp_path, LOG_FILE=str(tmp_path / "log.txt")) as visitor:
        (tmp_path / "log.txt").write_text('{"level":"info","event":"one"}\n')
        answer = await visitor.ask("GET", "/auth/logs/download")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert b"one" in answer.body
        assert (await visitor.ask("POST", "/auth/logs/clear")).status == 200
        assert (await visitor.ask("GET", "/auth/logs/download")).body == b""
