"""Two people answer one another, by menu, key and finger; quotes lead to their originals and back."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect
from sqlalchemy import update
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    expect_as_loaded,
    expect_tick,
    field,
    hold_sends,
    say,
    scroll_top,
    top_of,
)
from tests.make import Member, make_group, make_message, make_messages

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

PHONE = {"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 800}}
LINES = "\n".join(f"line {number}" for number in range(12))


def strip(page: Page) -> Locator:
    return page.locator("#reply")


def message(page: Page, seq: int) -> Locator:
    return page.locator(f"{MESSAGES}[data-seq='{seq}']")


async def begin(page: Page, seq: int) -> None:
    """By the menu."""
    await message(page, seq).hover()
    await message(page, seq).locator(".bubble__menu").click()
    await page.locator("#sheet").get_by_role("link", name="Reply", exact=True).click()


async def test_an_answer_quotes_at_once_and_everywhere(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Tea or *coffee*?")
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await begin(hers, 1)
    await expect(strip(hers).locator(".quote__text")).to_have_text("Tea or coffee?")
    await expect(field(hers)).to_be_focused()
    async with hers.expect_response(f"**/chats/{chat_id}/reply"):
        await hers.keyboard.press("Escape")
    await expect(strip(hers)).to_be_hidden()
    await expect(field(hers)).to_be_focused()

    held = await hold_sends(hers)
    await begin(hers, 1)
    await say(hers, "Tea")
    await expect(strip(hers)).to_be_hidden()
    waiting = hers.locator(f"{MESSAGES}[data-state=pending] .quote")
    await expect(waiting).to_contain_text("Bob")
    await expect(waiting).to_contain_text("Tea or coffee?")
    (await held.get())()
    for page in (hers, his):
        await expect(message(page, 2).locator(".quote__text")).to_have_text("Tea or coffee?")
    await make_message(app, bob, chat_id, "More")
    await begin(his, 1)
    await say(his, "Well?")
    await bob.post(f"/chats/{chat_id}/messages/1/delete")
    for page in (hers, his):
        await expect(page.locator(f"{MESSAGES} .quote__text")).to_have_text(["This message was deleted"] * 2)
    await expect_tick(message(his, 4), "Read")
    for page in (hers, his):
        await expect_as_loaded(page)


async def test_nothing_stays_of_what_was_deleted_while_it_is_answered(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 2)
    page = await visit(ann, f"/chats/{chat_id}")
    await begin(page, 1)
    await field(page).fill("Half an answer")
    await bob.post(f"/chats/{chat_id}/messages/2/delete")
    await expect(message(page, 2)).to_have_attribute("data-deleted", "")
    await expect(strip(page)).to_be_visible()
    await bob.post(f"/chats/{chat_id}/messages/1/delete")
    await expect(strip(page)).to_be_hidden()
    await expect(page.locator("#toasts")).to_have_text("The message you were replying to was deleted.")
    await expect(field(page)).to_be_focused()
    await field(page).press("Enter")
    await expect(message(page, 3)).to_contain_text("Half an answer")
    await expect_as_loaded(page)


async def test_an_answer_to_what_is_deleted_in_the_same_moment_is_sent_without_the_quote(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Tea?")
    page = await visit(ann, f"/chats/{chat_id}")
    await begin(page, 1)
    await expect(strip(page)).to_be_visible()
    async with app.state.database.write() as work:  # and the page has not heard of it yet
        await work.execute(update(Message).values(body="", deleted_at=now()))
    await say(page, "No words are lost")
    await expect(message(page, 2).locator(".bubble__body")).to_have_text("No words are lost")
    await expect(page.locator(".failed")).to_have_count(0)
    await expect(page.locator("#toasts")).to_contain_text("sent without it")
    await expect_as_loaded(page)


async def test_a_begun_answer_stays_where_it_was_begun(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Tea?")
    group = await make_group(app, ann, bob, cara)
    page = await visit(ann, f"/chats/{chat_id}")
    await message(page, 1).focus()
    async with page.expect_response(f"**/chats/{chat_id}/reply"):
        await page.keyboard.press("r")
    await field(page).fill("Ye")
    await page.locator(f"#chat-{group} .row__link").click()
    await expect(page.locator(f"#conversation[data-chat='{group}']")).to_be_visible()
    await expect(strip(page)).to_be_hidden()
    await page.locator(f"#chat-{chat_id} .row__link").click()
    await expect(strip(page).locator(".quote__text")).to_have_text("Tea?")
    await page.reload()
    await expect(strip(page).locator(".quote__text")).to_have_text("Tea?")
    await strip(page).get_by_role("button", name="Cancel reply").click()
    await expect(strip(page)).to_be_hidden()
    await expect(field(page)).to_have_value("Ye")


async def test_a_quote_leads_to_its_original_and_back_leads_home(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Far away")
    await make_messages(app, bob, chat_id, 120)
    near = (await make_message(app, bob, chat_id, f"Near\n{LINES}")).seq
    for number in range(4):
        await make_message(app, bob, chat_id, f"{number}\n{LINES}")
    await ann.post(f"/chats/{chat_id}/read", data={"seq": near + 4})
    last = [(await ann.say(chat_id, f"To {seq}", reply_to=seq)).status_code for seq in (1, near)]
    assert last == [201, 201]
    page = await visit(ann, f"/chats/{chat_id}")
    await page.evaluate("window.kept = true")
    far, close = near + 5, near + 6
    before = await top_of(page, close)

    await message(page, close).locator(".quote__in").click()
    await expect(message(page, near)).to_have_attribute("data-flash", "")
    await expect(message(page, near)).to_be_in_viewport()
    await expect(message(page, near)).not_to_have_attribute("data-flash", "")
    await page.go_back()
    await page.wait_for_function("() => Math.abs(document.querySelector('.messages__scroll').scrollTop) < 2")
    assert abs(await top_of(page, close) - before) <= 1

    await message(page, far).locator(".quote__in").click()
    await expect(message(page, 1)).to_be_in_viewport()
    await expect(bubble(page, "Far away")).to_be_visible()
    await page.go_back()
    await expect(message(page, far)).to_be_in_viewport()
    assert await page.evaluate("window.kept")
    assert abs(await scroll_top(page)) < 100


async def test_a_finger_draws_a_bubble_to_answer_it(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Tea?")
    page = await visit(
        ann, f"/chats/{chat_id}", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}
    )
    await draw(page, message(page, 1).locator(".bubble__body"), 40)
    await expect(strip(page)).to_be_hidden()
    await draw(page, message(page, 1).locator(".bubble__body"), 110)
    await expect(strip(page).locator(".quote__text")).to_have_text("Tea?")
    await expect(message(page, 1).locator(".swipe")).to_have_count(0)


async def draw(page: Page, what: Locator, by: float) -> None:
    box = await what.bounding_box()
    assert box
    client = await page.context.new_cdp_session(page)
    x, y = box["x"] + 5, box["y"] + box["height"] / 2
    await client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 11):
        moved = [{"x": x + by * step / 10, "y": y}]
        await client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": moved})
    await client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


async def test_who_came_later_sees_live_what_they_would_load(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, bob, group, "Secret")
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    hers, theirs = await visit(ann, f"/chats/{group}"), await visit(cara, f"/chats/{group}")
    await begin(hers, 3)
    await say(hers, "Agreed")
    await expect(message(hers, 5).locator(".quote__text")).to_have_text("Secret")
    await expect(message(theirs, 5).locator(".quote__text")).to_have_text("Message not available")
    for page in (hers, theirs):
        await expect_as_loaded(page)


async def test_a_groups_message_is_answered_in_private(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, bob, group, "Hungry?")
    page = await visit(ann, f"/chats/{group}")
    await message(page, 3).hover()
    await message(page, 3).locator(".bubble__menu").click()
    await page.get_by_role("button", name="Reply privately").click()
    await expect(page.locator("#conversation[data-kind=direct]")).to_be_visible()
    await expect(page.locator("#sheet")).to_be_hidden()
    await expect(strip(page).locator(".quote__text")).to_have_text("Hungry?")
    await say(page, "Yes")
    await message(page, 1).locator(".quote__in").click()
    await expect(page.locator(f"#conversation[data-chat='{group}']")).to_be_visible()
    await expect(message(page, 3)).to_be_in_viewport()
