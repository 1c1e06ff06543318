"""Every page in light and dark, on a desk and a phone: no violation that axe can find."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import NewContext, Visit
from tests.make import JSON, Member, make_chat, make_group, make_message
from tests.server import Running

AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe*.js")).read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async (only) => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], runOnly: only });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}"""
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# What moves is judged where it comes to rest; axe measures with styles that our policy would block.
CALM: dict[str, Any] = {"reduced_motion": "reduce", "color_scheme": "light", "viewport": DESK, "bypass_csp": True}


async def violations(page: Page) -> list[str]:
    """All rules on a desk and on a phone; in the dark only colours can differ."""
    await page.evaluate(AXE)
    found = [f"desk {each}" for each in await page.evaluate(RUN, RULES)]
    await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    found += [f"phone {each}" for each in await page.evaluate(RUN, RULES)]
    await page.emulate_media(color_scheme="dark")
    found += [f"dark phone {each}" for each in await page.evaluate(RUN, ["color-contrast"])]
    await page.set_viewport_size(DESK)  # type: ignore[arg-type]
    found += [f"dark desk {each}" for each in await page.evaluate(RUN, ["color-contrast"])]
    await page.emulate_media(color_scheme="light")
    return [f"{page.url} {each}" for each in found]


async def furnish(app: Starlette, ada: Member, bob: Member, cara: Member) -> dict[str, Any]:
    """Something of everything, so that every part of every page is there to be judged."""
    direct, group = await make_chat(app, ada, bob), await make_group(app, ada, bob, cara, description="Books")
    left = await make_group(app, bob, ada, name="Left")
    await ada.post(f"/groups/{left}/leave")
    await ada.post("/groups", data={"name": "Street", "public": "1"})
    for sender, body in ((ada, "Hello *you*"), (bob, "https://example.org `code`"), (bob, "🎉")):
        await make_message(app, sender, direct, body)
        mine = await make_message(app, sender, group, body)
    gone = await make_message(app, ada, group, "never mind")
    await ada.post(f"/chats/{group}/messages/{gone.seq}/delete")
    await make_message(app, bob, group, "\n".join(map(str, range(40))))
    for reply_to in (mine.seq - 2, mine.seq - 1):
        await bob.say(group, "@ada, @cara: *so*", reply_to=reply_to)
        await ada.say(group, "@all So", reply_to=reply_to)
    await ada.post(f"/chats/{group}/reply", data={"reply_to": mine.seq})
    await ada.post("/contacts", data={"username": "bob"})
    await ada.post("/invites", data={"max_uses": "3", "days": "7"})
    await ada.post(f"/chats/{direct}/draft", data={"body": "half a thought"})
    return {"direct": direct, "group": group, "left": left, "seq": mine.seq}


@pytest.mark.torture
async def test_signed_in_pages(app: Starlette, visit: Visit, ada: Member, bob: Member, cara: Member) -> None:
    at = await furnish(app, ada, bob, cara)
    chat = f"/chats/{at['group']}"
    page = await visit(ada, **CALM)
    paths = [
        *("/", "/chats?q=b", "/chats?filter=unread", "/users", "/users?q=zzz", f"/users/{bob.id}"),
        *("/groups", "/groups/new", "/you", "/you/edit", "/devices", "/password", "/invites"),
        *(f"/chats/{at['direct']}", chat, f"/chats/{at['left']}", f"{chat}/info", f"{chat}?before=4"),
        *(f"/groups/{at['group']}/edit", f"/groups/{at['group']}/members", f"{chat}/mentions"),
        *(f"/chats/{at['direct']}/messages/1/menu", f"/chats/{at['direct']}/messages/1/edit", "/nowhere"),
        *(
            "/search",
            "/search?q=hello+from:ada",
            "/search?q=zzz",
            "/switch?q=b",
            f"/chats/{at['direct']}/search?q=hello",
        ),
    ]
    found = []
    for path in paths:
        await page.goto(path)
        found += await violations(page)
    assert found == []


@pytest.mark.torture
async def test_what_opens_over_pages(app: Starlette, visit: Visit, ada: Member, bob: Member, cara: Member) -> None:
    at = await furnish(app, ada, bob, cara)
    page = await visit(ada, f"/chats/{at['group']}", **CALM)
    sheet = page.locator("#sheet")
    await page.locator(".message[data-kind=text] .bubble").first.click(button="right")
    await expect(sheet.get_by_role("button", name="Copy text")).to_be_visible()
    await sheet.get_by_text("Delete for everyone").click()
    found = await violations(page)
    await page.keyboard.press("Escape")
    await page.locator("#pane").focus()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    found += await violations(page)
    await page.keyboard.press("Escape")
    await page.locator("#pane .topbar__who").click()
    await expect(page.locator("#drawer .member")).to_have_count(3)
    await page.get_by_label("Manage Bob").click()
    found += await violations(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Manage Bob")).to_be_focused()
    await page.evaluate("document.querySelectorAll('.bar').forEach(bar => bar.hidden = false)")
    await page.context.set_offline(True)
    await page.locator("#drawer .member a").last.click()
    await expect(page.locator(".toast")).to_be_visible()
    found += await violations(page)
    assert found == []


async def test_pages_for_visitors(server: Running, new_context: NewContext, ada: Member) -> None:
    page = await (await new_context(base_url=server.url, **CALM)).new_page()
    invite = await ada.post("/invites", data={"max_uses": "3", "days": "7"}, headers=JSON)
    found = []
    for path in ("/register", urlsplit(invite.json()["link"]).path, "/login"):
        await page.goto(path)
        found += await violations(page)
    await page.get_by_label("Username").fill("ada")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    assert found + await violations(page) == []
