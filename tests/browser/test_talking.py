"""Two people in two browsers: what one says, the other sees, and both know how far it came."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, bubble, expect_as_loaded, expect_tick, field, outboxes, say
from tests.make import Member, make_group, make_message, sign_in


async def heard(page: Page) -> set[str]:
    """The words that a screen reader has of a page."""
    tree = await (await page.context.new_cdp_session(page)).send("Accessibility.getFullAXTree")
    return {each["name"]["value"].strip() for each in tree["nodes"] if "name" in each and not each["ignored"]}


async def test_a_word_travels_and_its_ticks_come_back(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, "/")
    await say(hers, "Hello Bob")
    mine = bubble(hers, "Hello Bob")
    await expect(field(hers)).to_be_focused()
    await expect(field(hers)).to_have_value("")
    await expect(mine).to_have_attribute("data-seq", "1")
    await expect_tick(mine, "Delivered")
    await his.locator(f"#chat-{chat_id} .row__link").click()
    await expect(bubble(his, "Hello Bob")).to_be_visible()
    await expect_tick(mine, "Read")
    assert {"You:", "Read"} <= await heard(hers)

    await say(his, "Hello Ann")
    await expect(bubble(hers, "Hello Ann")).to_be_visible()
    await expect_tick(bubble(his, "Hello Ann"), "Read")
    await say(hers, "What is new?")
    await expect_tick(bubble(hers, "What is new?"), "Read")
    await expect(hers.locator(f"{MESSAGES}[data-run]")).to_have_count(3)
    await expect(hers.locator(".mark")).to_have_count(2)
    await expect(hers.locator(".day")).to_have_text("Today")
    for page in (hers, his):
        await expect_as_loaded(page)


async def test_changes_are_seen_and_marks_never_go_back(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    for body in ("one", "two", "three"):
        await make_message(app, ann, chat_id, body)
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await expect_tick(bubble(hers, "three"), "Read")
    await bubble(his, "one").evaluate("item => item.dataset.here = ''")

    await ann.post(f"/chats/{chat_id}/messages/2/edit", data={"body": "second"})
    await expect(bubble(his, "second").locator(".bubble__edited")).to_be_visible()
    await ann.post(f"/chats/{chat_id}/messages/3/delete")
    await expect(his.locator(f"{MESSAGES}[data-deleted]")).to_have_attribute("data-seq", "3")
    await bob.post(f"/chats/{chat_id}/messages/1/hide")
    await expect(his.locator(MESSAGES)).to_have_count(2)
    await expect(hers.locator(MESSAGES)).to_have_count(3)
    await expect_tick(bubble(hers, "second"), "Read")

    old = {"chat": chat_id, "delivered": [1, 0, 1], "read": [1, 0, 1]}
    await hers.evaluate("detail => document.dispatchEvent(new CustomEvent('parley:receipt.ticks', { detail }))", old)
    await expect_tick(bubble(hers, "second"), "Read")
    for page in (hers, his):
        await expect_as_loaded(page)


async def test_nobody_reads_in_a_tab_that_is_not_looked_at(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await his.evaluate("document.hasFocus = () => false")
    await say(hers, "Are you there?")
    mine = bubble(hers, "Are you there?")
    await expect_tick(mine, "Delivered")
    await expect(his.locator("#unread")).to_have_text("1 unread message")
    await say(hers, "Hello?")
    await expect(his.locator("#unread")).to_have_text("2 unread messages")
    await expect_tick(mine, "Delivered")

    await his.evaluate("delete document.hasFocus; dispatchEvent(new Event('focus'))")
    await expect_tick(bubble(hers, "Hello?"), "Read")
    await expect(his.locator("#unread")).to_have_text("2 unread messages")
    await say(hers, "Good")
    await expect_tick(bubble(hers, "Good"), "Read")
    await expect(his.locator("#unread")).to_have_text("2 unread messages")
    await his.reload()
    await expect(bubble(his, "Good")).to_be_visible()
    await expect(his.locator("#unread")).to_have_count(0)


async def test_receipts_of_all_chats_go_in_one_frame(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    groups = [await make_group(app, ann, bob, name=f"Group {number}") for number in range(5)]
    page = await visit(bob)
    said: list[str] = []
    await page.expose_function("heard", lambda text: said.append(text))
    await page.evaluate(
        "() => { const { send } = WebSocket.prototype;"
        "WebSocket.prototype.send = function (text) { heard(text); send.call(this, text); } }"
    )
    for group in groups:
        for body in ("one", "two"):
            await make_message(app, ann, group, body)
    own = await visit(ann, f"/chats/{groups[0]}")
    await expect_tick(bubble(own, "two"), "Delivered")
    delivered = [text for text in said if "receipt.delivered" in text]
    assert len(delivered) <= 2
    assert all(f'"{group}":' in delivered[-1] for group in groups)
    assert len(outboxes(app, bob)) == 1


async def test_back_and_forward_go_between_list_and_chats(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    group = await make_group(app, ann, bob)
    for body in ("one", "two"):
        await make_message(app, bob, chat_id, body)
    page = await visit(ann, viewport={"width": 390, "height": 800})
    await page.locator(f"#chat-{chat_id} .row__link").click()
    await expect(bubble(page, "two")).to_be_visible()
    await expect(page.locator("#chats")).to_be_hidden()
    await page.go_back()
    await expect(page.locator(f"#chat-{chat_id}")).to_be_visible()
    await page.locator(f"#chat-{group} .row__link").click()
    await expect(page.locator(".conversation .topbar__title")).to_have_text("Book club")
    await page.go_back()
    await expect(page.locator(f"#chat-{chat_id}")).to_be_visible()
    await page.go_forward()
    await expect(page.locator(".conversation .topbar__title")).to_have_text("Book club")
    await make_message(app, bob, group, "still live")
    await expect(bubble(page, "still live")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("data-opened", "1")


async def test_a_device_that_is_signed_out_shows_nothing_more(
    visit: Visit, app: Starlette, ann: Member, chat_id: int
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    other = await sign_in(app, ann.person)
    await other.post(f"/devices/{ann.session_id}/revoke")
    await expect(page).to_have_url(re.compile("/login"))
