"""Pins between two browsers: the banner leads to messages, moves nothing, and shows live what a reload would show."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from app.pins import service
from app.pins.routes import sweep
from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    deafen,
    expect_as_loaded,
    field,
    outboxes,
    scroll_top,
    top_of,
    wheel,
)
from tests.browser.test_accessibility import CALM, violations
from tests.browser.test_without_scripts import OFF, PHONE
from tests.make import Member, make_group, make_message, make_messages
from tests.pins.test_pinning import HOSTILE, pin

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is


def lines(page: Page) -> Locator:
    return page.locator(".pin .pin__line")


def current(page: Page) -> Locator:
    return page.locator(".pin[data-current] .pin__line")


def message(page: Page, seq: int) -> Locator:
    return page.locator(f"{MESSAGES}[data-seq='{seq}']")


async def expect_whole(page: Page) -> None:
    """List and banner are what the server would show anew."""
    before = await lines(page).all_inner_texts()
    await expect_as_loaded(page)
    await expect(lines(page)).to_have_text(before)


async def fill(app: Starlette, ann: Member, bob: Member, chat_id: int, count: int) -> int:
    """Bob says something, much more comes, and Ann says One, Two, Three at last; all have read all."""
    await make_message(app, bob, chat_id, "Far away")
    await make_messages(app, bob, chat_id, count)
    seqs = [(await make_message(app, ann, chat_id, body)).seq for body in ("One", "Two", "Three")]
    for member in (ann, bob):
        await member.post(f"/chats/{chat_id}/read", data={"seq": str(seqs[-1])})
    return chat_id


@pytest.fixture
async def many(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    """A chat with more messages than a page; the last three are 122 to 124."""
    return await fill(app, ann, bob, chat_id, 120)


@pytest.fixture
async def few(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    """A chat whose last three messages are 22 to 24."""
    return await fill(app, ann, bob, chat_id, 20)


async def test_pinning_by_keyboard_moves_nothing_and_is_seen_by_both(
    app: Starlette, visit: Visit, ann: Member, bob: Member, few: int
) -> None:
    hers, his = await visit(ann, f"/chats/{few}"), await visit(bob, f"/chats/{few}")
    await wheel(his, -900)
    at_end = await top_of(hers, 24)
    seen = await his.locator(MESSAGES).evaluate_all(
        "all => all.find((each) => each.getBoundingClientRect().top > 300).dataset.seq"
    )
    before = await top_of(his, int(seen))
    await hers.locator(".message[tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowUp", "Enter"):
        await hers.keyboard.press(key)
    await hers.get_by_role("link", name="Pin", exact=True).focus()
    await hers.keyboard.press("Enter")
    await expect(hers.get_by_label("7 days")).to_be_focused()
    await hers.keyboard.press("ArrowUp")
    await hers.keyboard.press("Enter")
    await expect(hers.locator("#sheet")).to_be_hidden()
    for page in (hers, his):
        await expect(page.get_by_role("region", name="Pinned messages")).to_be_visible()
        await expect(current(page)).to_have_text("One")
    await expect(message(hers, 25).locator(".note__text")).to_have_text("Ann pinned a message")
    await expect(message(hers, 25)).to_be_in_viewport()
    assert abs(await scroll_top(hers)) < 1
    note = await message(hers, 25).evaluate(
        "item => item.offsetHeight + 2 * parseFloat(getComputedStyle(item).marginTop)"
    )
    assert 0 <= at_end - await top_of(hers, 24) <= note
    assert abs(await top_of(his, int(seen)) - before) <= 1
    await expect(message(his, 22).get_by_role("img", name="Pinned")).to_be_attached()
    for page in (hers, his):
        await expect_whole(page)


async def test_each_press_leads_to_a_pin_and_on_to_the_next(
    visit: Visit, ann: Member, bob: Member, many: int
) -> None:
    page = await visit(bob, f"/chats/{many}")
    for seq in (122, 1, 123):
        await pin(ann, many, seq)
    await expect(lines(page)).to_have_text(["Two", "Far away", "One"])
    await current(page).click()
    await expect(message(page, 123)).to_have_attribute("data-flash", "")
    await expect(message(page, 123)).to_be_focused()
    await expect(current(page)).to_have_text("Far away")
    await current(page).click()
    await expect(bubble(page, "Far away")).to_be_in_viewport()
    await expect(current(page)).to_have_text("One")
    await page.go_back()
    await expect(message(page, 124)).to_be_in_viewport()

    await page.locator(".topbar__actions a").last.focus()
    for line in ("Two", "Far away", "One"):
        await page.keyboard.press("Tab")
        await expect(current(page)).to_have_text(line)
        await expect(page.locator(".pin[data-current] .pin__link")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(message(page, 122)).to_be_focused()
    await expect(current(page)).to_have_text("Two")

    await message(page, 127).get_by_role("link", name="a message").click()
    await expect(message(page, 123)).to_be_focused()
    await expect(page.locator("#chats .row__link")).to_contain_text("Three")
    await page.get_by_role("link", name="All pinned messages").click()
    await expect(page.locator("#sheet .pinned time").last).to_have_text(re.compile("^[A-Z0-9].+ at "))  # no past day
    await page.locator("#sheet .pinned__link").last.click()
    await expect(page.locator("#sheet")).to_be_hidden()
    await expect(message(page, 122)).to_be_focused()


async def test_the_banner_follows_what_happens_to_messages(
    app: Starlette, visit: Visit, ann: Member, bob: Member, few: int
) -> None:
    hers, his = await visit(ann, f"/chats/{few}"), await visit(bob, f"/chats/{few}")
    for seq in (22, 23, 24):
        await pin(bob, few, seq)
    await expect(lines(his)).to_have_text(["Three", "Two", "One"])
    await ann.post(f"/chats/{few}/messages/23/edit", data={"body": HOSTILE})
    await expect(lines(his).nth(1)).to_have_text(HOSTILE)
    await bob.post(f"/chats/{few}/messages/24/hide")
    await expect(lines(his)).to_have_text([HOSTILE, "One"])
    await ann.post(f"/chats/{few}/messages/22/delete")
    await expect(lines(his)).to_have_text([HOSTILE])
    await expect(lines(hers)).to_have_text(["Three", HOSTILE])
    for page in (hers, his):
        await expect_whole(page)

    await hers.get_by_role("link", name="All pinned messages").click()
    await hers.get_by_role("button", name="Unpin “Three”").click()
    await expect(lines(hers)).to_have_text([HOSTILE])
    await expect(hers.locator("#sheet")).to_be_hidden()
    await hers.get_by_role("link", name="All pinned messages").click()
    await hers.get_by_role("button", name="Unpin").click()
    for page in (hers, his):
        await expect(page.locator("pin-banner")).to_be_hidden()
        await expect_whole(page)


async def test_a_page_that_was_away_shows_what_is_pinned_now(
    app: Starlette, visit: Visit, ann: Member, bob: Member, few: int
) -> None:
    await pin(ann, few, 22)
    page = await visit(bob, f"/chats/{few}")
    (outbox,) = outboxes(app, bob)
    deafen(outbox)
    await pin(ann, few, 22, "")
    await pin(ann, few, 1)
    del outbox.put
    await expect(lines(page)).to_have_text(["One"])
    await make_message(app, ann, few, "Here again")  # a gap in the revisions
    await expect(lines(page)).to_have_text(["Far away"])
    await expect_whole(page)


async def test_a_fourth_asks_first_also_when_another_was_faster(
    visit: Visit, ann: Member, bob: Member, few: int
) -> None:
    for seq in (1, 22):
        await pin(ann, few, seq)
    page = await visit(bob, f"/chats/{few}")
    await message(page, 24).hover()
    await message(page, 24).locator(".bubble__menu").click()
    await page.get_by_role("link", name="Pin", exact=True).click()
    await expect(page.get_by_role("button", name="Pin", exact=True)).to_be_visible()
    await pin(ann, few, 23)
    await page.get_by_role("button", name="Pin", exact=True).click()
    await expect(page.locator("#sheet [role=alert]")).to_contain_text("takes down the oldest pin")
    await expect(page.locator(".toast")).to_have_count(0)
    await page.get_by_role("button", name="Replace the oldest pin").click()
    await expect(lines(page)).to_have_text(["Three", "Two", "One"])
    await expect(page.locator("#sheet")).to_be_hidden()


async def test_it_goes_when_it_ends_and_the_sweep_takes_the_mark(
    app: Starlette, visit: Visit, ann: Member, bob: Member, few: int
) -> None:
    await pin(bob, few, 22)
    page = await visit(ann, f"/chats/{few}")
    async with app.state.database.write() as work:
        await service.pin(work, ann.person, few, 23, timedelta(seconds=2))
    await expect(lines(page)).to_have_text(["Two", "One"])
    await page.locator(".pin__link").first.focus()
    await expect(lines(page)).to_have_text(["One"])
    await expect(current(page)).to_have_text("One")
    await expect(message(page, 23).locator(".pin-mark")).to_have_count(1)
    await sweep(app)
    await expect(message(page, 23).locator(".pin-mark")).to_have_count(0)
    await expect_whole(page)


async def test_a_newcomer_hears_nothing_of_what_was_said_before(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    before = (await make_message(app, ann, group, "Before her")).seq
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    hers, his = await visit(cara, f"/chats/{group}"), await visit(bob, f"/chats/{group}")
    await pin(ann, group, before)
    await expect(current(his)).to_have_text("Ann: Before her")
    await expect(hers.locator(".message .note__text").last).to_have_text("Ann pinned a message")
    after = (await make_message(app, ann, group, "With her")).seq
    await pin(ann, group, after)
    await expect(lines(hers)).to_have_text(["Ann: With her"])
    await hers.locator(".note__link").first.click()  # leads as near as she may come
    await expect(bubble(hers, "With her")).to_be_in_viewport()
    assert "Before her" not in await hers.content()


async def test_without_scripts(visit: Visit, ann: Member, bob: Member, few: int) -> None:
    await pin(bob, few, 1)
    page = await visit(ann, f"/chats/{few}", **OFF, viewport=PHONE)
    await message(page, 24).locator(".bubble__menu").click()
    await page.get_by_role("link", name="Pin", exact=True).click()
    await page.get_by_label("30 days").check()
    await page.get_by_role("button", name="Pin", exact=True).click()
    await expect(bubble(page, "Three")).to_be_in_viewport()
    await expect(lines(page)).to_have_text(["Three", "Far away"])
    await page.get_by_role("link", name="Far away").click()
    await expect(bubble(page, "Far away")).to_be_in_viewport()
    await page.get_by_role("link", name="All pinned messages").click()
    await page.get_by_role("button", name="Unpin “Far away”").click()
    await expect(lines(page)).to_have_text(["Three"])
    await expect(bubble(page, "Far away")).to_be_in_viewport()


async def test_it_is_accessible(app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob, cara)
    for number in range(4):
        seq = (await make_message(app, bob, group, f"Message {number}")).seq
        if number < 3:
            await pin(bob, group, seq)
    page = await visit(ann, f"/chats/{group}", **CALM)
    found = await violations(page)
    await page.get_by_role("link", name="All pinned messages").click()
    await expect(page.locator("#sheet .pinned")).to_have_count(3)
    found += await violations(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("link", name="All pinned messages")).to_be_focused()
    await page.goto(f"/chats/{group}/messages/{seq}/pin")
    found += await violations(page)
    assert found == []
    await page.goto(f"/chats/{group}")
    for link in await page.locator(".pins a").all():
        box = await link.bounding_box()
        assert box
        assert box["height"] >= 40
    await expect(field(page)).to_be_visible()
