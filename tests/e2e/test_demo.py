"""`pollux demo` as its users run it: on a machine where a real Pollux is set up, of which it must touch nothing."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path

from pollux.demo import KEY
from tests.e2e.test_process import chat

ELSEWHERE = {
    "PROXY": "http://127.0.0.1:1",
    "STORAGE_URL": "redis://127.0.0.1:1",
    "GOOGLE_CREDENTIALS": '{"client_id": "a", "client_secret": "b", "refresh_token": "mine", "project_id": "p"}',
    "GEMINI_API_KEY": "mine",
}


async def demo(folder: Path, port: int, **environ: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pollux", "demo", "--port", str(port)),
        cwd=folder,
        env={**os.environ, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_demo_keeps_to_itself_where_a_real_one_is_set_up(tmp_path: Path) -> None:
    (tmp_path / "proxy.toml").write_text('[upstream]\nproxy = "http://127.0.0.1:1"\n[storage]\nurl = "redis://x:1"\n')
    process = await demo(tmp_path, 0, **ELSEWHERE)
    try:
        assert process.stdout is not None
        said = ""
        while "The console is at" not in said:
            said += (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        (url,) = set(re.findall(r"http://127\.0\.0\.1:\d+", said))
        status, body = await chat(url, key=KEY)
        assert (status, b"You said: Say hello" in body) == (200, True)
    finally:
        process.terminate()
        await process.wait()
    assert [each.name for each in tmp_path.iterdir()] == ["proxy.toml"]


async def test_demo_whose_port_is_taken_invites_nobody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await demo(tmp_path, port := taken.getsockname()[1])
        out, err = await process.communicate()
    assert (process.returncode, out.decode()) == (78, "")
    assert err.decode() == f"pollux: cannot listen on 127.0.0.1:{port}: Address already in use\n"


async def test_demo_with_a_bad_variable_names_it(tmp_path: Path) -> None:
    process = await demo(tmp_path, 0, WORKERS="many")
    _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (78, "environment: WORKERS: expected int, got str\n")
