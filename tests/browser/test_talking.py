"""Two people in two browsers: what one says, the other sees, and both know how far it came."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.make import Member, make_group, make_message


def bubble(page: Page, text: str) -> Locator:
    return page.locator(".messages__list > .message").filter(has_text=text)


async def say(page: Page, text: str) -> None:
    await page.locator(".composer__field").fill(text)
    await page.locator(".composer__field").press("Enter")


async def test_a_word_travels_and_its_ticks_come_back(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, "/")
    await say(hers, "Hello Bob")
    mine = bubble(hers, "Hello Bob")
    await expect(hers.locator(".composer__field")).to_be_focused()
    await expect(hers.locator(".composer__field")).to_have_value("")
    await expect(mine).to_have_attribute("data-seq", "1")
    await expect(mine.locator(".tick--delivered")).to_be_visible()
    await his.locator(f"#chat-{chat_id} a").click()
    await expect(bubble(his, "Hello Bob")).to_be_visible()
    await expect(mine.locator(".tick--read")).to_be_visible()
    await say(his, "Hello Ann")
    await expect(bubble(hers, "Hello Ann")).to_be_visible()
    await expect(bubble(his, "Hello Ann").locator(".tick--read")).to_be_visible()
    await expect(hers.locator(".messages__list > .message")).to_have_count(2)
