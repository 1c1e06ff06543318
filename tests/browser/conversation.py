"""What journeys through a conversation have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from playwright.async_api import Locator, Page, Request, WebSocketRoute, expect
from starlette.applications import Starlette

from app.realtime import topics
from app.realtime.hub import Outbox
from tests.make import Member

MESSAGES = ".messages__list > .message"

SHOWN = """() => [...document.querySelectorAll('.messages__list > *')].flatMap((item) => {
  if (item.matches('.divider, .mark, .messages__empty')) return [];
  if (!item.matches('.message')) return [item.textContent.trim()];
  const { seq, revision, run, edited, deleted, state } = item.dataset;
  const ticks = item.querySelector('.ticks');
  const tick = ticks?.offsetParent && getComputedStyle(ticks, '::before').content;
  return [[item.id, seq, revision, run, edited, deleted, state, item.innerText.trim(), tick].join('|')];
})"""


def bubble(page: Page, text: str) -> Locator:
    return page.locator(MESSAGES).filter(has=page.get_by_text(text, exact=True))


def field(page: Page) -> Locator:
    return page.locator(".composer__field")


async def expect_tick(place: Locator, name: str) -> None:
    """What the ticks of a message, or of a chat's row, say to those who hear it."""
    await expect(place.locator(".ticks")).to_be_visible()
    await expect(place.locator(".ticks")).to_have_css("--tick-name", f'"{name}"')


async def say(page: Page, text: str) -> None:
    await field(page).fill(text)
    await field(page).press("Enter")


async def shown(page: Page) -> Any:
    """The list as its reader sees it, item by item."""
    return await page.evaluate(SHOWN)


async def expect_as_loaded(page: Page) -> None:
    """The list is what the server would show anew."""
    before = await shown(page)
    await page.reload()
    await expect(page.locator("html[data-opened][data-whole]")).to_be_attached()
    after = await shown(page)
    assert after == before, f"live: {before}\nloaded: {after}"


async def hold_sends(page: Page) -> asyncio.Queue[Callable[[], None]]:
    """Load the page anew; what it then says by its socket waits until what stands here for it is called."""
    held: asyncio.Queue[Callable[[], None]] = asyncio.Queue()

    def connect(near: WebSocketRoute) -> None:
        far = near.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            if "message.send" in str(text):
                held.put_nowait(lambda: far.send(text))
            else:
                far.send(text)

        near.on_message(pass_on)

    await page.route_web_socket("**/ws", connect)
    await page.reload()
    await expect(page.locator("html[data-opened]")).to_be_attached()
    return held


def posted(page: Page) -> list[str]:
    """The texts that the page sends by requests, from now on."""
    texts: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/messages"):
            texts.append(parse_qs(request.post_data or "")["body"][0])

    page.on("request", note)
    return texts


def deafen(outbox: Outbox) -> None:
    """Lose all that is sent to a page, until `del outbox.put`."""
    outbox.put = lambda _: None  # type: ignore[method-assign, assignment]


def outboxes(app: Starlette, member: Member) -> list[Outbox]:
    """The queues of somebody's open pages."""
    return list(app.state.hub.listeners(topics.user(member.id)))


async def top_of(page: Page, seq: int) -> float:
    """Where on the screen a message is."""
    box = await page.locator(f"{MESSAGES}[data-seq='{seq}']").bounding_box()
    assert box, f"{seq} is not in the list"
    return box["y"]


async def scroll_top(page: Page) -> float:
    top: float = await page.locator(".messages__scroll").evaluate("element => element.scrollTop")
    return top


async def wheel(page: Page, by: float) -> None:
    """Scroll by hand, and wait until it rests; a busy browser pauses while it scrolls."""
    await page.locator(".messages__scroll").hover()
    before = await scroll_top(page)
    await page.mouse.wheel(0, by)
    await page.wait_for_function(
        """before => new Promise(done => {
          const scroller = document.querySelector('.messages__scroll');
          const { scrollTop } = scroller;
          setTimeout(() => done(scrollTop !== before && scrollTop === scroller.scrollTop), 120);
        })""",
        arg=before,
    )
