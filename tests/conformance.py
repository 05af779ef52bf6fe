"""The table docs/conformance.md, made from the tests: `python -m tests.conformance` writes it.

A test says what it promises to whom: `@pytest.mark.conformance(client=..., feature=...)`. Its parameter `upstream`
names the column, and where it runs both ways, its parameter `stream` tells them apart.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "conformance.md"
_TESTS = Path(__file__).parent / "e2e"
_LOCK = _TESTS / "javascript" / "package-lock.json"

UPSTREAMS = {
    "gemini_api": "Gemini API",
    "code_assist": "Code Assist",
    "vertex_express": "Vertex express",
    "vertex": "Vertex",
}
_HEAD = """\
# Which client library can do what on which upstream

Made from the tests that drive the real libraries through Pollux (`make conformance`); do not edit. "both" means whole
and streaming, "yes" where there is only one way, and an empty field that no test promises it: Code Assist, for one, has
neither embeddings nor image models.

"""

Row = tuple[str, str]
"""A client and a feature."""


class Collector:
    """A pytest plugin that reads the markers of all tests and runs none of them."""

    def __init__(self) -> None:
        self.cells: dict[Row, dict[str, set[bool | None]]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            marker = item.get_closest_marker("conformance")
            if marker is not None and isinstance(item, pytest.Function):
                self._note(marker.kwargs["client"], marker.kwargs["feature"], item.callspec.params)

    def _note(self, client: str, feature: str, params: dict[str, object]) -> None:
        row = self.cells.setdefault((client, feature), {})
        stream = params.get("stream")
        row.setdefault(str(params["upstream"]), set()).add(stream if isinstance(stream, bool) else None)


def tables() -> str:
    """The tables, one for each client library, as the markers say.

    Errors: RuntimeError when the tests cannot be collected.
    """
    collector, said = Collector(), io.StringIO()
    with redirect_stdout(said):
        code = pytest.main(["--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist", str(_TESTS)], [collector])
    if code != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue())
    clients = sorted({client for client, _ in collector.cells}, key=lambda name: (name.endswith("Script)"), name))
    return "\n".join(_table(client, collector.cells) for client in clients)


def _table(client: str, cells: dict[Row, dict[str, set[bool | None]]]) -> str:
    lines = [f"## {client}", "", f"| feature | {' | '.join(UPSTREAMS.values())} |", "|---" * (len(UPSTREAMS) + 1) + "|"]
    for name, feature in sorted(cells):
        if name == client:
            row = cells[name, feature]
            lines.append(f"| {feature} | {' | '.join(_cell(row.get(upstream)) for upstream in UPSTREAMS)} |")
    return "\n".join([*lines, ""])


def _cell(streams: set[bool | None] | None) -> str:
    if streams is None:
        return ""
    if streams >= {True, False}:
        return "both"
    return {True: "streaming", False: "whole", None: "yes"}[next(iter(streams))]


def versions() -> str:
    """The libraries and the versions of them that are installed, or locked."""
    packages = json.loads(_LOCK.read_text(encoding="utf-8"))["packages"]
    python = [f"{name} {version(name)} (Python)" for name in ("anthropic", "google-genai", "openai")]
    javascript = [
        f"{name} {packages[f'node_modules/{name}']['version']} (JavaScript)" for name in packages[""]["dependencies"]
    ]
    return "Made with " + ", ".join([*python, *javascript]) + ".\n"


if __name__ == "__main__":
    PAGE.write_text(f"{_HEAD}{versions()}\n{tables()}", encoding="utf-8")
