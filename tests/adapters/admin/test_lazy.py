"""Who only proxies pays nothing for the admin API."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from adapters.admin.lazy import LazyAdmin


def test_start_imports_nothing_of_the_admin_application():
    heavy = {"starlette", "tomlkit", "adapters.admin.app"}
    code = f"import sys, pollux.worker, pollux.wiring; print(*{heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"


async def test_first_requests_at_once_make_one_application():
    made = []

    async def app(scope, receive, send):
        send(scope)

    def make():
        made.append(app)
        return lambda: app

    sent: list[object] = []
    lazy = LazyAdmin(make)
    await asyncio.gather(*(lazy({"number": n}, None, sent.append) for n in range(5)))
    assert len(made) == 1
    assert len(sent) == 5
