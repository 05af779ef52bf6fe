"""A changed configuration reaches every worker."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore

from adapters.simulator import Simulator
from pollux.demo import environment
from tests.e2e.test_process import Served

FIRST, SECOND = "first-made-up-password", "second-made-up-password"
CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}


@asynccontextmanager
async def served(folder: Path, google: Simulator, workers: int) -> AsyncIterator[Served]:
    environ = environment(google.url, folder, 0) | {"WORKERS": str(workers)}
    del environ["API_PASSWORD"]
    write(folder, FIRST)
    with (folder / "stderr").open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollux", "serve"),
            cwd=folder,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    try:
        yield Served(process, line[line.index("http://") : line.index(";")])
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0


def write(folder: Path, word: str, rest: str = "") -> None:
    (folder / "proxy.toml").write_text(f'[auth]\napi_password = "{word}"\n{rest}', encoding="utf-8")


async def statuses(url: str, word: str, count: int = 12) -> set[int]:
    async def one() -> int:
        async with httpcore.AsyncConnectionPool(retries=20) as pool:
            headers = [("authorization", f"Bearer {word}")]
            body = json.dumps(CHAT).encode()
            return (await pool.request("POST", f"{url}/v1/chat/completions", headers=headers, content=body)).status

    return set(await asyncio.gather(*(one() for _ in range(count))))


async def until(url: str, word: str, expected: set[int], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while await statuses(url, word) != expected:
            pass


async def test_signal_reaches_both_workers(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, 2) as it:
        await until(it.url, FIRST, {200}, 10)
        write(tmp_path, SECOND)
        it.process.send_signal(signal.SIGHUP)
        await until(it.url, FIRST, {401}, 5)
        await until(it.url, SECOND, {200}, 5)  # a dozen requests may all have met the worker that was first


async def test_signal_while_workers_start_ends_none_of_them(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, 2) as it:
        for _ in range(40):
            it.process.send_signal(signal.SIGHUP)
            await asyncio.sleep(0.02)
        await until(it.url, FIRST, {200}, 10)
    assert "worker died" not in (tmp_path / "stderr").read_text(encoding="utf-8")


async def test_bad_file_leaves_both_workers_as_they_are_and_is_logged(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, 2) as it:
        await until(it.url, FIRST, {200}, 10)
        write(tmp_path, SECOND, "[server]\nprt = 1\n[logging]\nlevl = 1\n")
        it.process.send_signal(signal.SIGHUP)
        refused = "configuration not reloaded"
        for _ in range(100):
            if (tmp_path / "stderr").read_text(encoding="utf-8").count(refused) == 2:
                break
            await asyncio.sleep(0.05)
        assert await statuses(it.url, FIRST) == {200}
    said = (tmp_path / "stderr").read_text(encoding="utf-8")
    assert "server.prt: " in said
    assert "logging.levl" in said
    assert SECOND not in said


async def test_one_worker_takes_the_signal_itself(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, 1) as it:
        await until(it.url, FIRST, {200}, 10)
        write(tmp_path, SECOND)
        it.process.send_signal(signal.SIGHUP)
        await until(it.url, FIRST, {401}, 5)
