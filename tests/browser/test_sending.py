"""What is said goes by the socket, and by a request where the socket is no use."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, bubble, expect_as_loaded, expect_tick, hold_sends, posted, say
from tests.make import Member


async def test_the_socket_takes_it_unless_it_is_long(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    requests = posted(hers)
    for text in ("one", "two\nlines"):
        await say(hers, text)
    await expect(hers.locator(f"{MESSAGES}[data-seq]")).to_have_count(2)
    assert requests == []
    long = "word " * 3_999 + "end"
    await say(hers, long)
    await expect(his.locator(f"{MESSAGES}[data-seq='3']")).to_be_visible()
    assert requests == [long]
    await expect_tick(hers.locator(f"{MESSAGES}[data-seq='3']"), "Read")
    await expect_as_loaded(hers)


async def test_what_does_not_come_back_is_sent_by_a_request_once(
    visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    held, requests = await hold_sends(page), posted(page)
    for text in ("first", "second"):
        await say(page, text)
    await expect(bubble(page, "second")).to_have_attribute("data-seq", "2")
    assert requests == ["first", "second"]
    late = await held.get()
    late()
    assert held.empty(), "the socket is left alone until there is another one"
    await page.evaluate("document.querySelector('#live')._htmx.ws.connection.socket.close()")
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    await say(page, "third")
    (await held.get())()
    await expect(bubble(page, "third")).to_have_attribute("data-seq", "3")
    assert requests == ["first", "second"]
    await expect_as_loaded(page)
    await expect(page.locator(MESSAGES)).to_have_count(3)
