"""What the jobs of a house do."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from adapters.simulator import Fault, Scenario
from pipeline.units import Ban
from tests.proxy import Running, pollux
from tests.stores.names import key_in

DAY = 86_400.0


def ban(it: Running, name: str, days: float, by: str = "upstream") -> None:
    note = Ban(reason="shut out", by="operator" if by == "operator" else "upstream", at=time.time() - days * DAY)
    it.house.state.put("disabled", name, msgspec.to_builtins(note))


async def result(it: Running, name: str) -> tuple[bool, str]:
    state = await it.house.jobs.run(name)
    assert state.last is not None
    return state.last.ok, state.last.result


async def present(it: Running) -> set[str]:
    await it.house.pool.reload()
    return {credential.id for credential in it.house.pool.credentials()}


def three_files() -> dict[str, object]:
    return {f"{name}.json": {"api_key": f"made-up-{name}"} for name in ("a", "b", "c")}


async def test_jobs_of_a_house_are_off_unless_they_only_forget(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        assert {state.name: state.enabled for state in await it.house.jobs.list()} == {
            "keep-alive": False,
            "credential-health": False,
            "credential-clean-up": False,
            "prune": True,
        }


async def test_keep_alive_asks_for_its_url_and_says_what_came(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        assert await result(it, "keep-alive") == (True, "no URL is set: jobs.keep_alive_url")
        text = f'[jobs]\nkeep_alive_url = "{it.url}/healthz"\nkeep_alive_interval = 120\n'
        (tmp_path / "proxy.toml").write_text(text, encoding="utf-8")
        assert (await it.house.reloader.reload()).ok
        shown = (await it.house.jobs.list())[0]
        assert (shown.enabled, shown.every) == (True, 120.0)
        assert await result(it, "keep-alive") == (True, "it answered 200")
        (tmp_path / "proxy.toml").write_text(text.replace("healthz", "v1/models"), encoding="utf-8")
        await it.house.reloader.reload()
        assert await result(it, "keep-alive") == (False, "Broken: it answered 401")


async def test_health_check_counts_tokens_and_generates_nothing(tmp_path: Path) -> None:
    fault = Fault(effect="400-key", credential="test-key-2")
    async with pollux(tmp_path, scenario=Scenario(faults=[fault])) as it:
        ok, said = await result(it, "credential-health")
        assert ok
        assert said.startswith(f"2 of 3 are good; {key_in('GEMINI_API_KEYS', 'test-key-2')}: ")
        asked = [request.path for request in it.google.requests]
        assert len(asked) == 3
        assert all(path.endswith(":countTokens") for path in asked)
        assert {unit.state for unit in it.house.pool.snapshot()} == {"ready"}


async def test_clean_up_removes_what_google_shut_out_long_ago(tmp_path: Path) -> None:
    async with pollux(tmp_path, credentials=three_files(), keys="") as it:
        ban(it, "a", 31)
        ban(it, "b", 29)
        ban(it, "c", 90, by="operator")
        assert await present(it) == {"a", "b", "c"}
        assert await result(it, "credential-clean-up") == (True, "removed a")
        assert await present(it) == {"b", "c"}


async def test_clean_up_never_removes_the_last_one(tmp_path: Path) -> None:
    async with pollux(tmp_path, credentials=three_files(), keys="") as it:
        for days, name in enumerate(("c", "b", "a"), 40):
            ban(it, name, days)
        assert len(await present(it)) == 3
        assert await result(it, "credential-clean-up") == (True, "removed a, b")
        assert await present(it) == {"c"}
        assert await result(it, "credential-clean-up") == (True, "nothing to remove")


async def test_clean_up_keeps_what_google_let_in_since(tmp_path: Path) -> None:
    async with pollux(tmp_path, credentials=three_files(), keys="") as it:
        ban(it, "a", 31)
        await present(it)
        await result(it, "credential-health")
        assert await result(it, "credential-clean-up") == (True, "nothing to remove")


async def test_clean_up_leaves_those_of_the_environment(tmp_path: Path) -> None:
    async with pollux(tmp_path) as it:
        ban(it, key_in("GEMINI_API_KEYS", "test-key-1"), 31)
        await present(it)
        assert await result(it, "credential-clean-up") == (True, "nothing to remove")


async def test_prune_removes_log_files_that_are_too_old(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "pollux.log"
    log.parent.mkdir()
    for name, days in (("pollux.log", 40), ("pollux.log.1", 1), ("pollux.log.2", 40), ("other.log.1", 40)):
        (log.parent / name).touch()
        os.utime(log.parent / name, (time.time() - days * DAY,) * 2)
    async with pollux(tmp_path, LOG_FILE=str(log)) as it:
        assert await result(it, "prune") == (True, "forgot 0 signatures and 1 log files")
    assert sorted(each.name for each in log.parent.iterdir()) == ["other.log.1", "pollux.log", "pollux.log.1"]
