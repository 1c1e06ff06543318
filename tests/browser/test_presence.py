"""Who is here and who is typing: said within a second, and taken back by itself."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from playwright.async_api import expect
from starlette.applications import Starlette

from app.presence import broadcasts
from app.realtime import topics
from app.realtime.frames import ASK_AGAIN, Frame
from tests.browser.conftest import Visit, hide
from tests.make import Member, make_chat, make_group, make_message, make_messages

SECOND = 1_000


def typing(app: Starlette, chat_id: int, member: Member, on: bool = True) -> None:
    app.state.bus.publish(broadcasts.typing(chat_id, member.person, on))


async def test_typing_is_named_in_row_header_and_dots(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member, ada: Member
) -> None:
    group, direct = await make_group(app, ann, bob, cara, ada), await make_chat(app, ann, bob)
    page = await visit(ann, f"/chats/{group}")
    line = page.locator(f"#chat-{group}-status [data-typing]")
    in_row, dots = page.locator(f"#chat-{group} .row__typing"), page.locator(f"[data-typing-line='{group}']")
    await expect(dots).to_be_hidden()

    typing(app, group, ann)
    typing(app, group, bob)
    await expect(line).to_have_text("Bob is typing…", timeout=SECOND)
    await expect(in_row).to_have_text("Bob is typing…")
    await expect(dots).to_be_visible()
    typing(app, group, cara)
    await expect(line).to_have_text("Bob and Cara are typing…")
    typing(app, group, ada)
    await expect(line).to_have_text("3 people are typing…")
    await make_message(app, bob, group)
    await expect(line).to_have_text("Cara and Ada are typing…")
    typing(app, group, cara, on=False)
    typing(app, direct, bob)
    await expect(line).to_have_text("Ada is typing…")
    await expect(page.locator(f"#chat-{direct} .row__typing")).to_have_text("typing…")

    await page.locator(f"#chat-{direct}").click()
    await expect(page.locator(f"#chat-{direct}-status [data-typing]")).to_have_text("typing…")
    await expect(page.locator(f"#chat-{direct}-status .topbar__presence")).to_be_hidden()


async def test_whose_message_the_list_asked_for_types_no_more(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob, cara)
    await make_message(app, cara, group)
    page = await visit(ann)
    line = page.locator(f"#chat-{group} .row__typing")
    await page.clock.install()
    typing(app, group, bob)
    typing(app, group, cara)
    await expect(line).to_have_text("Bob and Cara are typing…")
    await make_messages(app, bob, group, 1)  # nobody tells of it
    app.state.bus.publish(Frame(topics.everyone(), ASK_AGAIN))
    await page.clock.run_for(1_000)
    await expect(line).to_have_text("Cara is typing…")


async def test_typing_is_forgotten_after_six_seconds(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    page = await visit(ann)
    line = page.locator(f"#chat-{chat_id} .row__typing")
    await page.clock.install()
    typing(app, chat_id, bob)
    await expect(line).to_have_text("typing…")
    await page.clock.fast_forward(5_000)
    typing(app, chat_id, bob)
    await expect(line).to_have_text("typing…")
    await page.clock.fast_forward(5_000)
    await expect(line).to_have_text("typing…")
    await page.clock.fast_forward(1_000)
    await expect(line).to_be_empty()


async def test_people_come_and_go(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    app.state.presence.away_after = 0.05
    chat_id = await make_chat(app, ann, bob)
    page = await visit(ann, f"/chats/{chat_id}")
    dot = page.locator(f"#chat-{chat_id} [data-presence-of='{bob.id}'][data-online]")
    words = page.locator(f"#chat-{chat_id}-status [data-presence-text]")
    await expect(words).to_be_empty()
    other = await visit(bob)
    await expect(dot).to_have_count(1)
    await expect(words).to_have_text("online")

    await hide(other, True)
    await expect(dot).to_have_count(0)
    await expect(words).to_contain_text("last seen today at ")
    await expect(words.locator("time")).to_have_attribute("title", re.compile(THIS_YEAR))
    await hide(other, False)
    await expect(words).to_have_text("online")
    await other.close()
    await expect(words).to_contain_text("last seen today at ")
    await page.clock.install()
    await page.clock.fast_forward(int(timedelta(days=1).total_seconds()) * 1000)
    await hide(page, False)  # looking at the page again is when it notices
    await expect(words).to_contain_text("last seen yesterday at ")


async def test_presence_missed_offline_is_asked_for(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    app.state.presence.away_after = 0.05
    chat_id = await make_chat(app, ann, bob)
    page = await visit(ann, f"/chats/{chat_id}")
    await page.context.set_offline(True)
    await visit(bob)
    await page.context.set_offline(False)
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    await expect(page.locator(f"#chat-{chat_id} [data-presence-of][data-online]")).to_have_count(1)
    await expect(page.locator(f"#chat-{chat_id}-status [data-presence-text]")).to_have_text("online")


THIS_YEAR = str(datetime.now().year)
