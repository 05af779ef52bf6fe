"""A real Chromium in front of the console, which complains about everything that a browser complains about."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

PASSWORD = "test-panel-password"
PICTURES = Path(__file__).with_name("pictures")
"""Where screenshots are kept to be looked at; git does not."""

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE = 10_000
"""Milliseconds: the machine may be shared."""

_EXPECTED = ("Failed to load resource: the server responded with a status of 4", "WebSocket connection to")
"""What a browser says of every answer that is a refusal, and of sockets that a leaving page closes."""

Theme = Literal["light", "dark"]


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """Start a browser with a profile of its own, fresh and thrown away."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser, *, language: str = "en-GB", theme: Theme = "light", width: int = 1280, height: int = 900
) -> AsyncIterator[Page]:
    """Open an empty page that remembers nothing; fails at the end when a script failed, or broke the content policy."""
    complaints: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_EXPECTED):
            complaints.append(message.text)

    context = await browser.new_context(
        locale=language,
        color_scheme=theme,
        viewport={"width": width, "height": height},
        timezone_id="UTC",
    )
    context.set_default_timeout(_PATIENCE)
    expect.set_options(timeout=_PATIENCE)
    page = await context.new_page()
    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page
    finally:
        await context.close()
    assert complaints == []


async def logged_in(page: Page, url: str, password: str = PASSWORD) -> None:
    """Go to the console and through its door."""
    await page.goto(url)
    await page.locator("#password").fill(password)
    await page.keyboard.press("Enter")
    await expect(page.locator(".figures")).to_be_visible()


async def go(page: Page, view: str) -> None:
    """Go to a view by its place in the list of views."""
    await page.locator(f'nav a[href="#/{view}"]').click()
    await expect(page.locator(f'nav a[href="#/{view}"][aria-current="page"]')).to_be_visible()


async def picture(page: Page, name: str) -> None:
    """Keep a screenshot of the whole page."""
    PICTURES.mkdir(exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    assert found, "the console's tests need chromium (Debian: apt install chromium)"
    return found
