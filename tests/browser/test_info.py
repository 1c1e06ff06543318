"""Who has a message, while it is being delivered and read in other browsers: live, and the same after a reload."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES
from tests.browser.test_accessibility import CALM, violations
from tests.make import Member, make_group, make_message

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is


async def expect_states(page: Page, **states: list[str]) -> None:
    """Who stands under each heading; the others are not there."""
    headings = [f"{state.capitalize()} {len(names)}" for state, names in states.items()]
    await expect(page.locator("message-info h2")).to_have_text(headings, use_inner_text=True)
    for state, names in states.items():
        await expect(page.locator(f"#info-of-{state} bdi")).to_have_text(names)


async def test_waiting_delivered_read(visit: Visit, app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob, cara)
    seq = (await make_message(app, ann, group, "Supper")).seq
    hers = await visit(ann, f"/chats/{group}", **CALM)
    await hers.locator(f"{MESSAGES}[data-seq='{seq}'] .bubble__menu").focus()
    await hers.keyboard.press("Enter")
    await hers.locator("#sheet").get_by_text("Info").focus()
    await hers.keyboard.press("Enter")
    await expect_states(hers, read=[], waiting=["Bob", "Cara"])
    await expect(hers.get_by_role("link", name="Close")).to_be_focused()
    ticks = hers.locator(".info__message .ticks")
    await expect(ticks).to_have_css("--tick-name", '"Sent"')

    his = await visit(bob, "/")
    await expect_states(hers, read=[], delivered=["Bob"], waiting=["Cara"])
    await visit(cara, f"/chats/{group}")
    await expect_states(hers, read=["Cara"], delivered=["Bob"])
    await expect(ticks).to_have_css("--tick-name", '"Delivered"')
    await his.goto(f"/chats/{group}")
    await expect_states(hers, read=["Bob", "Cara"])
    await expect(ticks).to_have_css("--tick-name", '"Read"')
    await expect(hers.locator("#info-of-read li", has_text="Bob").get_by_text("Delivered today")).to_be_visible()
    await expect(hers.get_by_role("link", name="Close")).to_be_focused()
    assert await violations(hers) == []

    live = await hers.locator("message-info").inner_text()
    await hers.keyboard.press("Escape")
    await expect(hers.locator(f"{MESSAGES}[data-seq='{seq}'] .bubble__menu")).to_be_focused()
    await hers.goto(f"/chats/{group}/messages/{seq}/info")
    await expect(hers.locator("message-info")).to_have_text(live, use_inner_text=True)
    await hers.get_by_role("link", name="Close").click()
    await expect(hers.locator(f"{MESSAGES}[data-seq='{seq}']")).to_be_visible()


async def test_of_two_and_after_the_socket_was_lost(
    visit: Visit, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    seq = (await make_message(app, ann, chat_id, "Supper")).seq
    hers = await visit(ann, f"/chats/{chat_id}/messages/{seq}/info")
    lines = hers.locator(".info__line small")
    await expect(lines).to_have_text(["Not yet", "Not yet"])
    await hers.context.set_offline(True)
    await visit(bob, f"/chats/{chat_id}")
    await hers.context.set_offline(False)
    await expect(hers.locator("html[data-opened='2']")).to_be_attached()
    await expect(lines.nth(0)).to_contain_text("today at")
    await expect(lines.nth(1)).to_contain_text("today at")


async def test_without_scripts(visit: Visit, app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    seq = (await make_message(app, ann, chat_id, "Supper")).seq
    page = await visit(ann, f"/chats/{chat_id}/messages/{seq}/menu", java_script_enabled=False)
    await page.get_by_role("link", name="Info").click()
    await expect(page.get_by_role("heading", name="Message info")).to_be_visible()
    await expect(page.locator(".info__message .bubble")).to_contain_text("Supper")
    await page.get_by_role("link", name="Close").click()
    await expect(page.locator(f"{MESSAGES}[data-seq='{seq}']")).to_be_visible()
