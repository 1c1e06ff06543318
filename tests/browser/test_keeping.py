"""Stars and forwards in a browser: marks that follow at once, on every page of theirs."""

from __future__ import annotations

from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import bubble, expect_as_loaded
from tests.make import Member, make_chat, make_group, make_message


async def choose(page: Page, text: str, entry: str) -> None:
    """An entry of a message's menu."""
    message = bubble(page, text)
    await message.hover()
    await message.get_by_role("link", name="Message actions").click()
    await page.locator("#sheet .menu__item", has_text=entry).click()


async def test_a_star_is_seen_at_once_on_all_ones_pages(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Keep this")
    here, there = await visit(ann, f"/chats/{chat_id}"), await visit(ann, f"/chats/{chat_id}")
    his = await visit(bob, f"/chats/{chat_id}")
    await choose(here, "Keep this", "Star")
    for page in (here, there):
        await expect(bubble(page, "Keep this")).to_have_attribute("data-starred", "")
    await expect(here.locator("#sheet")).to_be_hidden()
    await expect(bubble(his, "Keep this")).not_to_have_attribute("data-starred", "")
    await bob.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "Keep that"})
    await expect(bubble(here, "Keep that")).to_have_attribute("data-starred", "")
    await choose(here, "Keep that", "Remove star")
    await expect(bubble(there, "Keep that")).not_to_have_attribute("data-starred", "")


async def test_the_list_leads_back_to_the_message(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Keep this")
    await ann.post(f"/chats/{chat_id}/messages/1/star")
    page = await visit(ann, "/starred")
    await page.locator(".starred__link", has_text="Keep this").click()
    await expect(bubble(page, "Keep this")).to_be_in_viewport()
    await page.go_back()
    await page.get_by_role("button", name="Remove star").click()
    await expect(page.locator(".starred__item")).to_have_count(0)


async def test_a_message_is_forwarded_into_two_chats(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    other = await make_chat(app, ann, cara)
    await make_message(app, cara, other, "Hi Ann")
    await make_message(app, bob, chat_id, "Good news")
    page, hers = await visit(ann, f"/chats/{chat_id}"), await visit(cara, f"/chats/{other}")
    await choose(page, "Good news", "Forward")
    sheet = page.locator("#sheet")
    await sheet.get_by_role("button", name="Forward").click()
    await expect(sheet.locator(".field__error")).to_be_visible()
    for name in ("Cara", "Bob"):
        await sheet.get_by_label(name).check()
    await sheet.get_by_role("button", name="Forward").click()
    await expect(sheet).to_be_hidden()
    await expect(page.get_by_role("status").filter(has_text="Forwarded")).to_have_text("Forwarded to 2 chats")
    await expect(bubble(hers, "Good news").locator(".forwarded")).to_have_text("Forwarded")
    await expect(page.locator(".message .forwarded")).to_have_count(1)
    await expect_as_loaded(hers)


async def test_no_more_chats_are_chosen_than_a_message_goes_to(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    for number in range(6):
        await make_group(app, ann, bob, name=f"Group {number}")
    await make_message(app, bob, chat_id, "Good news")
    page = await visit(ann, f"/chats/{chat_id}")
    await choose(page, "Good news", "Forward")
    sheet = page.locator("#sheet")
    for number in range(5):
        await sheet.get_by_label(f"Group {number}").check()
    await sheet.get_by_label("Group 5").click()
    await expect(sheet.get_by_label("Group 5")).not_to_be_checked()
    await expect(page.locator("#toasts:popover-open")).to_have_text("Choose up to 5 chats.")
    await sheet.get_by_label("Group 0").uncheck()
    await sheet.get_by_label("Group 5").check()
    await sheet.get_by_role("button", name="Forward").click()
    await expect(page.locator("#toasts").get_by_text("Forwarded to 5 chats")).to_be_visible()
