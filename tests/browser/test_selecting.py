"""Several messages are ticked, by pointer, keys and finger, and something is done with all of them."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, bubble, expect_as_loaded, field, scroll_top, top_of, wheel
from tests.browser.test_accessibility import CALM, violations
from tests.browser.test_keeping import choose
from tests.make import Member, make_chat, make_message, make_messages

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

TICKED = f"{MESSAGES}[data-ticked]"


async def select(page: Page, text: str) -> None:
    await choose(page, text, "Select")
    await expect(page.locator("#sheet")).to_be_hidden()
    await expect(page.locator("selection-bar output")).to_have_text("1 selected")


async def expect_ticked(page: Page, *texts: str) -> None:
    await expect(page.locator("selection-bar output")).to_have_text(f"{len(texts)} selected")
    await expect(page.locator(f"{TICKED} .bubble__body")).to_have_text(list(texts))


async def press(page: Page, name: str) -> None:
    await page.locator("selection-bar").get_by_role("button", name=name).click()


@pytest.fixture
async def talk(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    for sender, body in ((ann, "One"), (bob, "Two"), (ann, "Three"), (bob, "https://four.example"), (ann, "Five")):
        await make_message(app, sender, chat_id, body)
    return chat_id


async def test_ticks_by_pointer_range_and_keys(visit: Visit, ann: Member, talk: int) -> None:
    page = await visit(ann, f"/chats/{talk}", **CALM)
    await field(page).fill("Half a thought")
    await select(page, "Two")
    await expect(bubble(page, "Two").get_by_role("checkbox")).to_be_focused()
    await expect(field(page)).to_be_hidden()
    await page.locator(".bubble__body a").click()  # what is in a message does nothing now
    await expect_ticked(page, "Two", "https://four.example")
    await bubble(page, "Five").get_by_role("checkbox").click()
    await bubble(page, "Two").click()
    await expect_ticked(page, "https://four.example", "Five")
    await bubble(page, "One").click()
    await bubble(page, "Three").click(modifiers=["Shift"])
    await expect_ticked(page, "One", "Two", "Three", "https://four.example", "Five")
    await page.keyboard.press("Home")
    await page.keyboard.press("Space")
    await expect_ticked(page, "Two", "Three", "https://four.example", "Five")
    for key in ("ArrowDown", "Space", "ArrowDown", "Space"):
        await page.keyboard.press(key)
    await expect_ticked(page, "https://four.example", "Five")
    await page.keyboard.press("Home")
    await page.keyboard.press("Shift+ArrowDown")
    await expect_ticked(page, "One", "Two", "https://four.example", "Five")
    assert await violations(page) == []
    await page.keyboard.press("r")
    await expect(page.locator("#reply .quote")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("selection-bar, .selection__tick")).to_have_count(0)
    await expect(bubble(page, "Two")).to_be_focused()
    await expect(field(page)).to_have_value("Half a thought")


async def test_what_is_copied_has_the_time_of_the_reader(visit: Visit, ann: Member, talk: int) -> None:
    zone = {"timezone_id": "Asia/Kathmandu", "permissions": ["clipboard-read", "clipboard-write"]}
    page = await visit(ann, f"/chats/{talk}", **zone)
    await select(page, "One")
    await bubble(page, "Two").click()
    await press(page, "Copy")
    await expect(page.locator("selection-bar")).to_have_count(0)
    copied = await page.evaluate("navigator.clipboard.readText()")
    first, second = copied.split("\n")
    assert re.fullmatch(r"\[\d\d/\d\d/\d{4}, \d\d:\d\d:\d\d\] Ann: One", first)
    assert second.endswith("] Bob: Two")
    shown = await bubble(page, "One").locator("time").inner_text()
    minutes = re.findall(r"\d\d", shown)
    assert first.split(", ")[1][:5].split(":")[1] == minutes[-1]


async def test_stars_forwards_and_deletions_of_several(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member, talk: int
) -> None:
    other = await make_chat(app, ann, cara)
    await make_message(app, cara, other, "Hi Ann")
    page, his, hers = (
        await visit(ann, f"/chats/{talk}"),
        await visit(bob, f"/chats/{talk}"),
        await visit(cara, f"/chats/{other}"),
    )
    for _ in range(2):  # star, and take the star away
        await select(page, "One")
        await bubble(page, "Two").click()
        await page.locator("selection-bar [data-do=star]").click()
        await expect(page.locator("selection-bar")).to_have_count(0)
    await expect(page.locator(f"{MESSAGES}[data-starred]")).to_have_count(0)
    await select(page, "Three")
    await bubble(page, "Two").click()
    await press(page, "Forward")
    await page.locator("#sheet").get_by_label("Cara").check()
    await page.locator("#sheet").get_by_role("button", name="Forward").click()
    await expect(page.locator("selection-bar")).to_have_count(0)
    await expect(page.locator(".toast")).to_have_text("Forwarded to \u2068Cara\u2069")
    await expect(hers.locator(f"{MESSAGES} .bubble__body")).to_have_text(["Hi Ann", "Two", "Three"])
    await select(page, "One")
    await bubble(page, "Five").click()
    await press(page, "Delete")
    await page.locator("#sheet").get_by_role("button", name="Delete for everyone").click()
    await expect(page.locator("selection-bar")).to_have_count(0)
    await expect(his.locator(f"{MESSAGES}[data-deleted]")).to_have_count(2)
    await select(page, "Two")
    await bubble(page, "Three").click()
    await press(page, "Delete")
    await expect(page.locator("#sheet").get_by_role("button", name="Delete for everyone")).to_have_count(0)
    await page.locator("#sheet").get_by_role("button", name="Delete for me").click()
    await expect(page.locator(MESSAGES)).to_have_count(3)
    await expect(his.locator(MESSAGES)).to_have_count(5)
    for each in (page, his, hers):
        await expect_as_loaded(each)


async def test_news_neither_moves_the_view_nor_loses_ticks(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 40)
    await ann.post(f"/chats/{chat_id}/read", data={"seq": "40"})
    page = await visit(ann, f"/chats/{chat_id}")
    await expect(bubble(page, "40")).to_be_in_viewport()
    await select(page, "40")
    for text in ("39", "38", "37"):
        await bubble(page, text).click()
    before = await top_of(page, 40)
    for number in range(5):
        await bob.say(chat_id, f"News {number}\nof two lines")
    await expect(page.locator(MESSAGES, has_text="News 4")).to_be_attached()
    await expect(page.locator(MESSAGES, has_text="News 4").get_by_role("checkbox")).to_be_attached()
    assert abs(await top_of(page, 40) - before) < 1.5
    await bob.post(f"/chats/{chat_id}/messages/39/edit", data={"body": "Edited"})
    await expect(bubble(page, "Edited")).to_have_attribute("data-ticked", "")
    await bob.post(f"/chats/{chat_id}/messages/38/delete")
    await ann.post(f"/chats/{chat_id}/messages/37/hide")
    await expect_ticked(page, "Edited", "40")
    await page.locator(".pill").click()
    await expect(page.locator(MESSAGES, has_text="News 4")).to_be_in_viewport()
    await wheel(page, -400)
    await press(page, "Stop selecting")
    assert await scroll_top(page) < 0
    await expect_as_loaded(page)


async def test_a_finger_ticks(visit: Visit, ann: Member, talk: int) -> None:
    page = await visit(ann, f"/chats/{talk}", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 760})
    await bubble(page, "Two").locator(".bubble").dispatch_event("contextmenu")
    await page.locator("#sheet .menu__item", has_text="Select").tap()
    await expect(page.locator("selection-bar output")).to_have_text("1 selected")
    await page.locator(".bubble__body a").tap()
    await expect_ticked(page, "Two", "https://four.example")
    await bubble(page, "Two").locator(".bubble").dispatch_event("contextmenu")
    await expect(page.locator("#sheet")).to_be_hidden()
    for button in await page.locator("selection-bar button").all():
        box = await button.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 44
    await page.evaluate("history.back()")  # selecting lies on top
    await expect(page.locator("selection-bar")).to_have_count(0)
    await bubble(page, "Two").locator(".bubble").dispatch_event("contextmenu")
    await page.locator("#sheet .menu__item", has_text="Select").tap()
    await press(page, "Stop selecting")
    await expect(bubble(page, "Two")).to_be_visible()
    await page.evaluate("history.back()")
    await expect(page).to_have_url(re.compile("/$"))
    await expect(page.locator("#conversation")).to_have_count(0)


async def test_without_scripts_boxes_and_buttons(visit: Visit, ann: Member, talk: int) -> None:
    page = await visit(ann, f"/chats/{talk}", java_script_enabled=False)
    await bubble(page, "Two").get_by_role("link", name="Message actions").click()
    await page.get_by_role("link", name="Select").click()
    await expect(page.get_by_role("checkbox", name="Bob said").first).to_be_checked()
    await page.get_by_role("checkbox", name="Ann said").first.check()
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_label("Text of the messages")).to_have_value(re.compile(r"Ann: One\n.*Bob: Two$"))
    for name in ("Copy", "Delete", "Forward"):
        await page.get_by_role("link", name="Close").click()
        await expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
        await page.get_by_role("button", name=name).click()
        await expect(page.get_by_role("checkbox", name=" said")).to_have_count(0)
    await page.get_by_role("link", name="Close").click()
    await expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)
    await page.get_by_role("link", name="Close").click()
    await expect(page.locator(".composer__field")).to_be_visible()
    await page.goto(f"/chats/{talk}/select")
    for name in ("Copy", "Star", "Delete", "Forward"):
        await page.get_by_role("button", name=name, exact=True).click()
        await expect(page.get_by_role("alert")).to_be_in_viewport()
    for box in (
        page.get_by_role("checkbox", name="Bob said").first,
        page.get_by_role("checkbox", name="Ann said").first,
    ):
        await box.check()
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Delete for me").click()
    await expect(page.locator(f"{MESSAGES} .bubble__body")).to_have_text(["Three", "https://four.example", "Five"])
