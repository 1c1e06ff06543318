"""Finding what was said: the bar of a chat, the page of all chats, the switcher."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from playwright.async_api import Error, Page, Route, expect
from sqlalchemy import text
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import bubble
from tests.make import Member, make_chat, make_group, make_message, make_messages
from tests.waiting import until

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

MARKED = "name => [...(CSS.highlights.get(name) ?? [])].map(String)"


async def indexed(app: Starlette) -> None:
    async def is_done() -> bool:
        async with app.state.database.read() as work:
            return not await work.rows(text("SELECT id FROM search_texts WHERE is_stale LIMIT 1"))

    await until(is_done)


async def expect_marked(page: Page, name: str, expected: list[str]) -> None:
    async def is_so() -> bool:
        return bool(await page.evaluate(MARKED, name) == expected)

    await until(is_so)


async def test_the_bar_of_a_chat(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, ann, chat_id, "The *Crème* brûlée was first")
    await make_messages(app, ann, chat_id, 150)
    for body in ("another creme", "and CREME again"):
        await make_message(app, ann, chat_id, body)
    await indexed(app)
    page = await visit(ann, f"/chats/{chat_id}")
    bytes_before = await bubble(page, "and CREME again").inner_html()
    await page.keyboard.press("Control+f")
    field = page.get_by_role("searchbox", name="Search in this chat")
    await expect(field).to_be_focused()
    await field.fill("creme")
    count = page.locator("chat-search output")
    await expect(count).to_have_text("1 of 3")
    await expect_marked(page, "found-here", ["CREME"])
    await expect_marked(page, "found", ["creme"])
    assert await bubble(page, "and CREME again").inner_html() == bytes_before
    await field.press("Enter")
    await expect(count).to_have_text("2 of 3")
    await page.get_by_role("button", name="Older hit").click()
    await expect(count).to_have_text("3 of 3")
    await expect(page.locator('.message[data-seq="1"]')).to_be_in_viewport()
    await expect_marked(page, "found-here", ["Crème"])
    await expect(page.get_by_role("button", name="Older hit")).to_be_disabled()
    await page.get_by_role("button", name="Newer hit").click()
    await expect(bubble(page, "another creme")).to_be_in_viewport()
    await field.fill("nothing like it")
    await expect(count).to_have_text("No hits")
    await field.press("Escape")
    await expect(page.locator("chat-search")).to_be_hidden()
    assert await page.evaluate(MARKED, "found") == []


SEEN = """() => {
  const [hit] = CSS.highlights.get("found-here") ?? [];
  const { top = 0, bottom = 0, height = 0 } = hit?.getBoundingClientRect() ?? {};
  const view = document.querySelector(".messages__scroll").getBoundingClientRect();
  const body = hit?.startContainer.parentElement.closest(".bubble__body").getBoundingClientRect();
  return height > 0 && top >= view.top && bottom <= Math.min(view.bottom, body.bottom);
}"""


@pytest.mark.parametrize("later", [3, 120], ids=["loaded", "loaded when sought"])
async def test_a_hit_in_what_is_folded_of_a_long_message(
    app: Starlette, visit: Visit, ann: Member, bob: Member, later: int
) -> None:
    chat_id = await make_chat(app, ann, bob)
    lines = "\n".join(f"line {number}" for number in range(60))
    await make_message(app, ann, chat_id, f"{lines}\nthe zebra\n{lines}")
    await make_messages(app, ann, chat_id, later)
    await indexed(app)
    page = await visit(ann, f"/chats/{chat_id}")
    await page.keyboard.press("Control+f")
    await page.get_by_role("searchbox", name="Search in this chat").fill("zebra")
    await expect_marked(page, "found-here", ["zebra"])
    await page.wait_for_function(SEEN)


@pytest.mark.parametrize("start", ["/search?q=zebra", "/"])
async def test_a_hit_in_any_chat_leads_to_the_very_words(
    app: Starlette, visit: Visit, ann: Member, bob: Member, start: str
) -> None:
    chat_id = await make_chat(app, ann, bob)
    lines = "\n".join(f"line {number}" for number in range(60))
    await make_message(app, ann, chat_id, f"{lines}\nthe Zébra\n{lines}")
    await make_messages(app, ann, chat_id, 120)
    await indexed(app)
    page = await visit(ann, start)
    if start == "/":
        await page.get_by_role("searchbox", name="Search chats and people").fill("zebra")
    await page.locator(".hit__link").first.click()
    await expect_marked(page, "found-here", ["Zébra"])
    await page.wait_for_function(SEEN)
    await expect(page.locator("chat-search")).to_be_hidden()


async def test_the_bar_says_what_it_does_not_understand(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id, "the zebra")
    await indexed(app)
    page = await visit(ann, f"/chats/{chat_id}")
    await page.keyboard.press("Control+f")
    field, count = page.get_by_role("searchbox", name="Search in this chat"), page.locator("chat-search output")
    await field.fill("zebra from:nobody")
    await expect(count).to_have_text("Nobody here is called “nobody”.")
    await field.fill("zebra from:")
    await expect(count).to_have_text("1 of 1")
    await field.fill("from:")
    await expect(count).to_be_empty()


async def test_from_the_page_of_hits_to_one_and_back(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "the zebra crossing")
    await make_messages(app, bob, chat_id, 120)
    await indexed(app)
    page = await visit(ann, "/search?q=zebra")
    hit = page.get_by_role("main").get_by_role("link", name="the zebra crossing")
    await expect(hit.locator("mark")).to_have_text("zebra")
    await page.get_by_role("searchbox", name="Search messages, chats and people").fill("zebra from:bob")
    chip = page.get_by_role("link", name="Remove the filter from: bob")
    await expect(chip).to_be_visible()
    await chip.press("Enter")
    await expect(chip).to_have_count(0)
    await hit.click()
    await expect(page.locator('.message[data-seq="1"]')).to_be_in_viewport()
    await page.go_back()
    await expect(hit).to_be_visible()


async def test_messages_beneath_the_chats_while_one_types(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id, group = await make_chat(app, ann, bob), await make_group(app, ann, bob, name="Zebra lovers")
    await make_message(app, bob, chat_id, "the zebra crossing")
    await make_messages(app, bob, chat_id, 120)
    await indexed(app)
    page = await visit(ann)
    field, beneath = page.get_by_role("searchbox", name="Search chats and people"), page.locator("message-hits")
    hit, status = beneath.get_by_role("link", name="the zebra crossing"), page.locator("#found-count")
    await field.press_sequentially("zeb")
    await expect(hit.locator("mark")).to_have_text("zeb")
    await expect(status).to_have_text("1 chat, 1 message")
    await field.press("ArrowDown")
    await expect(page.locator(f"#chat-{group} .row__link")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(hit).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator('.message[data-seq="1"]')).to_be_in_viewport()
    await expect(hit).to_be_visible()
    await hit.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(field).to_be_focused()
    await hit.press("Escape")
    await expect(field).to_be_focused()
    await expect(field).to_have_value("")
    await expect(page.locator("#chats > .row")).to_have_count(2)
    await expect(status).to_be_empty()
    await field.fill("zebra lo")
    await expect(status).to_have_text("1 chat")
    await field.press("Enter")
    await expect(page.get_by_role("main").get_by_role("heading", name="Zebra lovers")).to_be_visible()
    await field.fill("nothing like it")
    await expect(status).to_have_text("Nothing found")


async def test_of_several_answers_the_last_one_counts(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    for body in ("apple pie", "apricot cake"):
        await make_message(app, bob, chat_id, body)
    await indexed(app)
    page, held = await visit(ann), asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        with contextlib.suppress(Error):  # given up by the page
            await route.continue_()

    await page.route("**/search?q=app", hold)
    field, beneath = page.locator("#inbox .search input"), page.locator("message-hits")
    async with page.expect_request("**/search?q=app"):
        await field.fill("app")
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/search?q=app")):
        await field.fill("apri")
    await expect(beneath.get_by_role("link")).to_have_count(1)
    held.set()
    await expect(beneath.locator("mark")).to_have_text("apri")


async def test_the_switcher(app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member) -> None:
    direct, group = await make_chat(app, ann, bob), await make_group(app, ann, bob, name="Café des Amis")
    await make_message(app, bob, direct, "Hello")
    page = await visit(ann, f"/chats/{direct}")
    await page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Go to a chat")
    field = dialog.get_by_role("searchbox")
    await expect(field).to_be_focused()
    await expect(dialog.get_by_role("link", name="Bob")).to_be_visible()
    await field.press("ArrowDown")
    await expect(dialog.locator("#places a:focus")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("amis")
    await expect(dialog.locator("#places .person__link")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Café des Amis")).to_be_visible()
    await expect(dialog).to_be_hidden()
    assert page.url.endswith(f"/chats/{group}")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("cara")
    await expect(dialog.get_by_role("button", name="Cara")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Cara")).to_be_visible()


async def test_without_scripts(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    for number in range(45):
        await make_message(app, bob, chat_id, f"kiwi {number}")
    await indexed(app)
    page = await visit(ann, f"/chats/{chat_id}", java_script_enabled=False)
    await page.get_by_role("link", name="Search in this chat").click()
    await page.get_by_role("main").get_by_role("searchbox").fill("kiwi")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_text("45 messages")).to_be_visible()
    await page.get_by_role("link", name="Older messages").click()
    await page.get_by_role("link", name="kiwi 24").click()
    await expect(page.locator('.message[data-seq="25"]')).to_be_visible()
    await page.goto("/chats?q=kiwi")
    await page.get_by_role("link", name="Search messages for “kiwi”").click()
    await page.get_by_text("Filters", exact=True).click()
    await page.get_by_label("From").fill("bob")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.get_by_role("link", name="Remove the filter from: bob")).to_be_visible()
    await page.goto(f"/chats/{chat_id}/search")
    await page.get_by_label("Go to a date").fill("2020-01-01")
    await page.get_by_role("button", name="Go").click()
    await expect(page.locator('.message[data-seq="1"]')).to_be_visible()
