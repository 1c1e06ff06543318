"""Two hundred hostile texts in a real browser: nothing runs, nothing needs to be blocked, nobody else is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, bubble, field, say
from tests.hostile import HOSTILE
from tests.hostile_world import make_hostile_world, pages, see, type_everywhere
from tests.make import JSON, Member, make_group

pytestmark = pytest.mark.torture  # long, as it looks at every page

# What would run tells of it, and so does what the policy blocks.
TRAPS = """
  for (const name of ["alert", "confirm", "prompt", "msgbox"]) window[name] = (text) => offend(`${name}(${text})`);
  document.addEventListener("securitypolicyviolation",
    ({ effectiveDirective, blockedURI }) => offend(`${effectiveDirective} ${blockedURI}`));
"""
# Attributes that run something, and elements that no page of ours has.
STRANGE = """() => [...document.querySelectorAll('*')].flatMap((element) => [
  ...[...element.attributes].filter(({ name }) => /^on|^srcdoc$|^ping$/.test(name)).map(({ name }) => name),
  ...(element.matches('iframe, object, embed, base, math, marquee, script:not([src]), body :is(style, meta, link)')
    ? [element.tagName] : []),
])"""
NAME = '"><img src=x onerror=alert(1)>'


class Watch:
    """What a page does that it must not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.offences: list[str] = []
        self.host = urlsplit(page.url).netloc

    async def begin(self) -> None:
        await self.page.expose_function("offend", lambda text: self.offences.append(text))
        await self.page.add_init_script(TRAPS)
        self.page.on("dialog", lambda dialog: self.offences.append(f"dialog {dialog.message}"))
        self.page.on("request", self.asked)

    def asked(self, request: Any) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and urlsplit(request.url).netloc != self.host:
            self.offences.append(f"request to {request.url}")

    async def expect_nothing(self, what: str) -> None:
        assert (what, self.offences, await self.page.evaluate(STRANGE)) == (what, [], [])


@pytest.fixture
def watched(visit: Visit) -> Callable[[Member, str], Awaitable[Watch]]:
    async def watched(member: Member, path: str) -> Watch:
        watch = Watch(await visit(member, "/you"))
        await watch.begin()
        await watch.page.goto(path)
        await expect(watch.page.locator("html[data-whole]")).to_be_attached()
        return watch

    return watched


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"link_cards": "off"}


async def test_every_page_with_all_of_them(
    app: Starlette, watched: Callable[[Member, str], Awaitable[Watch]]
) -> None:
    world, places = await make_hostile_world(app)
    owner = world.people["owner"]
    assert isinstance(owner, Member)
    watch = await watched(owner, "/you")
    await type_everywhere(app, world, places, " ".join(HOSTILE))
    seen = 0
    for who, path in dict.fromkeys(pages(world, places)):
        if who == "owner" and "<body" in await see(owner, path):
            await watch.page.goto(path, wait_until="load")
            await watch.expect_nothing(path)
            seen += 1
    assert seen > 50


async def test_what_comes_live_and_what_one_types(
    app: Starlette, watched: Callable[[Member, str], Awaitable[Watch]], ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    await bob.post("/you/edit", data={"display_name": NAME})
    watch, his = await watched(ann, f"/chats/{group}"), await watched(bob, f"/chats/{group}")
    page = watch.page
    for text in HOSTILE:  # said, edited, and as the name of the group
        sent = (await bob.post(f"/chats/{group}/messages", data={"body": "Before"}, headers=JSON)).json()
        await bob.post(f"/chats/{group}/messages/{sent['seq']}/edit", data={"body": text})
        await bob.say(group, text)
        await ann.post(f"/chats/{group}/draft", data={"body": text})
        await ann.post(f"/groups/{group}/edit", data={"name": text, "description": text})
    await bob.post(f"/chats/{group}/polls", data={"question": HOSTILE[0], "options": HOSTILE[1:9]})
    await bob.say(group, "The last")
    await ann.post(f"/groups/{group}/edit", data={"name": NAME})
    await expect(bubble(page, "The last")).to_be_attached()
    await expect(page).to_have_title(f"{NAME} – Parley")
    await watch.expect_nothing("live")
    await field(his.page).press_sequentially(HOSTILE[0])
    await expect(page.locator(".topbar__typing")).to_contain_text(NAME)
    await watch.expect_nothing("typing")
    for text in HOSTILE[:10]:
        await say(page, text)
    await expect(page.locator(f"{MESSAGES}[data-state]")).to_have_count(0)
    await watch.expect_nothing("sent")
    await bubble(page, "The last").hover()
    await bubble(page, "The last").get_by_role("link", name="Message actions").click()
    await page.locator("#sheet .menu__item", has_text="Select").click()
    await expect(page.locator("selection-bar")).to_be_visible()
    await watch.expect_nothing("selecting")
    await page.keyboard.press("Escape")
    await page.keyboard.press("r")
    await expect(page.locator("#reply .quote")).to_contain_text(NAME)
    await watch.expect_nothing("replying")
    await field(page).fill("@b")
    await field(page).press_sequentially("o")
    await expect(page.get_by_role("option").first).to_contain_text(NAME)
    await watch.expect_nothing("mentions")
    for text in (NAME, *HOSTILE[:5]):
        await page.locator(".inbox .search input").fill(text)
        await expect(page.locator("#found message-hits:not([data-busy])")).to_have_attribute("data-query", text)
    await watch.expect_nothing("searching")
    assert his.offences == []
