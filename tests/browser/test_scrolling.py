"""What is read stays where it is, whatever comes above or below it."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import Page, expect
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    field,
    say,
    scroll_top,
    top_of,
    wheel,
)
from tests.make import Member, make_message, make_messages

FIRST_SEEN = """() => {
  const { top } = document.querySelector('.messages__scroll').getBoundingClientRect();
  const item = [...document.querySelectorAll('.message')].find(item => item.getBoundingClientRect().bottom > top + 1);
  return [Number(item.dataset.seq), item.getBoundingClientRect().top];
}"""


async def seqs(page: Page) -> list[int]:
    found: list[int] = await page.locator(MESSAGES).evaluate_all("items => items.map(i => Number(i.dataset.seq))")
    return found


async def expect_run(page: Page, first: int, last: int) -> None:
    """The list holds exactly these messages."""
    assert await seqs(page) == list(range(first, last + 1))


async def scroll_through(page: Page, by: float, to: int) -> None:
    """Scroll by hand until a message is in the list; what is read never moves when a page comes in."""
    while to not in (held := await seqs(page)):
        await wheel(page, by)
        seq, top = await page.evaluate(FIRST_SEEN)
        if seq - held[0] < 10 if by < 0 else held[-1] - seq < 20:
            await page.wait_for_function(
                """([first, last]) => {
                  const all = [...document.querySelectorAll('.message')];
                  const isMoved = all[0].dataset.seq != first && all.at(-1).dataset.seq != last;
                  return isMoved || all.length > last - first + 1;
                }""",
                arg=[held[0], held[-1]],
            )
        assert abs(await top_of(page, seq) - top) <= 1


async def test_who_reads_above_is_not_moved(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 60)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}")
    pill, count = page.locator(".pill"), page.locator(".pill__count")
    assert await scroll_top(page) == 0
    await make_message(app, bob, chat_id, "at the bottom")
    await expect(bubble(page, "at the bottom")).to_be_in_viewport()
    await wheel(page, -80)
    await make_message(app, bob, chat_id, "near the bottom")
    await expect(bubble(page, "near the bottom")).to_be_in_viewport(ratio=0.9)
    assert await scroll_top(page) == 0
    await expect(pill).to_be_hidden()

    await wheel(page, -400)
    await expect(pill).to_be_visible()
    await expect(count).to_be_empty()
    place = await top_of(page, 50)
    for number in range(3):
        await make_message(app, bob, chat_id, f"news {number}")
    await make_message(app, ann, chat_id, "from my phone")
    await bob.post(f"/chats/{chat_id}/messages/52/edit", data={"body": "longer\n" * 5})
    await bob.post(f"/chats/{chat_id}/messages/30/edit", data={"body": "longer\n" * 5})
    await expect(count).to_have_text("3")
    await expect(page.locator(f"{MESSAGES}[data-edited]")).to_have_count(2)
    assert abs(await top_of(page, 50) - place) < 0.5

    await pill.click()
    await expect(bubble(page, "from my phone")).to_be_in_viewport()
    await expect(pill).to_be_hidden()
    await expect(count).to_be_empty()

    await wheel(page, -400)
    await say(page, "mine")
    await expect(bubble(page, "mine")).to_be_in_viewport(ratio=0.9)
    await expect(pill).to_be_hidden()


async def test_pages_come_and_go_without_a_move(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 500)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}")
    newest = page.locator(".messages__list")
    await scroll_through(page, -1500, 150)
    shown_now = await seqs(page)
    assert len(shown_now) <= 320
    assert shown_now[-1] < 500
    await expect(newest).not_to_have_attribute("data-newest", "")
    seq, top = await page.evaluate(FIRST_SEEN)
    await make_message(app, bob, chat_id, "far below")
    await expect(page.locator(".pill__count")).to_have_text("1")
    await expect(bubble(page, "far below")).to_have_count(0)
    assert abs(await top_of(page, seq) - top) < 0.5
    await bob.post(f"/chats/{chat_id}/messages/{seq}/edit", data={"body": "changed"})
    await expect(bubble(page, "changed")).to_be_visible()

    await scroll_through(page, 1500, 501)
    await expect(newest).to_have_attribute("data-newest", "")
    first = (await seqs(page))[0]
    await expect_run(page, first, 501)
    await wheel(page, 9000)
    for number in range(25):
        await make_message(app, bob, chat_id, f"and on {number}")
    await expect(bubble(page, "and on 24")).to_be_in_viewport()
    first = (await seqs(page))[0]
    await expect_run(page, first, 526)
    assert 526 - first <= 320
    await expect(page.locator(".messages__list > :first-child")).to_have_attribute("data-more", "older")
    await expect(page.locator(".day")).to_have_count(1)


async def test_a_chat_opens_at_what_is_new(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 90)
    await ann.post(f"/chats/{chat_id}/read", data={"seq": 60})
    page = await visit(ann, f"/chats/{chat_id}")
    divider = page.locator("#unread")
    await expect(divider).to_have_text("30 unread messages")
    scroller = await page.locator(".messages__scroll").bounding_box()
    line = await divider.bounding_box()
    assert scroller
    assert line
    assert abs(line["y"] - scroller["y"] - scroller["height"] / 3) < 20
    await page.locator(".pill").click()
    await expect(page.locator(f"{MESSAGES}[data-seq='90']")).to_be_in_viewport()
    await expect(divider).to_be_attached()
    upward = page.locator(".unread-pill")
    await expect(upward).to_have_text("30 unread messages")
    await upward.click()
    await expect(divider).to_be_in_viewport()
    await upward.click()
    await expect(divider).not_to_be_in_viewport()
    await expect(upward).to_be_hidden()
    assert int((await page.evaluate(FIRST_SEEN))[0]) < 60
    await page.locator(".pill").click()
    await expect(page.locator(f"{MESSAGES}[data-seq='90']")).to_be_in_viewport()

    await wheel(page, -700)
    place, seq = await top_of(page, 75), 75
    await expect(page.locator("unread-badge")).to_be_empty()
    await page.locator(".rail__link").first.click()
    await expect(page.locator(".nothing-open")).to_be_attached()
    await page.locator(f"#chat-{chat_id} .row__link").click()
    await expect(page.locator(MESSAGES).first).to_be_attached()
    await expect(divider).to_have_count(0)
    assert abs(await top_of(page, seq) - place) <= 1

    await page.goto(f"/chats/{chat_id}?at=20")
    flashing = page.locator(f"{MESSAGES}[data-flash]")
    await expect(flashing).to_have_attribute("data-seq", "20")
    box = await flashing.bounding_box()
    assert box
    assert abs(box["y"] + box["height"] / 2 - scroller["y"] - scroller["height"] / 2) < 20
    await expect(flashing).to_have_count(0)
    await page.locator(".pill").click()
    await expect(page.locator(f"{MESSAGES}[data-seq='90']")).to_be_in_viewport()
    await expect(page.locator(".pill")).to_be_hidden()
    await expect(page).to_have_url(re.compile(f"/chats/{chat_id}$"))
    await page.goto(f"/chats/{chat_id}#message-00000000-0000-4000-8000-{60:012}")
    await page.reload()
    await expect(page.locator(f"{MESSAGES}[data-seq='60']")).to_be_in_viewport(ratio=1)
    await expect(flashing).to_have_attribute("data-seq", "60")


async def test_sending_from_far_above_shows_the_latest(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 200)
    page = await visit(ann, f"/chats/{chat_id}?at=20")
    await say(page, "back to now")
    await expect(bubble(page, "back to now")).to_be_in_viewport()
    await expect(bubble(page, "back to now")).to_have_attribute("data-seq", "201")
    await expect(field(page)).to_be_focused()
    await expect(page.locator(f"{MESSAGES}[data-seq='200']")).to_be_in_viewport()


async def test_days_are_the_readers_own(app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    await make_messages(app, bob, chat_id, 40)
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    async with app.state.database.write() as work:
        for number in range(1, 41):
            # Two minutes apart, half of them on either side of midnight in Auckland, which is not that of UTC.
            at = midnight - timedelta(days=1, hours=13) + timedelta(minutes=2 * (number - 21))
            await work.execute(update(Message).where(col(Message.seq) == number).values(created_at=at))
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}", timezone_id="Pacific/Auckland")
    chips = page.locator(".day")
    await expect(chips).to_have_count(2)
    before = "item => item.nextElementSibling.dataset.seq"
    assert [await chips.nth(index).evaluate(before) for index in (0, 1)] == ["1", "21"]

    floating = page.locator(".messages__day")
    await wheel(page, -600)
    await expect(floating).to_have_attribute("data-shown", "")
    await expect(floating).to_have_text(await chips.nth(0).inner_text())
    await expect(floating).not_to_have_attribute("data-shown", "")
    await make_message(app, bob, chat_id, "today")
    await expect(chips).to_have_count(3)
    await expect(chips.nth(2)).to_have_text("Today")
    await page.clock.install()
    await page.clock.set_fixed_time(now() + timedelta(days=1))
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(chips.nth(2)).to_have_text("Yesterday")
