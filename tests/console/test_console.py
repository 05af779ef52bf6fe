"""The console in a real browser: nothing in it is markup, it fits every screen, and a keyboard is enough."""

from __future__ import annotations

import json
import urllib.error
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.console.browser import PASSWORD, Theme, go, logged_in, opened, picture
from tests.console.calls import chat, post
from tests.proxy import KEY, pollux

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's own

VIEWS = ("overview", "credentials", "keys", "pipeline", "configuration", "logs", "playground", "jobs")

MARKUP = "<img src=x onerror=\"document.title='owned'\">"


async def test_names_that_are_markup_are_shown_as_text(tmp_path: Path, browser: Browser) -> None:
    account = {"api_key": "test-key-of-mallory", "project": MARKUP, "email": MARKUP}
    log = tmp_path / "pollux.log"
    log.write_text(_line("error", MARKUP), encoding="utf-8")
    async with (
        pollux(tmp_path, credentials={"<img src=x>.json": account}, LOG_FILE=str(log)) as proxy,
        opened(browser) as page,
    ):
        proxy.house.traces.watch(60)
        for model in (MARKUP, "gemini-3.8-flash"):
            await _refused(proxy.url, KEY if model == MARKUP else MARKUP, model)
        await logged_in(page, proxy.url)
        await go(page, "credentials")
        await page.get_by_role("button", name="Add credentials").click()
        await page.get_by_label("Or paste").fill(MARKUP)
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.locator("dialog .outcome li")).to_have_count(1)
        await page.keyboard.press("Escape")
        await go(page, "keys")
        await page.get_by_role("button", name="New key").click()
        await page.get_by_label("Name").fill(MARKUP)
        await page.locator("dialog").get_by_role("button", name="New key").click()
        await page.get_by_role("button", name="I have it").click()
        await expect(page.get_by_text(MARKUP).first).to_be_visible()
        for view in VIEWS:
            await go(page, view)
            await expect(page.locator("main .waiting")).to_have_count(0)
            if view in {"credentials", "logs"}:
                await expect(page.get_by_text("onerror=").first).to_be_visible()
            assert await page.locator("img").count() == 0
            assert "owned" not in await page.title()


def _line(level: str, event: str, **more: str) -> str:
    """Return a line of the log as Pollux writes it."""
    return json.dumps({"level": level, "event": event, **more}, separators=(",", ":")) + "\n"


async def _refused(url: str, key: str, model: str) -> None:
    try:
        await chat(url, key, model=model)
    except urllib.error.HTTPError as exc:
        exc.close()


@pytest.mark.parametrize(
    ("language", "theme", "width", "height"),
    [("en-GB", "light", 1280, 900), ("zh-CN", "dark", 390, 844)],
    ids=["desktop-english-light", "phone-chinese-dark"],
)
async def test_every_view_fits_the_screen_and_speaks_the_browsers_language(
    tmp_path: Path, browser: Browser, language: str, theme: Theme, width: int, height: int
) -> None:
    name = f"{'phone' if width < 760 else 'desktop'}-{language}-{theme}"
    async with (
        pollux(tmp_path) as proxy,
        opened(browser, language=language, theme=theme, width=width, height=height) as page,
    ):
        proxy.house.traces.watch(60)
        for stream in (True, False):
            await chat(proxy.url, KEY, stream=stream)
        await logged_in(page, proxy.url)
        for view in VIEWS:
            await go(page, view)
            await expect(page.locator("main .waiting")).to_have_count(0)
            await expect(page.locator(".notice.bad")).to_have_count(0)
            wide = "document.documentElement.scrollWidth"
            assert await page.evaluate(wide) <= width, view
            await picture(page, f"{name}-{view}")
        heading = {"en-GB": "Jobs", "zh-CN": "任务"}[language]
        await expect(page.locator("h1")).to_have_text(heading)
        assert await _is_dark(page) == (theme == "dark")


async def test_language_and_theme_are_chosen_and_kept(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await page.get_by_role("button", name="Theme: as the device").click()
        await page.get_by_role("button", name="Theme: light").click()
        assert await _is_dark(page)
        await page.get_by_role("button", name="中文").click()
        await expect(page.locator("h1")).to_have_text("概览")
        await page.reload()
        await expect(page.locator("h1")).to_have_text("概览")
        assert await _is_dark(page)


async def test_store_that_is_away_shows(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await expect(page.get_by_text("· sqlite")).to_be_visible()

        async def away(route: Route) -> None:
            answer = await route.fetch()
            await route.fulfill(json=await answer.json() | {"store": "away"})

        await page.route("**/api/v1/overview", away)
        await expect(page.get_by_text("sqlite does not answer")).to_be_visible()


async def test_keyboard_alone_is_enough(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await page.goto(proxy.url)
        await expect(page.locator("#password")).to_be_focused()
        await page.keyboard.type("a wrong password")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("That is not the panel password.")
        await logged_in(page, proxy.url)
        await page.goto(f"{proxy.url}/#/credentials")
        await page.reload()
        await expect(page.locator("table.credentials")).to_be_visible()
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await page.keyboard.press("Enter")
        for _ in range(3):
            await page.keyboard.press("Tab")
        adds = page.get_by_role("button", name="Add credentials")
        await expect(adds).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog", name="Add credentials")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)
        await expect(adds).to_be_focused()


async def test_batch_shows_progress_and_changes_every_chosen_credential(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await go(page, "credentials")
        await page.get_by_label("Choose all").check()
        await expect(page.get_by_text("3 chosen")).to_be_visible()
        await page.locator(".batch").get_by_role("button", name="Disable").click()
        await expect(page.get_by_text("Disable: 3 done")).to_be_visible()
        await expect(page.locator("tbody .badge", has_text="disabled")).to_have_count(3)
        await page.locator(".batch").get_by_role("button", name="Enable").click()
        await expect(page.locator("tbody .badge", has_text="ready")).to_have_count(3)
        assert {unit.state for unit in proxy.house.pool.snapshot()} == {"ready"}


async def test_log_lines_appear_as_they_are_written(tmp_path: Path, browser: Browser) -> None:
    log = tmp_path / "pollux.log"
    log.write_text(_line("info", "from before"), encoding="utf-8")
    async with pollux(tmp_path, LOG_FILE=str(log)) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await go(page, "logs")
        await expect(page.get_by_text("from before")).to_be_visible()
        await expect(page.get_by_text("live", exact=True)).to_be_visible()
        with log.open("a", encoding="utf-8") as file:
            file.write(_line("error", "just now", model="m"))
        await expect(page.get_by_text("just now model=m")).to_be_visible()
        await page.get_by_label("Least level").select_option("error")
        await expect(page.get_by_text("from before")).to_have_count(0)
        await expect(page.get_by_text("just now")).to_be_visible()


async def test_playground_streams_an_answer_and_says_the_same_as_curl(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await go(page, "playground")
        await page.get_by_role("button", name="Make one").click()
        for dialect in ("openai", "gemini", "anthropic"):
            await page.get_by_label("Speak").select_option(dialect)
            await page.get_by_label("Prompt").fill(f"It's {dialect}")
            await page.get_by_role("button", name="Send").click()
            await expect(page.locator(".answer .text")).to_contain_text(f"It's {dialect}")
            await expect(page.locator(".answer")).to_contain_text("Total")
            await expect(page.locator("pre")).to_contain_text(f"It'\\''s {dialect}")


async def test_dropped_file_and_pasted_keys_become_credentials(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        await logged_in(page, proxy.url)
        await go(page, "credentials")
        await page.get_by_role("button", name="Add credentials").click()
        files = await page.evaluate_handle(
            """() => {
                const files = new DataTransfer();
                files.items.add(new File(['{"api_key": "test-dropped-key"}'], "dropped.json"));
                return files;
            }"""
        )
        await page.dispatch_event(".drop", "drop", {"dataTransfer": files})
        await expect(page.get_by_text("1 added, 0 known already, 0 refused")).to_be_visible()
        await page.get_by_label("Or paste").fill("test-pasted-key-1\ntest-pasted-key-2\ntest-dropped-key")
        await page.get_by_role("button", name="Add", exact=True).click()
        await expect(page.get_by_text("2 added, 1 known already, 0 refused")).to_be_visible()
        assert len(proxy.house.pool.credentials()) == 6


async def test_holder_of_a_key_sees_what_is_left_of_it(tmp_path: Path, browser: Browser) -> None:
    async with pollux(tmp_path) as proxy, opened(browser) as page:
        _, made = await post(f"{proxy.url}/api/v1/keys", PASSWORD, {"total_quota": 50})
        await page.goto(f"{proxy.url}/api-key-query")
        await page.get_by_label("Key").fill(json.loads(made)["secret"])
        await page.get_by_role("button", name="Show").click()
        await expect(page.get_by_text("0 of 50 used")).to_be_visible()


async def _is_dark(page: Page) -> bool:
    colour = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) < 200
