"""A whole Pollux in front of a simulated Google, on sockets, for end-to-end tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from adapters.simulator import Scenario, Simulator
from pollux import worker
from pollux.config import load
from pollux.demo import environment
from pollux.listener import bind
from pollux.wiring import House

KEY = "test-api-password"

CODE_ASSIST = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "refresh_token": "made-up-refresh-token",
    "project_id": "made-up-project",
}


class Running(Struct):
    """A proxy that serves, and the Google behind it."""

    url: str
    house: House
    google: Simulator
    stop: asyncio.Event


@asynccontextmanager
async def pollux(
    folder: Path,
    *,
    scenario: Scenario | None = None,
    config: str = "",
    credentials: dict[str, Any] | None = None,
    keys: str = "test-key-1,test-key-2,test-key-3",
    **variables: str,
) -> AsyncIterator[Running]:
    """Serve a proxy on a free port.

    Shape: `config` is proxy.toml's text; `credentials` are files by name; `keys` are Gemini API keys; `variables` are
        environment variables.
    """
    async with Simulator(scenario) as google:
        environ = environment(google.url, folder, 0)
        (folder / "creds" / "code-assist.json").unlink()
        environ |= {"API_PASSWORD": KEY, "PANEL_PASSWORD": "test-panel-password", "GEMINI_API_KEYS": keys, **variables}
        for name, document in (credentials or {}).items():
            (folder / "creds" / name).write_text(json.dumps(document), encoding="utf-8")
        path = folder / "proxy.toml"
        path.write_text(config, encoding="utf-8")
        loaded = load(path, environ)
        house = await House.open(loaded, 0, environ)
        listener = bind("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop = asyncio.Event()
        served = asyncio.create_task(worker.serve_house(house, listener, stop))
        try:
            yield Running(url, house, google, stop)
        finally:
            stop.set()
            await served
            await house.close()
