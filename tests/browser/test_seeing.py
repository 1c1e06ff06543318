"""What fills and colours tell is seen with the few colours of a system, too; and what is Latin stays in its order."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Locator, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES
from tests.make import Member, make_chat, make_message

FILL = "(element, part) => getComputedStyle(element, part).backgroundColor"
# Where the first and the last character of a text stand.
ENDS = """(element) => {
  const text = document.createTreeWalker(element, NodeFilter.SHOW_TEXT).nextNode();
  const at = (index) => {
    const range = new Range();
    range.setStart(text, index);
    range.setEnd(text, index + 1);
    return range.getBoundingClientRect().x;
  };
  return [at(0), at(text.length - 1)];
}"""


async def fill(locator: Locator, part: str | None = None) -> Any:
    return await locator.evaluate(FILL, part)


async def test_forced_colors_leave_badges_ticks_and_menus(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    chat_id, other = await make_chat(app, ann, bob), await make_chat(app, ann, cara)
    await make_message(app, ann, chat_id, "Read")
    await bob.post(f"/chats/{chat_id}/read")
    await make_message(app, ann, chat_id, "Sent")
    await make_message(app, cara, other, "Unread")
    page = await visit(ann, f"/chats/{chat_id}", forced_colors="active")
    badge = page.locator(f"#chat-{other} unread-badge")
    await expect(badge).to_have_text("1")
    canvas = await fill(page.locator("body"))
    read, sent = (page.locator(f"{MESSAGES}[data-seq='{seq}']") for seq in (1, 2))
    inks = [await fill(message.locator(".ticks")) for message in (read, sent)]
    assert len({*inks, canvas}) == 3
    assert await fill(badge) == inks[0]  # the system’s colour for what stands out
    assert await fill(read.locator(".bubble__menu"), "::after") != canvas


async def test_times_and_usernames_keep_their_order_from_right_to_left(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "Hello")
    page = await visit(ann, f"/chats/{chat_id}/info", locale="en-US")
    await page.evaluate("document.documentElement.dir = 'rtl'")
    for text in (page.locator(".row__time time"), page.locator(".hero p bdi").first):
        first, last = await text.evaluate(ENDS)
        assert first < last
