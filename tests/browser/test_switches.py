"""Pin, mute, archive, mark, clear and delete chats: all pages of a person agree, and a reload changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.chats.models import Membership
from app.db import now
from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, expect_as_loaded, expect_tick, field
from tests.browser.test_accessibility import CALM, violations
from tests.make import Member, make_chat, make_group, make_message

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
# The list as its reader sees it.
LIST = """() => [...document.querySelectorAll('#archive, #chats > .row')].flatMap((row) => {
  if (!row.offsetParent) return [];
  const { unread, pinned, muted, archived, favourite, marked } = row.dataset;
  const shown = [...row.querySelectorAll('[role=img]')].filter((each) => each.offsetParent);
  const signs = shown.map((each) => each.ariaLabel);
  return [[row.id, unread, pinned, muted, archived, favourite, marked, ...signs, row.innerText]];
})"""


def row(page: Page, chat_id: int) -> Locator:
    return page.locator(f"#chats > #chat-{chat_id}")


def sheet(page: Page) -> Locator:
    return page.locator("#sheet[open]")


async def choose(page: Page, chat_id: int, *names: str) -> None:
    """Press these entries of a chat's menu one after the other."""
    await row(page, chat_id).hover()
    await row(page, chat_id).locator(".row__menu").click()
    for name in names:
        await sheet(page).locator("summary:visible, button:visible").filter(has_text=name).last.click()
    await expect(sheet(page)).to_have_count(0)


async def expect_order(page: Page, *ids: int) -> None:
    await expect(page.locator("#chats > .row")).to_have_count(len(ids))
    for place, chat_id in enumerate(ids):
        await expect(page.locator("#chats > .row").nth(place)).to_have_id(f"chat-{chat_id}")


async def expect_list_as_loaded(page: Page) -> None:
    before = await page.evaluate(LIST)
    await page.reload()
    await expect(page.locator("html[data-opened][data-whole]")).to_be_attached()
    assert await page.evaluate(LIST) == before


@pytest.fixture
async def groups(app: Starlette, ann: Member, bob: Member) -> list[int]:
    """Three groups of Ann and Bob, the last one the newest."""
    ids = [await make_group(app, ann, bob, name=f"Group {number}") for number in range(3)]
    for chat_id in ids:
        await make_message(app, ann, chat_id, "Hello")
    return ids


async def test_pins_and_mutes_on_all_pages(
    app: Starlette, visit: Visit, ann: Member, bob: Member, groups: list[int]
) -> None:
    first, second, third = groups
    page, other = await visit(ann), await visit(ann)
    await choose(page, first, "Pin to the top")
    for each in (page, other):
        await expect_order(each, first, third, second)
        await expect(row(each, first).get_by_role("img", name="Pinned")).to_be_visible()
    await make_message(app, bob, second, "news")
    for each in (page, other):
        await expect_order(each, first, second, third)
        await expect(each).to_have_title("(1) Chats – Parley")

    await choose(page, second, "Mute", "8 hours")
    for each in (page, other):
        await expect(row(each, second).get_by_role("img", name="Muted")).to_be_visible()
        await expect(row(each, second).locator("unread-badge")).to_have_text("1")
        await expect(each).to_have_title("Chats – Parley")
    await expect_list_as_loaded(page)
    await choose(page, second, "Unmute")
    await expect(other).to_have_title("(1) Chats – Parley")
    await choose(page, first, "Unpin")
    for each in (page, other):
        await expect_order(each, second, third, first)
    await expect_list_as_loaded(other)


async def test_a_mute_ends_on_open_pages(
    app: Starlette, visit: Visit, ann: Member, bob: Member, groups: list[int]
) -> None:
    await ann.post(f"/chats/{groups[0]}/mute", data={"for": "1w"})
    await make_message(app, bob, groups[0], "news")
    page = await visit(ann)
    await expect(page).to_have_title("Chats – Parley")
    await page.clock.install()
    async with app.state.database.write() as work:
        here = col(Membership.chat_id) == groups[0], col(Membership.user_id) == ann.id
        await work.execute(update(Membership).where(*here).values(muted_until=now()))
    await page.evaluate("document.dispatchEvent(new CustomEvent('parley:rows', { detail: {} }))")
    await page.clock.fast_forward(7 * 24 * 3600 * 1000)
    await expect(row(page, groups[0]).get_by_role("img", name="Muted")).to_be_hidden()
    await expect(page).to_have_title("(1) Chats – Parley")


async def test_the_archive_counts_and_gives_back(
    app: Starlette, visit: Visit, ann: Member, bob: Member, groups: list[int]
) -> None:
    first, second, third = groups
    page, other = await visit(ann), await visit(ann)
    line = other.locator("#archive")
    await expect(line).to_be_hidden()
    await choose(page, third, "Archive")
    for each in (page, other):
        await expect_order(each, second, first)
    await expect(line).to_be_visible()
    await expect(line.locator(".badge")).to_be_empty()
    for body in ("one", "two"):
        await make_message(app, bob, third, body)
    for each in (page, other):
        await expect(each.locator("#archive .badge")).to_have_text("1")
        await expect_order(each, second, first)
        await expect(each).to_have_title("Chats – Parley")
    await expect_list_as_loaded(page)

    await line.click()
    await expect(row(other, third).locator("unread-badge")).to_have_text("2")
    await make_message(app, bob, third, "three")
    await expect(row(other, third).locator("unread-badge")).to_have_text("3")
    await ann.post(f"/chats/{third}/read")
    await expect(page.locator("#archive .badge")).to_be_empty()
    await choose(other, third, "Unarchive")
    await expect(other.get_by_text("Nothing is archived.")).to_be_visible()
    await expect_order(page, third, second, first)
    await expect(page.locator("#archive")).to_be_hidden()
    await other.get_by_role("link", name="Back to all chats").click()
    await expect_order(other, third, second, first)


async def test_a_mark_stays_until_the_chat_is_opened(visit: Visit, ann: Member, groups: list[int]) -> None:
    page, other = await visit(ann), await visit(ann)
    await choose(page, groups[0], "Mark as unread")
    for each in (page, other):
        await expect(row(each, groups[0]).get_by_role("img", name="Marked as unread")).to_be_visible()
        await expect(each).to_have_title("(1) Chats – Parley")
    await expect_list_as_loaded(other)
    await choose(page, groups[0], "Add to favourites")
    await other.locator(".chip", has_text="Favourites").click()
    await expect_order(other, groups[0])
    await row(page, groups[0]).locator(".row__link").click()
    await expect(field(page)).to_be_visible()
    for each in (page, other):
        await expect(row(each, groups[0]).get_by_role("img", name="Marked as unread")).to_be_hidden()
    await expect(other).to_have_title("Chats – Parley")
    await choose(page, groups[0], "Remove from favourites")
    await expect(other.get_by_text("No favourites yet.")).to_be_visible()


async def test_a_chat_is_cleared_and_deleted_on_all_pages(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id = await make_chat(app, ann, bob)
    for body in ("one", "two"):
        await make_message(app, bob, chat_id, body)
    page, other, bobs = (
        await visit(ann, f"/chats/{chat_id}"),
        await visit(ann, f"/chats/{chat_id}"),
        await visit(bob, f"/chats/{chat_id}"),
    )
    await expect(other.locator(MESSAGES)).to_have_count(2)
    await choose(page, chat_id, "Clear chat", "Clear chat")
    for each in (page, other):
        await expect(each.locator(MESSAGES)).to_have_count(0)
        await expect(each.get_by_text("No messages yet.")).to_be_visible()
        await expect(row(each, chat_id).locator(".row__preview")).to_have_count(0)
    await make_message(app, bob, chat_id, "three")
    for each in (page, other):
        await expect(each.locator(MESSAGES)).to_have_count(1)
        await expect(row(each, chat_id).locator(".row__text")).to_have_text("three")
    await expect(bobs.locator(MESSAGES)).to_have_count(3)
    for place in await bobs.locator(MESSAGES).all():
        await expect_tick(place, "Read")
    await expect_as_loaded(other)
    await expect_as_loaded(bobs)

    await choose(page, chat_id, "Delete chat", "Delete chat")
    for each in (page, other):
        await expect(row(each, chat_id)).to_have_count(0)
        await expect(each.locator("#conversation")).to_have_count(0)
    await make_message(app, bob, chat_id, "four")
    for each in (page, other):
        await expect(row(each, chat_id).locator("unread-badge")).to_have_text("1")
    await expect_list_as_loaded(page)
    await row(page, chat_id).locator(".row__link").click()
    await expect(page.locator(MESSAGES)).to_have_count(1)


async def test_what_is_starred_stays_in_a_cleared_chat_until_its_star_goes(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id = await make_chat(app, ann, bob)
    for body in ("one", "two", "three"):
        await make_message(app, bob, chat_id, body)
    await ann.post(f"/chats/{chat_id}/messages/2/star")
    page, other = await visit(ann, f"/chats/{chat_id}"), await visit(ann, f"/chats/{chat_id}")
    await expect(other.locator(MESSAGES)).to_have_count(3)
    await choose(page, chat_id, "Clear chat", "Clear chat")
    for each in (page, other):
        await expect(each.locator(MESSAGES)).to_have_count(1)
        await expect(each.locator(".bubble__body")).to_have_text("two")
        await expect(row(each, chat_id).locator(".row__text")).to_have_text("two")
    await expect_as_loaded(other)
    await expect_list_as_loaded(page)
    await ann.post(f"/chats/{chat_id}/messages/2/star", data={"on": "0"})
    for each in (page, other):
        await expect(each.locator(MESSAGES)).to_have_count(0)


@pytest.mark.parametrize("key", ["Shift+F10", "ContextMenu"])
async def test_keys_open_the_menu_and_lead_back(visit: Visit, ann: Member, groups: list[int], key: str) -> None:
    page = await visit(ann)
    link = row(page, groups[1]).locator(".row__link")
    await link.focus()
    await page.keyboard.press(key)
    await expect(sheet(page).get_by_role("button", name="Pin to the top")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(link).to_be_focused()
    await page.keyboard.press(key)
    await expect(sheet(page).get_by_role("button", name="Pin to the top")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect_order(page, groups[1], groups[2], groups[0])
    await expect(link).to_be_focused()


async def test_a_long_press_opens_the_menu_and_not_the_chat(visit: Visit, ann: Member, groups: list[int]) -> None:
    page = await visit(ann, **PHONE)
    await expect(row(page, groups[0]).locator(".row__menu")).to_have_css("opacity", "0")
    await (
        row(page, groups[0])
        .locator(".row__link")
        .dispatch_event("pointerdown", {"pointerType": "touch", "clientX": 100, "clientY": 300, "bubbles": True})
    )
    await expect(sheet(page).get_by_text("Archive", exact=True)).to_be_visible()
    await expect(page.locator("#conversation")).to_have_count(0)
    for button in await sheet(page).locator(".menu__item:visible").all():
        box = await button.bounding_box()
        assert box
        assert box["height"] >= 44


async def test_without_scripts_it_is_a_page_with_forms(visit: Visit, ann: Member, groups: list[int]) -> None:
    page = await visit(ann, java_script_enabled=False, **PHONE)
    await row(page, groups[0]).get_by_role("link", name="Options for Group 0").click()
    await page.get_by_role("button", name="Pin to the top").click()
    await expect_order(page, groups[0], groups[2], groups[1])
    await row(page, groups[0]).get_by_role("link", name="Options for Group 0").click()
    await page.get_by_text("Mute", exact=True).click()
    await page.get_by_role("button", name="Always").click()
    await expect(row(page, groups[0]).get_by_role("img", name="Muted")).to_be_visible()
    await row(page, groups[2]).get_by_role("link", name="Options for Group 2").click()
    await page.get_by_role("button", name="Archive", exact=True).click()
    await page.locator("#archive").click()
    await expect_order(page, groups[2])


async def test_nothing_that_axe_can_find(
    app: Starlette, visit: Visit, ann: Member, bob: Member, groups: list[int]
) -> None:
    for number, name in enumerate(("pin", "mute", "archive")):
        await ann.post(f"/chats/{groups[number]}/{name}")
    await ann.post(f"/chats/{groups[0]}/unread")
    for chat_id in groups:
        await make_message(app, bob, chat_id, "news")
    page = await visit(ann, **CALM)
    found = await violations(page)
    for path in (f"/chats/{groups[1]}/switches", "/archive", f"/chats/{groups[1]}/info"):
        await page.goto(path)
        found += await violations(page)
    await page.goto("/chats?filter=archived")
    found += await violations(page)
    assert found == []
