"""When a server hears nothing of its other processes, a page says so, asks every few seconds, and misses nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Locator, Page, Request, Route, expect
from starlette.applications import Starlette

from app.realtime import topics
from app.realtime.frames import Frame, signal
from tests.browser.conftest import Visit, hide, stop_clock
from tests.browser.conversation import bubble, expect_as_loaded, field, outboxes, say, scroll_top, top_of, wheel
from tests.make import Member, make_chat, make_group, make_message, make_messages
from tests.waiting import until

SOON = 2000  # within which all pages ask after the signal
EVERY = 6000  # within which each asks again
SCREENS = [{"width": 390, "height": 844}, {"width": 820, "height": 1180}, {"width": 1440, "height": 900}]


async def tell(app: Starlette, page: Page, on: bool) -> None:
    """Say to all pages whether their server is alone, and wait until this one has heard it."""
    await page.evaluate("""() => {
      window.hearing = new Promise(done => document.addEventListener("parley:limited", () => done(), { once: true }));
    }""")
    app.state.bus.publish(Frame(topics.everyone(), signal("limited", on=on)))
    await page.evaluate("window.hearing")


@asynccontextmanager
async def apart(app: Starlette, page: Page) -> AsyncIterator[None]:
    """What happens in the block is in the database and told to nobody, as if another process had done it."""
    await tell(app, page, True)
    publish = app.state.bus.publish
    app.state.bus.publish = lambda _: None
    yield
    app.state.bus.publish = publish
    await tell(app, page, False)


def bar(page: Page) -> Locator:
    return page.get_by_role("status").get_by_text("Live updates are limited right now.")


def row_text(page: Page, chat_id: int) -> Locator:
    return page.locator(f"#chat-{chat_id} .row__text")


async def visit_with_clock(visit: Visit, member: Member, path: str, **options: object) -> Page:
    page = await visit(member, path, **options)
    await stop_clock(page)
    return page


def asked(page: Page) -> list[str]:
    """What the page asks for from now on: "chat" is what an open conversation missed, "list" the list of chats."""
    found: list[str] = []

    def note(request: Request) -> None:
        if "/messages?since=" in request.url:
            found.append("chat")
        elif "/chats?filter=" in request.url:
            found.append("list")

    page.on("request", note)
    return found


async def settled(page: Page) -> None:
    """What timers have begun is under way."""
    await page.evaluate("fetch('/healthz')")


async def test_a_page_asks_until_everything_is_heard_again(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    async with apart(app, page):
        for wait, body in ((SOON, "one"), (EVERY, "two"), (EVERY, "three")):
            await make_message(app, bob, chat_id, body)
            await page.clock.fast_forward(wait)
            await expect(bubble(page, body)).to_be_visible()
            await expect(row_text(page, chat_id)).to_have_text(body)
            await expect(bar(page)).to_be_visible()
        await say(page, "mine goes by POST")
        await expect(bubble(page, "mine goes by POST")).to_have_attribute("data-seq", "4")
        await make_message(app, bob, chat_id, "the last")
    await expect(bar(page)).to_be_hidden()
    await page.clock.fast_forward(SOON)
    await expect(bubble(page, "the last")).to_be_visible()
    await expect(row_text(page, chat_id)).to_have_text("the last")
    await settled(page)
    later = asked(page)
    await page.clock.fast_forward(3 * EVERY)
    await settled(page)
    assert later == []
    await expect_as_loaded(page)


async def test_the_list_alone_is_asked_for_with_what_is_known(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, "/")
    async with apart(app, page):
        for wait in (SOON, EVERY):
            async with page.expect_response("**/chats?filter=*") as answer:
                await page.clock.fast_forward(wait)
        assert (await (await answer.value).request.all_headers())["if-none-match"]
        assert (await answer.value).status == 304
        newcomer = await make_chat(app, ann, ann)
        await make_message(app, ann, newcomer, "a note of mine")
        await page.clock.fast_forward(EVERY)
        await expect(row_text(page, newcomer)).to_have_text("a note of mine")


async def test_a_hidden_page_asks_less_often_and_at_once_when_it_is_shown(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    await hide(page, True)
    async with apart(app, page):
        await make_message(app, bob, chat_id, "one")
        await page.clock.fast_forward(SOON)
        await expect(bubble(page, "one")).to_be_attached()
        await settled(page)
        requests = asked(page)
        await page.clock.fast_forward(20_000)
        await settled(page)
        assert requests == []
        await make_message(app, bob, chat_id, "two")
        await page.clock.fast_forward(16_000)
        await expect(bubble(page, "two")).to_be_attached()
        await make_message(app, bob, chat_id, "three")
        await hide(page, False)
        await expect(bubble(page, "three")).to_be_visible()


async def test_pages_do_not_ask_in_step(app: Starlette, visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    await page.evaluate("""() => {
      const set = window.setTimeout;
      window.waits = [];
      window.setTimeout = (then, wait, ...rest) => (window.waits.push(wait), set(then, wait, ...rest));
    }""")
    for _ in range(20):
        app.state.bus.publish(Frame(topics.everyone(), signal("limited", on=False)))
    await page.wait_for_function("() => window.waits.length >= 20")
    waits = await page.evaluate("window.waits.slice(0, 20)")
    assert all(0 <= wait <= SOON for wait in waits)
    assert max(waits) - min(waits) > SOON / 4


async def test_a_socket_that_closes_decides_nothing_for_the_next_one(
    app: Starlette, visit: Visit, ann: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    await tell(app, page, True)
    await page.clock.run_for(SOON)
    await expect(bar(page)).to_be_visible()
    for outbox in outboxes(app, ann):
        outbox.close(1012)
    await expect(bar(page)).to_be_hidden()
    await page.clock.fast_forward(SOON)
    await expect(page.locator("html[data-opened='2']")).to_be_attached()
    await settled(page)
    requests = asked(page)
    await page.clock.fast_forward(2 * EVERY)
    await settled(page)
    assert requests == []
    await expect(bar(page)).to_be_hidden()


async def test_what_is_missed_while_an_answer_is_slow_is_asked_for_after_it(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    await expect(page.locator("html[data-opened='1']")).to_be_attached()
    held: list[Route] = []

    async def hold(route: Route) -> None:
        held.append(route)

    await page.route("**/messages?since=*", hold, times=1)
    async with apart(app, page):
        async with page.expect_request("**/messages?since=*"):
            await page.clock.fast_forward(SOON)
        await settled(page)
        answer = await held[0].fetch()
        await make_message(app, bob, chat_id, "meanwhile")
        requests = asked(page)
    await page.clock.fast_forward(SOON)
    await settled(page)
    assert "chat" not in requests
    await held[0].fulfill(response=answer)
    await expect(bubble(page, "meanwhile")).to_be_visible()


async def test_a_group_that_was_renamed_meanwhile_is_called_so_in_the_end(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    group = await make_group(app, bob, ann, name="Book club")
    page = await visit_with_clock(visit, ann, f"/chats/{group}")
    async with apart(app, page):
        await bob.post(f"/groups/{group}/edit", data={"name": "Film club"})
    await page.clock.fast_forward(SOON)
    await page.clock.resume()
    await expect(page.locator("#pane h1")).to_have_text("Film club")
    await expect(page.locator(f"#chat-{group} .row__title")).to_have_text("Film club")


@pytest.mark.parametrize("scrolled", [pytest.param(0, marks=pytest.mark.torture), -700])
@pytest.mark.torture
async def test_the_bar_moves_nothing_of_the_conversation(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int, scrolled: int
) -> None:
    await make_messages(app, bob, chat_id, 60)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann)
    for screen in SCREENS:
        await page.set_viewport_size(screen)  # type: ignore[arg-type]
        await page.goto(f"/chats/{chat_id}")
        await expect(page.locator("html[data-opened][data-whole]")).to_be_attached()
        if scrolled:
            await wheel(page, scrolled)
        seen = 45 if scrolled else 60
        places = await top_of(page, seen), await scroll_top(page), await field(page).bounding_box()
        async with apart(app, page):
            await expect(bar(page)).to_be_visible()
            assert (await top_of(page, seen), await scroll_top(page), await field(page).bounding_box()) == places
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        await expect(bar(page)).to_be_hidden()
        assert (await top_of(page, seen), await scroll_top(page)) == places[:2]


async def test_without_network_only_that_is_said(app: Starlette, visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    await tell(app, page, True)
    await expect(bar(page)).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.locator(".offline")).to_be_visible()
    await expect(bar(page)).to_be_hidden()
    await page.context.set_offline(False)
    await expect(page.locator(".offline")).to_be_hidden()
    await expect(bar(page)).to_be_hidden()


async def test_a_moment_of_trouble_is_not_worth_a_bar(
    app: Starlette, visit: Visit, ann: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    await page.evaluate("""() => {
      const bar = document.querySelector(".limited");
      window.shown = 0;
      new MutationObserver(() => (window.shown += !bar.hidden)).observe(bar, { attributes: true });
    }""")
    async with apart(app, page):
        await page.clock.run_for(500)
    async with page.expect_request("**/messages?since=*"):
        await page.clock.fast_forward(SOON)
    assert await page.evaluate("window.shown") == 0


async def test_a_question_that_the_server_cannot_answer_is_put_again(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    failed: list[str] = []

    async def fail(route: Route) -> None:
        failed.append(route.request.url)
        await route.fulfill(status=503)

    async with apart(app, page):
        await make_message(app, bob, chat_id, "while the database was away")
    for path in ("**/messages?since=*", "**/chats?filter=*"):
        await page.route(path, fail)
    await page.clock.fast_forward(SOON)
    await until(lambda: len(failed) >= 2)
    await settled(page)
    await page.unroute_all()
    await page.clock.fast_forward(EVERY)
    await expect(bubble(page, "while the database was away")).to_be_visible()
    await expect(row_text(page, chat_id)).to_have_text("while the database was away")


@pytest.mark.torture
async def test_stars_and_the_timer_that_changed_meanwhile_are_shown_in_the_end(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    for body in ("one", "two"):
        await make_message(app, bob, chat_id, body)
    await ann.post(f"/chats/{chat_id}/messages/1/star")
    page = await visit_with_clock(visit, ann, f"/chats/{chat_id}")
    async with apart(app, page):
        await ann.post(f"/chats/{chat_id}/messages/1/star", data={"on": "0"})
        await ann.post(f"/chats/{chat_id}/messages/2/star")
        await bob.post(f"/chats/{chat_id}/expiry", data={"lifetime": "86400"})
    await page.clock.fast_forward(SOON)
    await expect(bubble(page, "two")).to_have_attribute("data-starred", "")
    await expect(bubble(page, "one")).not_to_have_attribute("data-starred", "")
    await expect(page.locator(f"#chat-{chat_id}-timer")).to_contain_text("24 hours")
    await expect_as_loaded(page)


@pytest.mark.torture
async def test_names_that_changed_meanwhile_are_shown_in_the_end(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, bob, group, "It’s me")
    page = await visit_with_clock(visit, ann, f"/chats/{group}")
    async with apart(app, page):
        await bob.post("/you/edit", data={"display_name": "Robert <b>"})
    await page.clock.fast_forward(SOON)
    await expect(bubble(page, "It’s me").locator(".bubble__name")).to_have_text("Robert <b>")
    await expect(page.get_by_text("Bob", exact=True)).to_have_count(0)
