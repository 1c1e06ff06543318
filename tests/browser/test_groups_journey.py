"""A group's life with everybody watching: made, joined, run, left, each time live on all sides."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.make import Member, location

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is


def last_note(page: Page) -> Locator:
    return page.locator(".messages__list > .message[data-kind=note]").last


async def test_a_group_from_making_to_leaving(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    page, other = await visit(ann), await visit(bob)
    await page.locator(".rail__link[data-section=groups]").click()
    await page.get_by_role("link", name="New group").click()
    await page.get_by_label("Name", exact=True).fill("Book club")
    await page.get_by_placeholder("Filter people").fill("BÖB")
    await expect(page.locator(".picker__list > li:visible")).to_have_count(1)
    await page.keyboard.press("Enter")
    await page.get_by_placeholder("Filter people").fill("")
    await expect(page.locator(".picker__list > li:visible")).to_have_count(2)
    await page.get_by_role("button", name="Create group").click()

    await expect(page).to_have_title("Book club – Parley")
    await expect(page.locator("#chats > .row .row__title")).to_have_text("Book club")
    await expect(last_note(page)).to_contain_text("added Bob")
    row = other.locator("#chats > .row")
    await expect(row.locator(".row__title")).to_have_text("Book club")
    await expect(row.locator(".row__text")).to_contain_text("added")
    await expect(other).to_have_title("Chats – Parley")

    await row.click()
    await page.locator(".composer__field").fill("Chapter nine?")
    await page.keyboard.press("Enter")
    await expect(other.locator(".bubble__body").last).to_have_text("Chapter nine?")

    # Promote: it shows in the drawer, in both conversations, and Bob may manage.
    info, theirs = page.locator("#drawer"), other.locator("#drawer")
    await page.get_by_role("link", name="Group info").click()
    await other.get_by_role("link", name="Group info").click()
    await expect(theirs.get_by_text("Add members")).to_have_count(0)
    await info.get_by_label("Manage Bob").click()
    await info.get_by_role("button", name="Make admin").click()
    await expect(info.locator(".member", has_text="Bob").locator(".tag")).to_have_text("Admin")
    await expect(page).to_have_url(re.compile(r"/chats/1$"))
    await expect(last_note(other)).to_contain_text("admin")
    await expect(theirs.get_by_text("Add members")).to_be_visible()

    await info.get_by_role("link", name="Close").press("Escape")
    await expect(page.get_by_role("link", name="Group info")).to_be_focused()
    await page.keyboard.press("Enter")

    # Bob adds Cara.
    third = await visit(cara)
    await theirs.get_by_text("Add members").click()
    await other.get_by_label("Cara").check()
    await other.get_by_role("button", name="Add to group").click()
    await expect(last_note(other)).to_contain_text("added Cara")
    await expect(info.locator(".member")).to_have_count(3)
    await expect(third.locator("#chats > .row .row__title")).to_have_text("Book club")
    await third.locator("#chats > .row").click()
    await expect(third.locator(".bubble__body")).to_have_count(0)

    # Rename: everywhere at once.
    await page.locator("#drawer").get_by_text("Edit group").click()
    await page.get_by_label("Name", exact=True).fill("Reading group")
    await page.get_by_role("button", name="Save").click()
    for each in (page, other, third):
        await expect(each.locator("#chats > .row .row__title")).to_have_text("Reading group")
        await expect(each.locator("#pane .topbar__title")).to_have_text("Reading group")
        await expect(each).to_have_title("Reading group – Parley")

    # Ann removes Cara while she types: her composer goes, her text stays.
    await third.locator(".composer__field").fill("I was just")
    await page.get_by_role("link", name="Group info").click()
    await info.get_by_label("Manage Cara").click()
    await info.get_by_role("button", name="Remove from group").click()
    await expect(info.locator(".member")).to_have_count(2)
    await expect(third.locator(".composer--closed")).to_be_visible()
    await expect(third.locator("#kept")).to_have_value("I was just")
    await expect(third.locator("#chats > .row[data-left]")).to_have_count(1)
    await bob.say(1, "now without her")
    await expect(page.locator(".bubble__body").last).to_have_text("now without her")
    await expect(third.locator(".row__text")).not_to_have_text("now without her")

    # Ann leaves; Bob inherits.
    await info.get_by_text("Leave group").click()
    await info.get_by_role("button", name="Leave").click()
    await expect(page.locator(".composer--closed")).to_be_visible()
    await expect(page.locator("#drawer")).to_be_empty()
    await expect(other.locator("#chats > .row .row__text")).not_to_be_empty()
    await other.get_by_role("link", name="Group info").click()
    await expect(theirs.locator(".member")).to_have_count(1)
    await expect(theirs.locator(".tag")).to_have_text("Owner")


async def test_a_public_group_is_joined_and_rejoined(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = location(await ann.post("/groups", data={"name": "Street", "public": "1"}))
    page, other = await visit(ann, f"/chats/{chat_id}"), await visit(bob)
    await other.locator(".rail__link[data-section=groups]").click()
    await other.get_by_role("button", name="Join Street").click()
    await expect(other).to_have_title("Street – Parley")
    await expect(last_note(page)).to_have_text("Bob joined")
    await expect(page.locator(".topbar__presence")).to_have_text("2 members")
    await expect(other.locator("#chats > .row[aria-current], #chats [aria-current]")).to_have_count(1)
    await other.locator(".composer__field").fill("Hello street")
    await other.keyboard.press("Enter")
    await expect(page.locator(".bubble__body").last).to_have_text("Hello street")

    await bob.post(f"/groups/{chat_id}/leave")
    await expect(other.locator(".composer--closed")).to_be_visible()
    await expect(other.locator("#chats > .row[data-left]")).to_have_count(1)
    await bob.post(f"/groups/{chat_id}/join")
    await expect(other.locator(".composer__field")).to_be_visible()
    await expect(other.locator("#chats > .row:not([data-left])")).to_have_count(1)
    await ann.say(chat_id, "welcome back")
    await expect(other.locator(".bubble__body").last).to_have_text("welcome back")
