"""`pollux demo`: the proxy in front of a simulated Google, with made-up credentials, on loopback only."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from pathlib import Path

from pollux import serve
from pollux.commands.configuration import load_or_exit
from pollux.config import FILE
from pollux.environment import VARIABLES, credentials

KEY = "pollux-demo"
"""The demo's API password: it opens nothing but the simulator."""

_BASE_URLS = (
    "CODE_ASSIST_ENDPOINT",
    "GEMINI_API_ENDPOINT",
    "VERTEX_ENDPOINT",
    "OAUTH_PROXY_URL",
    "GOOGLEAPIS_PROXY_URL",
    "RESOURCE_MANAGER_API_URL",
    "SERVICE_USAGE_API_URL",
)

_MODEL = "gemini-3.8-flash"

_CODE_ASSIST_CREDENTIAL = {
    "client_id": "demo-client.apps.example",
    "client_secret": "demo-secret",
    "refresh_token": "demo-refresh-token",
    "project_id": "demo-project",
}

_TRY = """
Try it: nothing leaves this machine.

  curl {url}/v1/chat/completions -H 'Authorization: Bearer {key}' \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello"}}]}}'

  curl -N '{url}/v1beta/models/{model}:streamGenerateContent?alt=sse' -H 'x-goog-api-key: {key}' \\
    -d '{{"contents": [{{"role": "user", "parts": [{{"text": "Say hello"}}]}}]}}'

  curl {url}/v1/models -H 'Authorization: Bearer {key}'

The console is at {url}/ with the password {key}
"""


def run(port: int) -> int:
    """Serve until a signal asks to stop; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="pollux-demo-") as folder:
        google = _simulated_google()
        environ = environment(google, Path(folder), port)
        # A configuration of its own: the one here may name a store or a way out, and what is tried would be kept in it.
        environ["POLLUX_CONFIG"] = str(Path(folder, FILE))
        Path(folder, FILE).touch()
        return serve.run(load_or_exit(environ["POLLUX_CONFIG"], environ), environ, ready=_invite)


def _invite(url: str) -> None:
    print(_TRY.format(url=url, key=KEY, model=_MODEL), flush=True)


def environment(google: str, folder: Path, port: int) -> dict[str, str]:
    """Return the environment of a proxy whose Google is at that URL; writes its credentials into the folder.

    Shape: of this process's own environment nothing is in it that names credentials, a store or a way out.
    """
    creds = folder / "creds"
    creds.mkdir(mode=0o700)
    (creds / "code-assist.json").write_text(json.dumps(_CODE_ASSIST_CREDENTIAL), encoding="utf-8")
    return {
        **{name: value for name, value in os.environ.items() if name not in _elsewhere()},
        **dict.fromkeys(_BASE_URLS, google),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "API_PASSWORD": KEY,
        "PANEL_PASSWORD": KEY,
        "CREDENTIALS_DIR": str(creds),
        "DATA_DIR": str(folder / "data"),
        "GEMINI_API_KEYS": "demo-key-1,demo-key-2,demo-key-3",
    }


def _elsewhere() -> set[str]:
    """Return the variables that would lead the demo to what is not its own."""
    led = {name for each in VARIABLES if each.path[0] in {"storage", "upstream", "jobs"} for name in each.names}
    return {*led, *(name for name, _ in credentials(os.environ, load_all=True))}


def _simulated_google() -> str:
    """Start a simulator in a thread of its own and return its URL."""
    from adapters import simulator

    url = ""
    ready = threading.Event()

    def started(where: str) -> None:
        nonlocal url
        url = where
        ready.set()

    def simulate() -> None:
        scenario = simulator.Scenario(latency=0.15, cadence=0.05)
        asyncio.run(simulator.serve("127.0.0.1", 0, scenario, ready=started))

    threading.Thread(target=simulate, daemon=True, name="simulator").start()
    ready.wait(10)
    return url
