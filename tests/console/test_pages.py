"""The console's files: small, kept by browsers until they change, complete in both languages."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from adapters.admin.pages import assets, page, part

CONSOLE = Path(__file__).parents[2] / "adapters" / "admin" / "console"
MODULES = [path for path in sorted(CONSOLE.rglob("*.js")) if path.parent.name != "vendor"]


def test_all_assets_are_smaller_than_300_kilobytes() -> None:
    assert sum(path.stat().st_size for path in CONSOLE.rglob("*") if path.is_file()) < 300_000


def test_every_file_of_the_folder_is_served() -> None:
    found = {path.relative_to(CONSOLE).as_posix() for path in CONSOLE.rglob("*") if path.is_file()}
    assert set(assets().files) == found


async def test_part_of_this_release_is_kept_for_good_and_others_are_not() -> None:
    assert "immutable" in (await _part("main.js")).headers["cache-control"]
    assert (await _part("main.js", version="of-another-release")).headers["cache-control"] == "no-cache"


async def test_page_is_asked_for_anew_and_answered_with_304_while_it_stays() -> None:
    first = await page(_request("/"))
    assert first.headers["cache-control"] == "no-cache"
    assert (await page(_request("/", ("if-none-match", first.headers["etag"])))).status_code == 304


async def test_page_names_every_module_at_the_address_it_is_served_at() -> None:
    html = bytes((await page(_request("/"))).body).decode()
    for module in MODULES:
        assert f'href="/console/{assets().version}/{module.relative_to(CONSOLE).as_posix()}"' in html


@pytest.mark.parametrize("path", ["../pages.py", "index.html", "no-such.js", "/etc/passwd"])
async def test_no_other_file_is_served(path: str) -> None:
    assert (await _part(path)).status_code == 404


async def test_part_is_compressed_for_who_can_read_that() -> None:
    packed = await _part("main.js", ("accept-encoding", "gzip"))
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len((await _part("main.js")).body)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_module_makes_no_markup_of_data(module: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function"
    assert not re.search(forbidden, module.read_text(encoding="utf-8"))


def test_both_languages_say_the_same_things() -> None:
    english, chinese = _words("en"), _words("zh")
    jobs = {key for key in chinese if key.startswith("job.")} - set(english)  # Pollux itself names jobs in English
    assert set(english) == set(chinese) - jobs
    for key, words in english.items():
        assert _blanks(words) == _blanks(chinese[key]), key


def test_every_word_that_is_used_is_there() -> None:
    used = set()
    for module in MODULES:
        used |= set(re.findall(r'\bt\("([\w.]+)"', module.read_text(encoding="utf-8")))
    assert used - set(_words("en")) == set()


async def _part(path: str, *headers: tuple[str, str], version: str = "") -> Response:
    request = _request("/console", *headers)
    request.scope["path_params"] = {"version": version or assets().version, "path": path}
    return await part(request)


def _request(path: str, *headers: tuple[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "path": path, "headers": raw, "query_string": b""})


def _words(language: str) -> dict[str, str]:
    """Return a dictionary as the browser reads it."""
    module = json.dumps((CONSOLE / "words" / f"{language}.js").as_uri())
    program = f"import({module}).then((words) => console.log(JSON.stringify(words.default)))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True, timeout=20)
    return dict(json.loads(done.stdout))


def _blanks(words: str) -> list[str]:
    return sorted({*re.findall(r"{(\w+)}", words)})
