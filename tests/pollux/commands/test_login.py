"""`pollux login`, with a browser that comes back and one that cannot."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys

import pytest

from adapters.egress import Egress
from adapters.simulator import Account, Scenario, Simulator
from pollux.demo import environment

CONFIG = """
[oauth]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
[upstream.endpoints]
accounts = "${OAUTH_PROXY_URL}"
"""


@pytest.fixture
def google() -> Scenario:
    return Scenario(accounts=[Account("made-up-refresh", "a@example.test", ["project-1"], "project-1")])


@pytest.mark.parametrize("pasted", [False, True])
async def test_login_keeps_a_credential(tmp_path, google, pasted):
    async with Simulator(google) as simulator:
        environ = {**os.environ, **environment(simulator.url, tmp_path, 0)}
        (tmp_path / "creds" / "code-assist.json").unlink()
        (tmp_path / "proxy.toml").write_text(CONFIG)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pollux", "login", "--no-browser", "-c", str(tmp_path / "proxy.toml")),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        url = ""
        while not url:
            found = re.search(r"http\S+", (await process.stdout.readline()).decode())
            url = found[0] if found else ""
        egress = Egress()
        callback = dict((await egress.fetch("GET", url)).headers)[b"location"].decode()
        if pasted:
            process.stdin.write(f"nonsense\n{callback}\n".encode())
        else:
            await egress.fetch("GET", callback.replace("//localhost:", "//127.0.0.1:"))
        await egress.close()
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == 0, rest
        assert "logged in a@example.test, project project-1" in rest
        (kept,) = (tmp_path / "creds").iterdir()
        assert json.loads(kept.read_text())["refresh_token"] == "made-up-refresh"
