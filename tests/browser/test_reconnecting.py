"""A socket that was closed comes back soon, but thousands of them do not come back in the same instant."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page, WebSocket, WebSocketRoute, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit, hide, stop_clock
from tests.browser.conversation import outboxes
from tests.make import Member

PATIENCE = 10
DRAW = "chance => { Math.random = () => chance; }"


def sockets(page: Page) -> list[WebSocket]:
    """The sockets that the page opens from now on."""
    found: list[WebSocket] = []
    page.on("websocket", lambda socket: found.append(socket))
    return found


async def stop(page: Page, chance: float) -> None:
    """Time passes only when told to, and every draw of lots gives `chance`."""
    await stop_clock(page)
    await page.evaluate(DRAW, chance)


async def close(app: Starlette, page: Page, member: Member, code: int) -> None:
    heard = "() => new Promise(done => document.addEventListener('parley:closed', () => done(), { once: true }))"
    await page.evaluate(f"() => {{ window.closing = ({heard})(); }}")
    for outbox in outboxes(app, member):
        outbox.close(code)
    await page.evaluate("window.closing")


WAITS = [
    (1012, 0.001, 2),
    (1012, 0.5, 1000),
    (1012, 0.999, 1998),
    (1011, 0.5, 1000),
    (1013, 0.001, 2004),
    (1013, 0.999, 5996),
]


async def test_the_first_try_comes_after_a_wait_that_chance_decides(
    app: Starlette, visit: Visit, ann: Member
) -> None:
    page = await visit(ann)
    await stop_clock(page)
    opened = sockets(page)
    for times, (code, chance, wait) in enumerate(WAITS):
        await page.evaluate(DRAW, chance)
        await close(app, page, ann, code)
        await page.clock.run_for(wait - 2)
        await page.evaluate("fetch('/healthz')")
        assert len(opened) == times, (code, chance)
        await page.clock.run_for(4)
        await expect(page.locator(f"html[data-opened='{times + 2}']")).to_be_attached()
        assert len(opened) == times + 1, (code, chance)


@pytest.mark.parametrize(("code", "waits"), [(1011, [1, 2, 4, 8, 8]), (1013, [4, 8, 8])])
async def test_waits_grow_until_the_server_listens_also_when_it_shakes_hands_first(
    app: Starlette, visit: Visit, ann: Member, code: int, waits: list[int]
) -> None:
    page = await visit(ann)
    opened: asyncio.Queue[WebSocketRoute] = asyncio.Queue()

    async def refuse(socket: WebSocketRoute) -> None:
        socket.send('{"type":"beat"}')
        await socket.close(code=code)
        opened.put_nowait(socket)

    await page.route_web_socket("**/ws", refuse)
    await stop(page, 0.5)
    await page.evaluate("dispatchEvent(new Event('online'))")
    for wait in waits:
        await asyncio.wait_for(opened.get(), PATIENCE)
        await page.evaluate("fetch('/healthz')")
        # Some of the last step may count already: the socket closes whenever its news arrives.
        await page.clock.run_for(1000 * wait - 300)
        await page.evaluate("fetch('/healthz')")
        assert opened.empty()
        await page.clock.run_for(310)


async def test_whatever_tells_of_the_network_at_once_opens_one_socket(
    app: Starlette, visit: Visit, ann: Member
) -> None:
    page = await visit(ann)
    opened = sockets(page)
    await page.evaluate("""() => {
      const { now } = Date;
      Date.now = () => now.call(Date) + 61_000;
      document.dispatchEvent(new Event("visibilitychange"));
      dispatchEvent(new Event("online"));
      dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }));
      document.dispatchEvent(new Event("visibilitychange"));
    }""")
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    assert len(opened) == 1


async def test_hiding_and_showing_while_it_waits_opens_one_socket(app: Starlette, visit: Visit, ann: Member) -> None:
    page = await visit(ann)
    await stop(page, 0.5)
    opened = sockets(page)
    await close(app, page, ann, 1012)
    for hidden in (True, False, True, False):
        await hide(page, hidden)
    await page.clock.run_for(1100)
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    await page.clock.run_for(10_000)
    await page.evaluate("fetch('/healthz')")
    assert len(opened) == 1
    assert len(outboxes(app, ann)) == 1


async def test_a_session_that_is_over_never_comes_back(app: Starlette, visit: Visit, ann: Member) -> None:
    page = await visit(ann)
    await page.route("**/login", lambda route: route.fulfill(status=204))  # which leaves the page where it is
    await stop(page, 0.5)
    opened = sockets(page)
    async with page.expect_request("**/login"):
        await close(app, page, ann, 4401)
    await page.clock.fast_forward(70_000)
    await page.evaluate("dispatchEvent(new Event('online'))")
    await hide(page, False)
    await page.clock.run_for(2000)
    await page.evaluate("fetch('/healthz')")
    assert opened == []
