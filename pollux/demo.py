"""`pollux demo`: the proxy in front of a simulated Google, with made-up credentials, on loopback only."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import threading
from pathlib import Path

from pollux import serve
from pollux.config import load

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
        print(_TRY.format(url=f"http://127.0.0.1:{port}", key=KEY, model=_MODEL), flush=True)
        return serve.run(load(None, environ), environ)


def environment(google: str, folder: Path, port: int) -> dict[str, str]:
    """Return the environment of a proxy whose Google is at that URL; writes its credentials into the folder."""
    credentials = folder / "creds"
    credentials.mkdir(mode=0o700)
    (credentials / "code-assist.json").write_text(json.dumps(_CODE_ASSIST_CREDENTIAL), encoding="utf-8")
    return {
        **os.environ,
        **dict.fromkeys(_BASE_URLS, google),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "API_PASSWORD": KEY,
        "PANEL_PASSWORD": KEY,
        "CREDENTIALS_DIR": str(credentials),
        "DATA_DIR": str(folder / "data"),
        "GEMINI_API_KEYS": "demo-key-1,demo-key-2,demo-key-3",
    }


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
