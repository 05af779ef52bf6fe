"""What somebody with no account can do in the console in the first minutes, from the first login on."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, Page, expect

from adapters.simulator import Scenario
from tests.console.browser import go, logged_in, opened
from tests.console.calls import chat
from tests.proxy import KEY, pollux

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.asyncio(loop_scope="session")  # the browser's own

CREDENTIALS = {
    f"friend-{number}.json": {"api_key": f"test-friend-key-{number}", "project": f"friend-project-{number}"}
    for number in (1, 2)
}


async def test_newcomer_finds_everything_from_login_to_first_change(tmp_path: Path, browser: Browser) -> None:
    async with (
        pollux(tmp_path, scenario=Scenario(latency=0.15, cadence=0.1)) as proxy,
        opened(browser) as page,
    ):
        await logged_in(page, proxy.url)
        await _sees_charts_move(page, proxy.url)
        await _uploads_a_zip(page)
        key = await _creates_a_key(page)
        await _watches_a_request(page, proxy.url, key)
        await _changes_a_setting(page, proxy.url, key)


async def _sees_charts_move(page: Page, url: str) -> None:
    requests = page.locator("#requests dd")
    await expect(requests).to_contain_text("0")
    await asyncio.gather(*(chat(url, KEY, stream=stream) for stream in (False, True, True)))
    await expect(requests).to_contain_text("3")
    traffic = page.get_by_role("img", name="Traffic: 3 requests")
    await expect(traffic).to_be_visible()
    assert await traffic.locator("rect.fill").count() >= 1
    await expect(page.get_by_role("img", name="How streams ended: 2")).to_be_visible()


async def _uploads_a_zip(page: Page) -> None:
    await go(page, "credentials")
    await expect(page.locator("table.credentials tbody tr")).to_have_count(3)
    await page.get_by_role("button", name="Add credentials").click()
    await page.locator('input[type="file"]').set_input_files(
        {"name": "friends.zip", "mimeType": "application/zip", "buffer": _zip()}
    )
    await expect(page.get_by_text("2 added, 0 known already, 0 refused")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    await expect(page.locator("table.credentials tbody tr")).to_have_count(5)


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, document in CREDENTIALS.items():
            archive.writestr(name, json.dumps(document))
    return content.getvalue()


async def _creates_a_key(page: Page) -> str:
    await go(page, "keys")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name").fill("newcomer")
    await page.get_by_label("Quota in all").fill("100")
    await page.locator("dialog").get_by_role("button", name="New key").click()
    secret = await page.locator("#secret").inner_text()
    await page.get_by_role("button", name="I have it").click()
    await expect(page.locator("td.name", has_text="newcomer")).to_be_visible()
    assert secret not in await page.content()
    return secret


async def _watches_a_request(page: Page, url: str, key: str) -> None:
    async with page.expect_response("**/api/v1/traces/watch"):
        await go(page, "pipeline")
    await expect(page.locator(".node").first).to_be_visible()
    asking = asyncio.create_task(chat(url, key, "Tell me a story", stream=True))
    await expect(page.locator('.node[data-stage="upstream"]')).to_have_attribute("data-state", "done")
    headers, _ = await asking
    trace = page.locator(f'[data-trace="{headers["x-request-id"]}"]')
    await expect(trace).to_contain_text("200")
    for stage in ("auth", "format", "credential", "upstream", "transform", "usage"):
        await expect(page.locator(f'.node[data-stage="{stage}"]')).to_have_attribute("data-state", "done")
    await expect(page.locator(".journey .waterfall")).to_contain_text("answer sent")


async def _changes_a_setting(page: Page, url: str, key: str) -> None:
    await go(page, "configuration")
    row = page.locator('[data-path="server.heartbeat"]')
    await row.locator("input").fill("-1")
    await expect(row.locator(".fault")).to_be_visible()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    await page.get_by_role("button", name="Discard").click()
    await page.get_by_role("switch", name="server.server_timing").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("In effect now: server.server_timing")).to_be_visible()
    headers, _ = await chat(url, key)
    assert "upstream" in headers["server-timing"]
