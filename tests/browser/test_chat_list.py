"""The list of chats: it counts, ticks, sorts and filters by itself, and never loses who is working in it."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit, hide
from tests.browser.conversation import expect_tick
from tests.make import Member, make_chat, make_group, make_message


def row(page: Page, chat_id: int) -> Locator:
    return page.locator(f"#chat-{chat_id}")


def badge(page: Page, chat_id: int) -> Locator:
    return row(page, chat_id).locator("unread-badge")


async def test_unread_counts_on_and_clears_everywhere(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "one")
    page, other = await visit(ann), await visit(ann)
    await expect(badge(page, chat_id)).to_have_text("1")
    await expect(page).to_have_title("(1) Chats – Parley")

    for body in ("two", "three"):
        await make_message(app, bob, chat_id, body)
    await make_message(app, ann, chat_id, "mine")
    await expect(badge(page, chat_id)).to_have_text("3")
    await expect(row(page, chat_id).locator(".row__text")).to_have_text("mine")
    await expect(page.locator(".rail__badge")).to_have_text("1")

    await bob.post(f"/chats/{chat_id}/messages/2/delete")
    await expect(badge(page, chat_id)).to_have_text("2")
    await ann.post(f"/chats/{chat_id}/read", data={"seq": 2})
    await expect(badge(page, chat_id)).to_have_text("1")
    await ann.post(f"/chats/{chat_id}/read")
    for each in (page, other):
        await expect(badge(each, chat_id)).to_be_empty()
        await expect(each).to_have_title("Chats – Parley")
        await expect(each.locator(".rail__badge")).to_be_empty()


async def test_rows_rise_without_taking_focus_or_scroll(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    groups = [await make_group(app, ann, bob, name=f"Group {number}") for number in range(20)]
    page = await visit(ann)
    last, scroller = groups[0], page.locator(".inbox__found")
    link = row(page, last).locator(".row__link")
    await link.focus()
    top = await scroller.evaluate("element => element.scrollTop")
    assert top > 0

    for chat_id in (groups[10], groups[11]):
        await make_message(app, bob, chat_id, "news")
        await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{chat_id}")
        assert await scroller.evaluate("element => element.scrollTop") == top
    await make_message(app, bob, last, "hello")
    await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{last}")
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport()

    await page.evaluate(CLOSE)
    await make_message(app, bob, groups[5], "while you were away")
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{groups[5]}")
    await expect(badge(page, groups[5])).to_have_text("1")
    await expect(badge(page, last)).to_have_text("1")
    await expect(link).to_be_focused()
    await expect(page.locator("#chats > .row")).to_have_count(20)


async def test_ticks_go_forward_only(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    page = await visit(ann)
    await make_message(app, ann, chat_id)
    mine = row(page, chat_id)
    await expect(mine).to_have_attribute("data-tick", "sent")
    await bob.post(f"/chats/{chat_id}/read")
    await expect(mine).to_have_attribute("data-tick", "read")
    await expect_tick(mine, "Read")
    old = {"chat": chat_id, "delivered": [0, ann.id, 0], "read": [0, ann.id, 0]}
    await page.evaluate("detail => document.dispatchEvent(new CustomEvent('parley:receipt.ticks', { detail }))", old)
    await expect(mine).to_have_attribute("data-tick", "read")
    await make_message(app, ann, chat_id)
    await expect(mine).to_have_attribute("data-tick", "sent")


async def test_drafts_show_without_moving_the_row(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    older, newer = await make_chat(app, ann, bob), await make_chat(app, ann, cara)
    await make_message(app, bob, older)
    await make_message(app, cara, newer)
    page = await visit(ann)
    await ann.post(f"/chats/{older}/draft", data={"body": "I was thinking"})
    draft = row(page, older).locator(".row__draft")
    await expect(draft).to_have_text("I was thinking")
    await expect(row(page, older).locator(".row__preview")).to_be_hidden()
    await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{newer}")
    await ann.post(f"/chats/{older}/draft", data={"body": ""})
    await expect(draft).to_be_empty()


async def test_filters_and_search_stand_while_messages_arrive(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    direct, other = await make_chat(app, ann, bob), await make_chat(app, ann, cara)
    group = await make_group(app, ann, bob, name="Book club")
    for chat_id in (direct, other):
        await make_message(app, ann, chat_id)
    page = await visit(ann)
    rows = page.locator("#chats > .row")
    await page.get_by_role("link", name="Groups", exact=True).nth(1).click()
    await expect(rows).to_have_count(1)
    await make_message(app, bob, direct)
    await expect(page).to_have_title("(1) Chats – Parley")
    await make_message(app, bob, group)
    await expect(badge(page, group)).to_have_text("1")
    await expect(page).to_have_title("(2) Chats – Parley")
    await expect(rows).to_have_count(1)

    await page.locator(".chip", has_text="Unread").click()
    await expect(rows).to_have_count(2)
    await expect(page.locator(".chip", has_text="Unread")).to_be_focused()
    await make_message(app, cara, other)
    await expect(rows).to_have_count(3)
    await expect(rows.first).to_have_id(f"chat-{other}")

    search = page.get_by_role("searchbox", name="Search chats and people")
    await search.press_sequentially("bob")
    await expect(rows).to_have_count(1)
    await make_message(app, cara, other)
    await make_message(app, bob, direct)
    await expect(badge(page, direct)).to_have_text("2")
    await expect(rows).to_have_count(1)
    await expect(search).to_be_focused()
    await expect(page).to_have_title("(3) Chats – Parley")
    await search.fill("")
    await expect(rows).to_have_count(3)


async def test_the_open_chat_is_marked_and_read_as_it_comes(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    first, second = await make_chat(app, ann, bob), await make_chat(app, ann, cara)
    for chat_id in (first, second):
        await make_message(app, ann, chat_id)
    page = await visit(ann)
    await row(page, first).click()
    await expect(page.locator(".row__link[aria-current]")).to_have_attribute("href", f"/chats/{first}")
    await expect(page).to_have_title("Bob – Parley")
    await row(page, second).click()
    await expect(page.locator(".row__link[aria-current]")).to_have_attribute("href", f"/chats/{second}")
    await page.go_back()
    await expect(page.locator(".row__link[aria-current]")).to_have_attribute("href", f"/chats/{first}")
    await page.go_forward()
    await expect(page.locator(".row__link[aria-current]")).to_have_attribute("href", f"/chats/{second}")

    await page.evaluate(WATCH, second)
    await make_message(app, cara, second, "seen at once")
    await expect(row(page, second)).to_have_attribute("data-read-seq", "2")
    assert await page.evaluate("window.badges") == []
    await hide(page, True)
    await make_message(app, cara, second, "while she looks elsewhere")
    await expect(badge(page, second)).to_have_text("1")
    await expect(page).to_have_title("(1) Cara – Parley")
    await hide(page, False)
    await expect(badge(page, second)).to_be_empty()
    await expect(page).to_have_title("Cara – Parley")


async def test_a_stranger_s_first_words_and_a_list_that_did_not_change(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    page = await visit(ann)
    chat_id = await make_chat(app, bob, ann)
    for number in range(30):
        await make_message(app, bob, chat_id, str(number))
    await expect(badge(page, chat_id)).to_have_text("30")
    await expect(page).to_have_title("(1) Chats – Parley")
    for status in (200, 304):
        async with page.expect_response(lambda answer: "/chats?" in answer.url) as answer:
            await page.evaluate(CLOSE)
        assert (await answer.value).status == status
        await expect(badge(page, chat_id)).to_have_text("30")


CLOSE = "document.querySelector('#live')._htmx.ws.connection.socket.close()"
# Every text that a row's badge ever shows.
WATCH = """chat => {
  window.badges = [];
  const badge = document.querySelector(`#chat-${chat} unread-badge`);
  new MutationObserver(() => badge.textContent && window.badges.push(badge.textContent))
    .observe(badge, { childList: true });
}"""


async def test_a_pin_raises_no_row_and_the_next_message_does(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    lower, upper = await make_chat(app, ann, bob), await make_group(app, ann, bob)
    await make_message(app, bob, lower, "Below")
    await make_message(app, bob, upper, "Above")
    page, asked = await visit(ann, f"/chats/{lower}"), []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/row") else None)
    await bob.post(f"/chats/{lower}/messages/1/pin")
    await expect(page.locator(".note__link")).to_be_visible()
    await expect(row(page, lower).locator(".row__text")).to_have_text("Below")
    await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{upper}")
    await make_message(app, bob, lower, "News")
    await expect(page.locator("#chats > .row").first).to_have_id(f"chat-{lower}")
    await expect(row(page, lower).locator(".row__text")).to_have_text("News")
    assert not asked
