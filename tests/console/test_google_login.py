"""Logins at Google as a person does them in a browser, on this machine or on another."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, expect

from adapters.simulator import Account, Scenario
from adapters.simulator.scenario import Mood
from tests.console.browser import go, logged_in, opened
from tests.proxy import pollux

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's own

CONFIG = """
[oauth]
client_id = "made-up-client.apps.example"
client_secret = "made-up-secret"
[upstream.endpoints]
accounts = "${OAUTH_PROXY_URL}"
"""


def google(*projects: str, mood: Mood = "onboarded") -> Scenario:
    account = Account("made-up-refresh-token", "a@example.test", list(projects), mood=mood)
    return Scenario(accounts=[account], disabled_services=[])


async def _consent(page: Page) -> str:
    """Consent on Google's page, as a browser elsewhere does; return the address it then cannot reach."""
    link = page.get_by_role("link", name="Go to Google")
    await expect(link).to_have_attribute("rel", "noopener noreferrer")
    return await asyncio.to_thread(_redirect, await link.get_attribute("href") or "")


def _redirect(url: str) -> str:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc, timeout=10)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        return connection.getresponse().headers["location"]
    finally:
        connection.close()


async def test_pasted_address_and_a_chosen_project_make_a_credential(tmp_path: Path, browser: Browser) -> None:
    async with (
        pollux(tmp_path, scenario=google("project-1", "project-2", mood="no-project"), config=CONFIG, keys="") as proxy,
        opened(browser) as page,
    ):
        await logged_in(page, proxy.url)
        await go(page, "credentials")
        await page.get_by_role("button", name="Log in at Google").click()
        await page.get_by_role("button", name="Begin").click()
        await page.locator("#callback").fill(await _consent(page))
        await page.get_by_role("button", name="Finish").click()
        await page.get_by_role("button", name="project-2").click()
        await expect(page.get_by_role("dialog").get_by_text("a@example.test project-2")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("table.credentials")).to_contain_text("a@example.test")


@pytest.mark.parametrize("pasted", [True, False], ids=["browser-elsewhere", "browser-here"])
async def test_contributor_needs_no_password_and_learns_only_that_it_worked(
    tmp_path: Path, browser: Browser, pasted: bool
) -> None:
    async with (
        pollux(tmp_path, scenario=google("project-1"), config=CONFIG, keys="") as proxy,
        opened(browser) as page,
    ):
        await page.goto(f"{proxy.url}/auth")
        await page.get_by_role("button", name="Begin").click()
        back = await _consent(page)
        if pasted:
            await page.locator("#callback").fill(back)
            await page.get_by_role("button", name="Finish").click()
        else:
            tab = await page.context.new_page()
            await tab.goto(back.replace("localhost", "127.0.0.1"))
            await tab.close()
        await expect(page.get_by_text("Done")).to_be_visible()
        await expect(page.locator("main")).to_contain_text("a@example.test")
        await expect(page.locator("main")).not_to_contain_text("project-1")
