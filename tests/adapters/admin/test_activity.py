"""What the console shows of what happens: overview, charts, usage, jobs, traces."""

from __future__ import annotations

from adapters.simulator import Fault, Scenario
from tests.adapters.admin.visitor import visiting


async def test_overview_and_charts_count_what_was_asked(tmp_path):
    async with visiting(tmp_path) as visitor:
        for _ in range(3):
            assert (await visitor.chat()).status == 200
        streamed = {"model": "gemini-2.5-flash", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        await visitor.ask(
            "POST", "/v1/chat/completions", streamed, headers={"authorization": "Bearer test-api-password"}
        )
        await visitor.chat("a-wrong-key")
        overview = (await visitor.ask("GET", "/api/v1/overview")).document
        assert (overview["requests"], overview["errors"], overview["status"]) == (5, 1, "ok")
        assert (overview["store"], overview["store_name"]) == ("ok", "sqlite")
        assert overview["error_share"] == 0.2
        assert overview["tokens"]["output"] > 0
        assert overview["credentials"] == {"ready": 4}
        (failure,) = overview["recent_errors"]
        assert (failure["status"], failure["error_type"]) == (401, "caller_auth")
        assert "a-wrong-key" not in str(overview)
        buckets = (await visitor.ask("GET", "/api/v1/series")).document["buckets"]
        assert sum(each["requests"] for each in buckets) == 5
        assert sum(each["stream_ends"].get("complete", 0) for each in buckets) == 1
        assert any(each["ttft_p50"] for each in buckets)


async def test_failure_of_google_shows_with_its_credential(tmp_path):
    scenario = Scenario(faults=[Fault(effect="500")])
    async with visiting(tmp_path, scenario=scenario, credentials={}, keys="test-key-1") as visitor:
        assert (await visitor.chat()).status >= 500
        (credential,) = (await visitor.ask("GET", "/api/v1/credentials")).document["credentials"]
        assert credential["error_codes"]
        overview = (await visitor.ask("GET", "/api/v1/overview")).document
        assert overview["recent_errors"][0]["credential"] == credential["id"]


async def test_usage_is_shown_by_day_and_forgotten_on_demand(tmp_path):
    async with visiting(tmp_path, credentials={}, keys="test-key-1") as visitor:
        await visitor.chat()
        table = (await visitor.ask("GET", "/api/v1/usage?scope=model")).document
        assert table["usage"]["gemini-2.5-flash"]["calls"] == 1
        history = (await visitor.ask("GET", "/api/v1/usage/model/gemini-2.5-flash?days=2")).document
        assert [each["calls"] for each in history["days"].values()] == [1, 0]
        assert (await visitor.ask("DELETE", "/api/v1/usage/model/gemini-2.5-flash")).status == 204
        assert (await visitor.ask("GET", "/api/v1/usage?scope=model")).document["usage"] == {}
        assert (await visitor.ask("GET", "/api/v1/usage/planet/mars")).status == 404


async def test_job_is_run_and_switched_by_hand(tmp_path):
    async with visiting(tmp_path) as visitor:
        jobs = {each["name"]: each for each in (await visitor.ask("GET", "/api/v1/jobs")).document["jobs"]}
        assert "prune" in jobs
        assert (await visitor.ask("POST", "/api/v1/jobs/prune/run")).document["last"]["ok"]
        switched = await visitor.ask("PATCH", "/api/v1/jobs/prune", {"on": False})
        assert (switched.document["enabled"], switched.document["switched"]) == (False, True)
        assert (await visitor.ask("POST", "/api/v1/jobs/made-up/run")).status == 404


async def test_watched_request_is_shown_stage_by_stage(tmp_path):
    async with visiting(tmp_path) as visitor:
        await visitor.ask("PUT", "/api/v1/traces/watch", {"seconds": 30})
        await visitor.chat()
        await visitor.ask("PUT", "/api/v1/traces/watch", {"seconds": 0})
        await visitor.chat()
        (trace,) = (await visitor.ask("GET", "/api/v1/traces")).document["traces"]
        assert trace["status"] == 200
        assert {"auth", "upstream"} <= {each["stage"] for each in trace["spans"]}


async def test_log_is_tailed_downloaded_and_cleared(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text('{"level":"info","event":"one"}\n{"level":"error","event":"two"}\n')
    async with visiting(tmp_path, LOG_FILE=str(log)) as visitor:
        tail = (await visitor.ask("GET", "/api/v1/logs?lines=10&level=error")).document
        assert tail["scope"] == "all workers"
        assert [("two" in line) for line in tail["lines"]] == [True]
        assert b"one" in (await visitor.ask("GET", "/api/v1/logs/download")).body
        assert (await visitor.ask("DELETE", "/api/v1/logs")).status == 204
        assert (await visitor.ask("GET", "/api/v1/logs")).document["lines"] == []
