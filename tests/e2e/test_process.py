"""`pollux serve` as its users run it: a process of its own, with one worker or several."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpcore
import pytest
from msgspec import Struct

from adapters.simulator import Scenario, Simulator
from pollux.demo import environment
from tests.proxy import KEY

CHAT = {"model": "gemini-3.8-flash", "messages": [{"role": "user", "content": "Say hello"}]}


class Served(Struct):
    process: asyncio.subprocess.Process
    url: str


@asynccontextmanager
async def served(folder: Path, google: Simulator, **variables: str) -> AsyncIterator[Served]:
    environ = environment(google.url, folder, 0) | {"API_PASSWORD": KEY, "PANEL_PASSWORD": "panel", **variables}
    with (folder / "stderr").open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollux", "serve"),
            cwd=folder,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    url = re.search(r"http://\S+:\d+", line)
    assert url is not None, (folder / "stderr").read_text()
    try:
        yield Served(process, url[0])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def chat(url: str, key: str = KEY, **fields: object) -> tuple[int, bytes]:
    async with httpcore.AsyncConnectionPool(retries=20) as pool:
        body = json.dumps({**CHAT, **fields}).encode()
        headers = [("authorization", f"Bearer {key}")]
        response = await pool.request("POST", f"{url}/v1/chat/completions", headers=headers, content=body)
    return response.status, response.content


async def refused(folder: Path, **variables: str) -> tuple[int | None, str]:
    """Start Pollux where it cannot; return its exit code and what it said of that."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollux"),
        cwd=folder,
        env={**os.environ, "PORT": "0", **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), 20)
    return process.returncode, said.decode()


async def connects(url: str) -> bool:
    """Whether the kernel takes a connection for the proxy."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def figure(url: str, name: str) -> float:
    """Return the sum of a metric over its labels."""
    while True:
        async with httpcore.AsyncConnectionPool(retries=20) as pool:
            # A worker that is killed takes with it what it had just accepted.
            with suppress(httpcore.NetworkError, httpcore.RemoteProtocolError):
                page = await pool.request("GET", f"{url}/metrics", headers=[("authorization", "Bearer panel")])
                break
    assert page.status == 200, page.content
    lines = [line for line in page.content.decode().splitlines() if line.startswith((f"{name}{{", f"{name} "))]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def processor_time(pid: int) -> float:
    """Return the seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def until_figure(url: str, name: str, value: float) -> None:
    async with asyncio.timeout(10):
        while await figure(url, name) != value:
            await asyncio.sleep(0.1)


async def test_stop_lets_running_stream_end(tmp_path: Path) -> None:
    async with (
        Simulator(Scenario(text="word " * 10, events=10, cadence=0.05)) as google,
        served(tmp_path, google) as it,
    ):
        asking = asyncio.create_task(chat(it.url, stream=True))
        await google.wait_requests(1)
        it.process.send_signal(signal.SIGTERM)
        status, body = await asking
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n")
        assert await it.process.wait() == 0


async def test_stop_ends_stream_that_outlasts_the_grace_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text("[server]\ngrace = 0.3\n", encoding="utf-8")
    async with (
        Simulator(Scenario(text="word " * 100, events=100, cadence=0.1)) as google,
        served(tmp_path, google) as it,
    ):
        asking = asyncio.create_task(chat(it.url, stream=True))
        await google.wait_requests(1)
        await asyncio.sleep(0.3)
        it.process.send_signal(signal.SIGTERM)
        _, body = await asking
        assert b"[DONE]" not in body
        assert b'"proxy_draining"' in body
        assert await it.process.wait() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_stopping_refuses_new_connections(tmp_path: Path, workers: str) -> None:
    async with (
        Simulator(Scenario(text="word " * 40, events=40, cadence=0.05)) as google,
        served(tmp_path, google, WORKERS=workers) as it,
    ):
        asking = asyncio.create_task(chat(it.url, stream=True))
        await google.wait_requests(1)
        it.process.send_signal(signal.SIGTERM)
        while await connects(it.url):
            assert not asking.done()
            await asyncio.sleep(0.05)
        await asking


async def test_figures_of_two_workers_are_what_the_client_counted(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, WORKERS="2") as it:
        answers = await asyncio.gather(*(chat(it.url) for _ in range(40)))
        assert [status for status, _ in answers] == [200] * 40
        await until_figure(it.url, "pollux_requests_total", 40)
        await until_figure(it.url, "pollux_workers", 2)


async def test_killed_worker_is_replaced_and_no_counter_falls(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google, WORKERS="2") as it:
        for _ in range(20):
            await chat(it.url)
        await until_figure(it.url, "pollux_requests_total", 20)
        children = Path(f"/proc/{it.process.pid}/task/{it.process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert await figure(it.url, "pollux_requests_total") == 20
        await until_figure(it.url, "pollux_workers", 2)
        await until_figure(it.url, "pollux_worker_restarts_total", 1)
        for _ in range(10):
            assert (await chat(it.url))[0] == 200
        await until_figure(it.url, "pollux_requests_total", 30)


async def test_idle_worker_rests(tmp_path: Path) -> None:
    """Polls and jobs, of which the first is due after five seconds, use next to nothing of a processor."""
    async with Simulator(Scenario()) as google, served(tmp_path, google) as it:
        await asyncio.sleep(6)  # start-up and the first look at what is due
        before = processor_time(it.process.pid)
        await asyncio.sleep(3)
        assert processor_time(it.process.pid) - before < 0.3


async def test_metrics_have_a_listener_of_their_own(tmp_path: Path, unused_tcp_port: int) -> None:
    bind = f"127.0.0.1:{unused_tcp_port}"
    async with Simulator() as google, served(tmp_path, google, METRICS_BIND=bind) as it:
        await chat(it.url)
        async with httpcore.AsyncConnectionPool(retries=20) as pool:
            page = await pool.request("GET", f"http://{bind}/metrics")
            assert b"pollux_requests_total" in page.content
            assert (await pool.request("GET", f"http://{bind}/v1/models")).status == 404
            assert (await pool.request("GET", f"{it.url}/metrics")).status == 404


async def test_log_has_one_line_per_request_and_no_secret(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google) as it:
        await chat(it.url)
        await chat(it.url, stream=True)
    lines = [json.loads(line) for line in (tmp_path / "stderr").read_text(encoding="utf-8").splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [line["status"] for line in requests] == [200, 200]
    log = (tmp_path / "stderr").read_text(encoding="utf-8")
    assert KEY not in log
    assert "demo-key-1" not in log


async def test_port_in_use_is_said_and_exits_78(tmp_path: Path) -> None:
    async with Simulator() as google, served(tmp_path, google) as it:
        port = it.url.rsplit(":", 1)[1]
        environ = {**os.environ, "PORT": port, "DATA_DIR": str(tmp_path / "other")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "pollux", cwd=tmp_path, env=environ, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 78
        assert f"cannot listen on 127.0.0.1:{port}" in said.decode()


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("variable", "value", "wrong"),
    [("METRICS_BIND", "127.0.0.1:{port}", "cannot listen on 127.0.0.1:{port}: Address already in use"),
     ("METRICS_BIND", "127.0.0.1:65536", "expected host:port, with a port of 65535 at most"),
     ("LOG_FILE", "{folder}", "cannot write {folder}: Is a directory"),
     ("LOG_FILE", "{folder}/file/log", "cannot write {folder}/file/log: File exists"),
     ("DATA_DIR", "{folder}/file", "cannot keep a generated password in {folder}/file: Not a directory")],
)  # fmt: skip
async def test_what_keeps_it_from_starting_is_said_in_one_line_and_exits_78(
    tmp_path: Path, variable: str, value: str, wrong: str, workers: str
) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"port": taken.getsockname()[1], "folder": tmp_path}
        code, said = await refused(tmp_path, WORKERS=workers, **{variable: value.format(**names)})
    assert code == 78
    lines = {line.removeprefix("pollux: ") for line in said.splitlines()}  # each worker may say it
    assert lines == {f"environment: {variable}: {wrong.format(**names)}"}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_store_that_is_away_exits_with_a_code_that_is_worth_another_try(tmp_path: Path, workers: str) -> None:
    code, said = await refused(tmp_path, WORKERS=workers, STORAGE_URL="redis://127.0.0.1:1")
    assert code == 69
    assert "pollux: Redis cannot be used: " in said
    assert "Traceback" not in said


async def test_granian_serves_sees_callers_leave_and_stops(tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('[server]\nengine = "granian"\n', encoding="utf-8")
    async with (
        Simulator(Scenario(text="word " * 40, events=40, cadence=0.05)) as google,
        served(tmp_path, google) as it,
    ):
        status, body = await chat(it.url, stream=True)
        assert status == 200
        assert body.endswith(b"data: [DONE]\n\n")
        leaving = asyncio.create_task(chat(it.url, stream=True))
        await google.wait_requests(2)
        await asyncio.sleep(0.2)
        leaving.cancel()
        await google.wait_closed(1, within=2)
        it.process.send_signal(signal.SIGTERM)
        assert await it.process.wait() == 0
