"""Times are the reader's: their zone, their clock, their day."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from playwright.async_api import expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.make import Member, make_chat, make_message

TOKYO = ZoneInfo("Asia/Tokyo")


async def test_times_are_in_the_readers_zone_from_the_first_picture(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id = await make_chat(app, ann, bob)
    message = await make_message(app, bob, chat_id)
    at = message.at.astimezone(TOKYO)
    page = await visit(ann, f"/chats/{chat_id}", locale="de-DE", timezone_id="Asia/Tokyo")
    clock, in_row = page.locator(".bubble time"), page.locator(".row__time time")
    await expect(clock).to_have_text(f"{at:%H:%M}")
    await expect(in_row).to_have_text(f"{at:%H:%M}")
    await expect(clock).to_have_attribute("title", f"{at:%A}, {at.day} {at:%B %Y}, {at:%H:%M:%S}")

    # Changed markup brings the server's words; they are refined before anybody sees them.
    await bob.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "changed"})
    await expect(page.locator(".bubble__body")).to_have_text("changed")
    await expect(in_row).to_have_text(f"{at:%H:%M}")

    american = await visit(ann, locale="en-US", timezone_id="America/New_York")
    there = message.at.astimezone(ZoneInfo("America/New_York"))
    await expect(american.locator(".row__time time")).to_have_text(f"{there:%I:%M %p}".lstrip("0"))


async def test_today_becomes_yesterday_at_midnight(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id)
    page = await visit(ann, f"/chats/{chat_id}", timezone_id="Asia/Tokyo")
    day = page.locator(".day time")
    await expect(day).to_have_text("Today")
    await page.clock.install(time=datetime.now(TOKYO))
    for days, word in ((1, "Yesterday"), (1, None), (7, None)):
        await page.clock.fast_forward(days * 24 * 3600 * 1000)
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        if word:
            await expect(day).to_have_text(word)
    await expect(day).not_to_have_text("Yesterday")


async def test_without_the_script_times_still_come(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    await make_message(app, bob, await make_chat(app, ann, bob))
    page = await visit(ann, java_script_enabled=False)
    await expect(page.locator(".row__time time")).to_be_visible()
