"""A changed configuration is taken over while requests are served: all of it, or nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpcore

from adapters.simulator import Scenario
from tests.proxy import Running, pollux

CHAT = {"model": "gemini-3.8-flash-think", "messages": [{"role": "user", "content": "Say hello"}]}
FIRST, SECOND = "first-made-up-password", "second-made-up-password"


def passwords(word: str, rest: str = "") -> str:
    return f'[auth]\napi_password = "{word}"\npanel_password = "made-up-panel"\n{rest}'


async def chat(it: Running, word: str, **fields: object) -> httpcore.Response:
    async with httpcore.AsyncConnectionPool() as pool:
        body = json.dumps({**CHAT, **fields}).encode()
        headers = [("authorization", f"Bearer {word}")]
        return await pool.request("POST", f"{it.url}/v1/chat/completions", headers=headers, content=body)


def write(folder: Path, text: str) -> None:
    (folder / "proxy.toml").write_text(text, encoding="utf-8")


async def test_password_changed_in_the_file_counts_from_the_next_request(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        assert (await chat(it, FIRST)).status == 200
        write(tmp_path, passwords(SECOND))
        reloaded = await it.house.reloader.reload()
        assert (reloaded.ok, reloaded.changed) == (True, ["auth.api_password"])
        assert (await chat(it, FIRST)).status == 401
        assert (await chat(it, SECOND)).status == 200


async def test_option_of_a_stage_counts_from_the_next_request(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        assert b"reasoning_content" in (await chat(it, FIRST)).content
        shown = (Path(__file__).parents[2] / "proxy.toml").read_text(encoding="utf-8")
        stages = shown[shown.index("[[pipeline]]") :].replace("show = true", "show = false")
        write(tmp_path, passwords(FIRST, stages))
        assert (await it.house.reloader.reload()).changed == ["pipeline"]
        assert b"reasoning_content" not in (await chat(it, FIRST)).content


async def test_bad_file_changes_nothing_and_says_everything_that_is_wrong(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        graph = it.house.graph
        write(tmp_path, passwords(SECOND, "[server]\nprt = 1\nworkers = 0\n"))
        reloaded = await it.house.reloader.reload()
        assert not reloaded.ok
        assert [problem.path for problem in reloaded.problems] == ["server.prt", "server.workers"]
        assert it.house.graph is graph
        assert (await chat(it, FIRST)).status == 200
        _, figures = await it.house.sampler.scrape()
        assert b'pollux_config_reloads_total{result="failed"} 1.0' in figures


async def test_stage_that_cannot_be_built_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "unbuildable_stage.py").write_text(
        "from pipeline.stage import StageConfig\n\n"
        "class Broken(StageConfig, frozen=True):\n"
        '    "Breaks."\n'
        '    name = "broken"\n'
        "    def build(self, ports):\n"
        '        raise RuntimeError("no such machine")\n',
        encoding="utf-8",
    )
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        derived = '[pipelines.other]\ninsert = [{ before = "upstream", stage = "unbuildable_stage:Broken" }]\n'
        write(tmp_path, passwords(FIRST, derived))
        reloaded = await it.house.reloader.reload()
        assert [problem.message for problem in reloaded.problems] == ["RuntimeError: no such machine"]
        assert (await chat(it, FIRST)).status == 200


async def test_what_needs_a_restart_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        storage = it.house.loaded.settings.storage
        text = passwords(FIRST, '[server]\nworkers = 3\nheartbeat = 5.0\n[metrics]\nbind = "127.0.0.1:0"\n')
        write(tmp_path, text)
        reloaded = await it.house.reloader.reload()
        assert reloaded.changed == ["server.heartbeat"]
        assert reloaded.needs_restart == ["server.workers", "metrics.bind"]
        assert it.house.loaded.settings.server.workers == 1
        assert it.house.loaded.settings.storage == storage
        write(tmp_path, passwords(FIRST))
        assert (await it.house.reloader.reload()).needs_restart == []


async def test_request_under_way_ends_on_the_graph_it_began_with(tmp_path: Path) -> None:
    scenario = Scenario(text="word " * 10, events=10, cadence=0.05)
    async with pollux(tmp_path, scenario=scenario, config=passwords(FIRST), API_PASSWORD="") as it:
        asking = asyncio.create_task(chat(it, FIRST, stream=True))
        await it.google.wait_requests(1)
        write(tmp_path, passwords(SECOND))
        assert (await it.house.reloader.reload()).ok
        answer = await asking
        assert answer.status == 200
        assert answer.content.endswith(b"data: [DONE]\n\n")


async def test_hundred_reloads_under_load_lose_no_request(tmp_path: Path) -> None:
    statuses: list[int] = []
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        done = asyncio.Event()

        async def load(stream: bool) -> None:
            while not done.is_set():
                answer = await chat(it, FIRST, stream=stream)
                assert not stream or answer.content.endswith(b"data: [DONE]\n\n")
                statuses.append(answer.status)

        callers = [asyncio.create_task(load(stream)) for stream in (False, True, False, True)]
        for number in range(100):
            write(tmp_path, passwords(FIRST, f"[server]\nheartbeat = {number + 1}.0\n"))
            assert (await it.house.reloader.reload()).changed == ["server.heartbeat"]
        done.set()
        await asyncio.gather(*callers)
    assert len(statuses) > 20
    assert set(statuses) == {200}


async def test_changed_file_is_noticed(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        write(tmp_path, passwords(SECOND))
        async with asyncio.timeout(10):
            while (await chat(it, SECOND)).status != 200:
                pass
        assert (await chat(it, FIRST)).status == 401


async def test_lost_file_is_no_wish(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        (tmp_path / "proxy.toml").unlink()
        await asyncio.sleep(2.5)
        assert it.house.reloader.last.ok
        assert (await chat(it, FIRST)).status == 200


async def test_rotation_goes_on_where_it_was_with_the_new_number_of_calls(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        await chat(it, FIRST)
        write(tmp_path, passwords(FIRST, "[scheduling]\ncalls_per_rotation = 1\nauto_ban = false\n"))
        assert (await it.house.reloader.reload()).changed == ["scheduling.calls_per_rotation", "scheduling.auto_ban"]
        for _ in range(4):
            assert (await chat(it, FIRST)).status == 200
        assert min(unit.calls for unit in it.house.pool.snapshot()) >= 1


async def test_only_who_was_asked_tells_the_other_workers(tmp_path: Path) -> None:
    async with pollux(tmp_path, config=passwords(FIRST), API_PASSWORD="") as it:
        told: list[str] = []
        it.house.reloader.others = lambda: told.append("others")
        it.house.reloader.wake()  # as on a signal, which all workers get
        await asyncio.sleep(0.2)
        assert told == []
        await it.house.reloader.reload()
        assert told == ["others"]
        write(tmp_path, "nonsense")
        await it.house.reloader.reload()
        assert told == ["others"]
