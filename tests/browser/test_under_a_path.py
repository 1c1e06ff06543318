"""Parley below a path of somebody's domain: every link, request and socket stays below it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.make import Member, make_chat, make_message


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"base_url": "http://127.0.0.1/talk"}


async def test_a_round_through_the_page(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id)
    page = await visit(ann, "/talk/")
    outside: list[str] = []
    page.on("request", lambda request: None if "/talk/" in request.url else outside.append(request.url))
    row = page.locator(f"#chat-{chat_id}")
    await row.click()
    await expect(page).to_have_url(re.compile(f"/talk/chats/{chat_id}$"))
    await expect(row.locator("[aria-current]")).to_have_count(1)
    await page.locator(".composer__field").fill("below a path")
    await page.keyboard.press("Enter")
    await expect(page.locator(".bubble__body").last).to_have_text("below a path")
    await expect(row.locator(".row__text")).to_have_text("below a path")
    await page.locator(".bubble").last.click(button="right")
    await expect(page.locator("#sheet")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator(".rail__link[data-section=people]").click()
    await expect(page.locator(".rail__link[aria-current]")).to_have_attribute("data-section", "people")
    await page.go_back()
    await expect(page.locator("#conversation")).to_be_visible()
    await page.get_by_role("searchbox").first.fill("bob")
    await make_message(app, bob, chat_id, "and an answer")
    await expect(row.locator(".row__text")).to_have_text("and an answer")
    await expect(page.locator(".chips")).to_have_count(0)
    assert outside == []
