"""The card of a link comes up in an open conversation without moving what is read, and goes when its sender wants."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, expect_as_loaded, say, top_of, wheel
from tests.browser.test_accessibility import CALM, violations
from tests.cards.sites import Site, http, local_fetcher, page, picture, serving
from tests.hostile import HOSTILE
from tests.make import Member, make_chat, make_messages

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

CARD = f"{MESSAGES} .link-card"
# What moved in the conversation since the page was loaded.
SHIFTS = """() => new Promise((done) => {
  const isInside = ({ node }) => Boolean((node?.closest ? node : node?.parentElement)?.closest('.messages'));
  const observer = new PerformanceObserver((list) =>
    done(list.getEntries().flatMap(({ sources }) => sources).filter(isInside).length));
  observer.observe({ type: 'layout-shift', buffered: true });
  setTimeout(done, 300, 0);
})"""


@pytest.fixture
async def site(app: Starlette) -> AsyncIterator[Site]:
    async with serving() as site:
        app.state.fetcher = local_fetcher(site)
        yield site


def furnish(site: Site) -> None:
    image = '<meta property="og:image" content="/a.png"><meta name="description" content="Every Friday">'
    site.pages["/"] = page("Fish &amp; chips", image)
    site.pages["/a.png"] = http(picture(800, 400), content_type="image/png")


async def is_shown(reader: Page) -> None:
    picture = reader.locator(f"{CARD} img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 640


async def test_it_comes_up_stays_and_is_removed(
    app: Starlette, visit: Visit, ann: Member, bob: Member, site: Site
) -> None:
    furnish(site)
    chat_id = await make_chat(app, ann, bob)
    await make_messages(app, bob, chat_id, 45)
    await ann.post(f"/chats/{chat_id}/read")
    writer, reader, away = [await visit(each, f"/chats/{chat_id}", **CALM) for each in (ann, bob, bob)]
    await wheel(away, -700)
    await say(writer, f"Look {site.url('/later')}")
    await expect(reader.locator(MESSAGES).last).to_contain_text("Look")
    before, below = await top_of(away, 20), await top_of(reader, 44)
    await ann.post(f"/chats/{chat_id}/messages/46/edit", data={"body": f"Look {site.url()}"})
    for each in (writer, reader):
        await expect(each.get_by_role("link", name="Fish & chips")).to_be_visible()
        await is_shown(each)
    await expect(away.locator(CARD)).to_be_attached()
    assert abs(await top_of(away, 20) - before) <= 1
    assert abs(await top_of(reader, 44) - below) <= 1
    await say(writer, "And?")
    for each in (writer, reader):
        await expect(each.locator(MESSAGES).last).to_contain_text("And?")
        await expect(each.locator(MESSAGES).last).to_be_in_viewport()
    link = reader.get_by_role("link", name="Fish & chips")
    assert [await link.get_attribute(name) for name in ("target", "rel")] == [
        "_blank",
        "noopener noreferrer nofollow",
    ]
    await expect_as_loaded(reader)
    await is_shown(reader)
    assert await reader.evaluate(SHIFTS) == 0
    assert await violations(reader) == []

    await writer.locator(f"{MESSAGES}[data-seq='46'] .bubble__menu").click()
    await writer.get_by_role("button", name="Remove link card").click()
    for each in (writer, reader, away):
        await expect(each.locator(CARD)).to_have_count(0)
    await expect_as_loaded(writer)


async def test_nothing_of_what_a_page_says_is_done(
    app: Starlette, visit: Visit, ann: Member, bob: Member, site: Site
) -> None:
    chat_id = await make_chat(app, ann, bob)
    reader = await visit(bob, f"/chats/{chat_id}")
    done: list[str] = []
    reader.on("dialog", lambda dialog: done.append(dialog.message))
    evil = " ".join(HOSTILE).replace("&", "&amp;").replace('"', "&quot;")
    for number in range(0, len(evil), 190):
        part = evil[number : number + 190]
        head = f'<meta property="og:title" content="{number} {part}"><meta name="description" content="{part}">'
        site.pages[f"/{number}"] = page("Title", head)
        await ann.say(chat_id, site.url(f"/{number}"))
    await expect(reader.locator(CARD)).to_have_count(len(site.pages), timeout=30_000)
    assert await reader.locator(f"{CARD} :is(script, iframe, svg, img, style, form, input)").count() == 0
    assert await reader.evaluate("document.querySelectorAll('.link-card [onerror], .link-card [onload]').length") == 0
    assert done == []


async def test_without_scripts_it_is_there_on_the_next_page(
    app: Starlette, visit: Visit, ann: Member, bob: Member, site: Site
) -> None:
    furnish(site)
    chat_id = await make_chat(app, ann, bob)
    await ann.say(chat_id, site.url())
    reader = await visit(ann, f"/chats/{chat_id}", java_script_enabled=False)
    while not await reader.locator(CARD).count():
        await reader.get_by_role("link", name="Refresh").click()
    await expect(reader.locator(f"{CARD} img")).to_be_visible()
    await reader.goto(f"/chats/{chat_id}/messages/1/menu")
    await reader.get_by_role("button", name="Remove link card").click()
    await expect(reader.locator(MESSAGES)).to_have_count(1)
    await expect(reader.locator(CARD)).to_have_count(0)
