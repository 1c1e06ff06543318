"""Hands on the keyboard, on a phone, and on Back: everything is reached, and focus is never lost."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.make import Member, make_chat, make_group, make_message

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def composer(page: Page) -> Locator:
    return page.locator(".composer__field")


def search(page: Page) -> Locator:
    return page.get_by_role("searchbox", name="Search chats and people")


def open_row(page: Page) -> Locator:
    return page.locator("#chats .row__link[aria-current]")


async def test_chats_are_reached_by_keys(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    third, second, first = [await make_group(app, ann, bob, name=name) for name in ("C", "B", "A")]
    await make_message(app, bob, third)
    await make_message(app, ann, second)
    await make_message(app, ann, first)
    page = await visit(ann)
    await page.keyboard.press("Alt+ArrowDown")
    await expect(open_row(page)).to_have_attribute("href", f"/chats/{first}")
    await expect(composer(page)).to_be_focused()
    await composer(page).fill("half a thought")
    await page.keyboard.press("Alt+Shift+ArrowDown")
    await expect(open_row(page)).to_have_attribute("href", f"/chats/{third}")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(open_row(page)).to_have_attribute("href", f"/chats/{second}")
    await page.keyboard.press("Alt+ArrowUp")
    await expect(composer(page)).to_have_value("half a thought")

    await page.keyboard.press("End")
    await page.keyboard.type("/?")
    await expect(composer(page)).to_have_value("half a thought/?")
    await search(page).focus()
    await page.keyboard.type("zzz")
    await expect(page.locator("#chats > .row")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("#chats > .row")).to_have_count(3)
    await page.keyboard.press("Escape")
    await expect(composer(page)).to_be_focused()


async def test_help_and_search_where_nobody_types(visit: Visit, ann: Member) -> None:
    page = await visit(ann)
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(help_).to_be_visible()
    await page.keyboard.press("/")
    await expect(search(page)).not_to_be_focused()
    await page.keyboard.press("Escape")
    await expect(help_).to_be_hidden()
    await page.keyboard.press("/")
    await expect(search(page)).to_be_focused()
    await expect(search(page)).to_have_value("")


async def test_a_message_menu_by_mouse_and_keys(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    message = await make_message(app, ann, chat_id, "hello")
    page = await visit(ann, f"/chats/{chat_id}")
    item, sheet = page.locator(f"#message-{message.id}"), page.locator("#sheet")
    await item.locator(".bubble").click(button="right")
    await expect(sheet).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()

    await composer(page).focus()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_role("button", name="Emoji")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(page.get_by_label("Attach")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(item.locator("xpath=..").locator(":focus")).to_have_count(1)
    await item.focus()
    await page.keyboard.press("ContextMenu")
    await expect(sheet.get_by_role("link", name="Reply")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(sheet.locator(".menu__item:focus")).to_have_count(1)
    await sheet.get_by_role("link", name="Edit").press("Enter")
    field = sheet.get_by_role("textbox", name="Message")
    await expect(field).to_be_focused()
    await field.fill("")
    await field.fill("hello there")
    await sheet.get_by_role("button", name="Save").click()
    await expect(sheet).to_be_hidden()
    await expect(item.locator(".bubble__body")).to_have_text("hello there")
    await expect(item.locator(":focus")).to_have_count(1)

    await item.locator(".bubble").click(button="right")
    await expect(sheet).to_be_visible()
    await page.mouse.click(5, 5)
    await expect(sheet).to_be_hidden()
    await item.locator(".bubble").click(button="right")
    await sheet.get_by_text("Delete for everyone").click()
    await sheet.get_by_role("button", name="Delete", exact=True).click()
    await expect(sheet).to_be_hidden()
    await expect(item.locator(".bubble__body")).to_have_text("This message was deleted")
    await item.locator(".bubble").click(button="right")
    await sheet.get_by_role("button", name="Delete for me").click()
    await expect(item).to_have_count(0)
    await expect(composer(page)).to_be_focused()


async def test_selecting_text_keeps_the_menu_away(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "some words to select")
    page = await visit(ann, f"/chats/{chat_id}")
    body = page.locator(".bubble__body")
    await body.dblclick()
    assert await page.evaluate("getSelection().toString().trim()") != ""
    await body.click(button="right")
    await expect(page.locator("#sheet")).to_be_hidden()


async def test_copying_and_what_goes_wrong_is_said(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "keep *this*")
    page = await visit(ann, f"/chats/{chat_id}", permissions=["clipboard-read", "clipboard-write"])
    await page.locator(".bubble").click(button="right")
    await page.get_by_role("button", name="Copy text").click()
    await expect(page.locator(".toast")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == "keep this"

    await page.evaluate("document.querySelector('.rail__link[data-section=people]').href = '/users/999'")
    await page.locator(".rail__link[data-section=people]").click()
    await expect(page.locator(".toast[data-tone=error]")).to_have_text(
        "There is nothing here, or nothing that you may see."
    )
    await page.context.set_offline(True)
    await page.locator(".rail__link[data-section=groups]").click()
    await expect(page.locator(".toast").last).to_contain_text("cannot be reached")
    await expect(composer(page)).to_be_visible()


async def test_the_drawer_takes_and_gives_back_focus(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id, other = await make_chat(app, ann, bob), await make_group(app, ann, name="Alone")
    page = await visit(ann, f"/chats/{chat_id}")
    info, drawer = page.get_by_role("link", name="Chat info"), page.locator("#drawer")
    for close in ("Escape", "Enter"):
        await info.click()
        await expect(drawer.get_by_role("link", name="Close")).to_be_focused()
        await page.keyboard.press(close)
        await expect(drawer).to_be_empty()
        await expect(info).to_be_focused()
    await info.click()
    await expect(drawer.get_by_role("heading", name="Bob")).to_be_visible()
    await page.locator(f"#chat-{other}").click()
    await expect(page).to_have_title("Alone – Parley")
    await expect(drawer).to_be_empty()
    await expect(page.locator(".rail__link[aria-current]")).to_have_attribute("data-section", "chats")
    await page.locator(".rail__link[data-section=you]").click()
    await expect(page.locator(".rail__link[aria-current]")).to_have_attribute("data-section", "you")
    await expect(page.locator("#pane")).to_be_focused()


async def test_back_on_a_phone(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    message = await make_message(app, bob, chat_id)
    page = await visit(ann, f"/chats/{chat_id}", **PHONE)
    row, sheet = page.locator(f"#chat-{chat_id} .row__link"), page.locator("#sheet")
    await expect(row).to_be_hidden()
    await page.go_back()
    await expect(row).to_be_visible()
    await expect(row).to_be_focused()
    await row.tap()
    await expect(page.locator("#conversation")).to_be_visible()
    await expect(row).to_be_hidden()

    await press_long(page, page.locator(f"#message-{message.id} .bubble"))
    await expect(sheet).to_be_visible()
    await page.evaluate("history.back()")
    await expect(sheet).to_be_hidden()
    await expect(page.locator("#conversation")).to_be_visible()
    await page.get_by_role("link", name="Chat info").tap()
    await expect(page.locator("#drawer")).to_be_visible()
    await page.evaluate("history.back()")
    await expect(page.locator("#drawer")).to_be_hidden()
    await page.get_by_role("link", name="Search in this chat").tap()
    field = page.get_by_role("searchbox", name="Search in this chat")
    await expect(field).to_be_focused()
    box = await field.bounding_box()
    assert box
    assert box["width"] > 250
    await page.evaluate("history.back()")
    await expect(page.locator("chat-search")).to_be_hidden()
    await expect(page.get_by_role("link", name="Search in this chat")).to_be_focused()
    await expect(page.locator("#conversation")).to_be_visible()
    length = await page.evaluate("history.length")
    await page.get_by_role("link", name="Back to your chats").tap()
    await expect(row).to_be_visible()
    assert await page.evaluate("history.length") == length
    await page.go_forward()
    await expect(page.locator("#conversation")).to_be_visible()


async def press_long(page: Page, target: Locator) -> None:
    """A finger that stays; lifted only once something has come of it."""
    box = await target.bounding_box()
    assert box
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    session = await page.context.new_cdp_session(page)
    await session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    await expect(page.locator("#sheet")).to_be_visible()
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
