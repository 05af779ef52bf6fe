"""A node process in which the JavaScript client libraries answer what the tests ask of them."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, Self

from tests.e2e.errands import ERRANDS, MODEL, PARAMETERS, TOOLS, results
from tests.proxy import KEY, Running

FOLDER = Path(__file__).parent / "javascript"
_INSTALLED = FOLDER / "node_modules" / ".package-lock.json"
_INSTALL = (
    "npm",
    "ci",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--prefer-offline",
    "--loglevel=error",
)

_SAID: dict[str, Any] = {
    "errands": [{"prompt": errand.prompt, "steps": errand.steps, "results": results(errand)} for errand in ERRANDS],
    "tools": [{"name": name, "description": said, "parameters": PARAMETERS} for name, said in TOOLS.items()],
}


class NodeError(Exception):
    """What a library threw: its class, and the status where it has one."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["said"])
        self.thrown: str = error["class"]
        self.status: int | None = error["status"]


class Node:
    """One process for many questions: starting node and loading the libraries takes longer than they do."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["node", "run.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    async def ask(self, library: str, name: str, proxy: Running, **options: Any) -> Any:
        """Run an exported function of a library's module and return what it returns.

        Errors: NodeError, with what it threw.
        """
        question = {"library": library, "name": name, "url": proxy.url, "key": KEY, "model": MODEL}
        line = json.dumps({**_SAID, **question, "text": "Say hello", **options})
        answer = json.loads(await asyncio.to_thread(self._exchange, line))
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["ok"]

    def _exchange(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


def install() -> None:
    """Install the libraries as package-lock.json names them, where that has not been done."""
    lock = FOLDER / "package-lock.json"
    if not _INSTALLED.exists() or _INSTALLED.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(_INSTALL, cwd=FOLDER, check=True)
