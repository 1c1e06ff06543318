"""Whatever kept a page from hearing, it ends as if it had just been loaded: nothing missing, nothing twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect
from starlette.applications import Starlette

from app.main import create_app
from app.server import listen
from app.settings import Settings
from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    deafen,
    expect_as_loaded,
    expect_tick,
    field,
    outboxes,
    say,
    scroll_top,
    top_of,
    wheel,
)
from tests.make import Member, make_message, make_messages, sign_in
from tests.server import Running, running


async def opened(page: Page, times: int) -> None:
    await expect(page.locator(f"html[data-opened='{times}']")).to_be_attached()


async def much_happens(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    """New messages, an edit, a deletion and one hidden; the last is "caught up"."""
    await make_message(app, bob, chat_id, "four")
    await bob.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "first"})
    await bob.post(f"/chats/{chat_id}/messages/2/delete")
    await ann.post(f"/chats/{chat_id}/messages/3/hide")
    await make_message(app, ann, chat_id, "five")
    await bob.post(f"/chats/{chat_id}/read")
    await make_message(app, bob, chat_id, "caught up")


async def lose_network(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Cut the page off; the answer brings the network back."""
    await page.context.set_offline(True)
    for outbox in outboxes(app, ann):
        outbox.close(1011)
    await expect(page.locator(".offline")).to_be_visible()

    async def back() -> None:
        await page.context.set_offline(False)
        await expect(page.locator(".offline")).to_be_hidden()

    return back


async def hide(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Put the tab into the background."""
    turn = """state => {
      Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
      Object.defineProperty(document, 'hidden', { value: state === 'hidden', configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    await page.evaluate(turn, "hidden")

    async def back() -> None:
        await page.evaluate(turn, "visible")

    return back


async def freeze(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Leave the page for another one, with this one kept in the browser's memory."""
    event = "type => dispatchEvent(new PageTransitionEvent(type, { persisted: true }))"
    await page.evaluate(event, "pagehide")
    await page.wait_for_function(
        "() => !document.querySelector('#live')._htmx.ws?.connection?.socket.readyState !== 1"
    )

    async def back() -> None:
        await page.evaluate(event, "pageshow")
        await opened(page, 2)

    return back


async def drop_frames(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Lose what is sent, though the socket stays: the next frame shows the gap."""
    boxes = outboxes(app, ann)
    for outbox in boxes:
        deafen(outbox)

    async def back() -> None:
        for outbox in boxes:
            del outbox.put
        await make_message(app, (await sign_in(app, ann.person)), 1, "after the gap")

    return back


async def be_slow(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Read so little that the server lets go."""
    for outbox in outboxes(app, ann):
        outbox.most = 0

    async def back() -> None:
        await opened(page, 2)

    return back


async def fall_silent(app: Starlette, page: Page, ann: Member) -> Callable[[], Awaitable[None]]:
    """Keep the socket open, but let nothing through any more, not even a beat; or sleep for as long."""
    for outbox in outboxes(app, ann):
        deafen(outbox)

    async def back() -> None:
        await page.evaluate("() => { const { now } = Date; Date.now = () => now.call(Date) + 61_000; }")
        await opened(page, 2)

    return back


LONG = [pytest.param(lose, marks=pytest.mark.torture) for lose in (hide, freeze, be_slow)]


@pytest.mark.parametrize("lose", [lose_network, drop_frames, fall_silent, *LONG])
async def test_a_page_that_heard_nothing_catches_up(
    app: Starlette,
    visit: Visit,
    ann: Member,
    bob: Member,
    chat_id: int,
    lose: Callable[[Starlette, Page, Member], Awaitable[Callable[[], Awaitable[None]]]],
) -> None:
    for body in ("one", "two", "three"):
        await make_message(app, bob, chat_id, body)
    page = await visit(ann, f"/chats/{chat_id}")
    await expect(bubble(page, "three")).to_be_visible()
    back = await lose(app, page, ann)
    await much_happens(app, ann, bob, chat_id)
    await back()
    await expect(bubble(page, "caught up")).to_be_visible()
    await expect_tick(bubble(page, "five"), "Read")
    await expect(page.locator(MESSAGES)).to_have_count(6 if lose is drop_frames else 5)
    await expect_as_loaded(page)


async def test_a_server_that_comes_back_finds_its_pages(
    settings: Settings, blank: Path, visit: Visit, app: Starlette, server: Running,
    ann: Member, bob: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    page = await visit(ann, f"/chats/{chat_id}")
    await say(page, "before")
    await expect(bubble(page, "before")).to_have_attribute("data-seq", "1")
    server.stop()
    await server.stopped.wait()
    await expect(page.locator(".offline")).to_be_visible()
    await say(page, "while it is down")
    await expect(bubble(page, "while it is down")).to_have_attribute("data-state", "pending")
    monkeypatch.setattr("tests.server.listen", lambda host, _: listen(host, server.port))
    async with running(create_app(settings)) as again:
        await make_message(again.app, bob, chat_id, "after")  # type: ignore[arg-type]
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(bubble(page, "after")).to_be_visible()
        await expect(page.locator(".offline")).to_be_hidden()
        await expect(bubble(page, "while it is down")).to_have_attribute("data-seq", "3")
        await expect(page.locator(MESSAGES)).to_have_count(3)
        await expect_as_loaded(page)


async def test_what_is_said_while_a_chat_opens_is_there(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "before")
    page = await visit(ann)

    async def be_late(route: Route) -> None:
        response = await route.fetch()
        await make_message(app, bob, chat_id, "in between")
        await expect(page.locator(".row__text")).to_have_text("in between")
        await route.fulfill(response=response)

    await page.route(f"**/chats/{chat_id}", be_late, times=1)
    await page.locator(f"#chat-{chat_id} .row__link").click()
    await expect(bubble(page, "in between")).to_be_visible()
    await expect_as_loaded(page)


async def test_after_a_long_sleep_the_list_is_loaded_anew(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 60)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}")
    await field(page).fill("half a sentence")
    await wheel(page, -500)
    place = await top_of(page, 45)
    back = await freeze(app, page, ann)
    await make_messages(app, bob, chat_id, 250)
    await back()
    await expect(page.locator(".messages__list")).to_have_attribute("data-revision", "310")
    assert abs(await top_of(page, 45) - place) <= 1
    await expect(field(page)).to_have_value("half a sentence")
    assert await scroll_top(page) < 0


async def test_the_first_message_may_be_the_one_that_was_missed(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    with monkeypatch.context() as patch:
        patch.setattr(app.state.bus, "publish", lambda _: None)
        await make_message(app, bob, chat_id, "one")
    await make_message(app, bob, chat_id, "two")
    await expect(bubble(page, "two")).to_be_visible()
    await expect(bubble(page, "one")).to_be_visible()
    await expect_as_loaded(page)
