"""Messages that disappear while people look, and while they are away."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import update
from starlette.applications import Starlette

from app.chats.models import Chat
from app.expiry.routes import sweep
from app.expiry.service import DAY
from tests.browser.conftest import Visit
from tests.browser.conversation import bubble, expect_as_loaded, field, say
from tests.make import Member, make_message

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

SECONDS = 2


async def hurry(app: Starlette, lifetime: int) -> None:
    """Let what is said from now on live so long, whatever the pages say."""
    async with app.state.database.write() as work:
        await work.execute(update(Chat).values(lifetime=lifetime))


async def expect_preview(page: Page, text: str) -> None:
    await expect(page.locator("#chats .row__text")).to_have_text(text)


async def test_they_go_when_they_are_due_whoever_is_online(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "stays")
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await hers.locator(".topbar__who").click()
    await hers.locator("#drawer").get_by_role("link", name="Disappearing messages").click()
    await hers.get_by_label("24 hours").check()
    await hers.get_by_role("button", name="Save").click()
    for page in (hers, his):
        await expect(page.get_by_text("set messages to disappear after 24 hours").first).to_be_visible()
        await expect(page.get_by_role("link", name="Disappearing messages: 24 hours")).to_be_visible()
    await expect(hers.locator("#drawer small", has_text="24 hours")).to_be_visible()

    await hurry(app, SECONDS)
    await say(hers, "goes")
    await say(hers, "goes, too")
    await expect(bubble(his, "goes, too")).to_be_visible()
    await hurry(app, DAY)
    await his.context.set_offline(True)
    await bubble(his, "goes, too").focus()
    for page in (hers, his):
        await expect(page.locator(".message[data-expires]")).to_have_count(0)
        await expect(bubble(page, "stays")).to_be_visible()
    await expect(field(his)).to_be_focused()
    await expect_preview(hers, "stays")
    await expect_preview(his, "")
    await sweep(app)
    await his.context.set_offline(False)
    await expect_preview(his, "stays")
    for page in (hers, his):
        await expect_as_loaded(page)


async def test_what_is_due_counts_no_more_as_unread(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "stays")
    await hurry(app, SECONDS)
    page = await visit(ann, "/")
    await make_message(app, bob, chat_id, "goes")
    await expect(page.locator("unread-badge")).to_have_text("2")
    await expect_preview(page, "stays")
    await expect(page.locator("unread-badge")).to_have_text("1")


async def test_an_answer_that_was_begun_ends_with_what_it_answers(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    for seq in (1, 2):
        await hurry(app, 2 * SECONDS)
        await make_message(app, bob, chat_id, "Tea?")
        await hurry(app, 0)
        if seq == 1:
            await page.locator(".message[data-seq='1']").focus()
            await page.keyboard.press("r")
        else:  # as a page has it that is opened later
            await ann.post(f"/chats/{chat_id}/reply", data={"reply_to": "2"})
            await page.reload()
        await expect(page.locator("#reply")).to_be_visible()
        await field(page).fill("Half an answer")
        await expect(page.locator("#reply")).to_be_hidden()
        await expect(page.locator("#toasts")).to_have_text("The message you were replying to has disappeared.")
        await expect(field(page)).to_have_value("Half an answer")
    await field(page).press("Enter")
    await expect(page.locator(".message[data-seq='3']")).to_contain_text("Half an answer")
    await expect_as_loaded(page)


async def test_without_scripts(visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}/info", java_script_enabled=False)
    await page.get_by_role("link", name="Disappearing messages").click()
    await page.get_by_label("7 days").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".message .note__text")).to_contain_text("set messages to disappear after 7 days")
    await page.get_by_role("link", name="Disappearing messages: 7 days").click()
    await expect(page.get_by_label("7 days")).to_be_checked()
