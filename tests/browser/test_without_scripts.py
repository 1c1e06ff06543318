"""With JavaScript off it is the same messenger, page by page: native links, forms and redirects."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import NewContext, Visit
from tests.make import Member, make_chat, make_group, make_message, make_messages
from tests.server import Running

OFF = {"java_script_enabled": False}
PHONE = {"width": 390, "height": 844}


def bubbles(page: Page) -> Locator:
    return page.locator(".message .bubble__body")


async def say(page: Page, text: str) -> None:
    await page.locator(".composer__field").fill(text)
    await page.get_by_role("button", name="Send").click()


async def test_signing_up_and_the_first_words(server: Running, new_context: NewContext, ann: Member) -> None:
    page = await (await new_context(base_url=server.url, **OFF)).new_page()
    await page.goto("/")
    await expect(page).to_have_url(re.compile("/login"))
    await page.get_by_role("link", name="Create an account").click()
    await page.get_by_label("Your name").fill("Dora Quill")
    await page.get_by_label("Username").fill("ann")
    await page.get_by_label("Password").fill("otters juggle pebbles")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.locator(".field__error")).to_be_visible()
    await expect(page.get_by_label("Your name")).to_have_value("Dora Quill")
    await page.get_by_label("Username").fill("dora")
    await page.get_by_label("Password").fill("otters juggle pebbles")
    await page.get_by_role("button", name="Create account").click()

    await expect(page.get_by_role("heading", name="Chats")).to_be_visible()
    await page.locator(".rail__link[data-section=people]").click()
    await page.get_by_role("button", name="Message Ann").click()
    await expect(page).to_have_title("Ann – Parley")
    await say(page, "Hello from a page without scripts")
    await expect(bubbles(page)).to_have_text(["Hello from a page without scripts"])
    await expect(page).to_have_url(re.compile("#latest$"))
    await page.locator(".rail__link[data-section=you]").click()
    await page.get_by_role("button", name="Dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_url(re.compile("/login"))
    await page.get_by_label("Username").fill("dora")
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_label("Username")).to_have_value("dora")
    await page.get_by_label("Password").fill("otters juggle pebbles")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.locator("#chats > .row .row__title")).to_have_text("Ann")


async def test_reading_and_paging(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_messages(app, bob, chat_id, 120)
    await ann.post(f"/chats/{chat_id}/read", data={"seq": 119})
    page = await visit(ann, **OFF)
    await expect(page.locator("unread-badge")).to_have_text("1")
    await page.locator("#chats > .row").click()
    await expect(bubbles(page).last).to_have_text("120")
    await expect(bubbles(page).last).to_be_in_viewport()
    await expect(page.locator(".composer__field")).to_be_in_viewport()
    await page.get_by_role("button", name="Mark read").click()
    await expect(page.locator("unread-badge")).to_be_empty()
    await expect(page.get_by_role("button", name="Mark read")).to_have_count(0)

    await page.get_by_role("link", name="Older messages").click()
    await expect(bubbles(page).filter(has_text=re.compile("^120$"))).to_have_count(0)
    while await (older := page.get_by_role("link", name="Older messages")).count():
        first = await bubbles(page).first.text_content()
        await older.click()
        await expect(bubbles(page).first).not_to_have_text(first or "")
    await expect(bubbles(page).first).to_have_text("1")
    await page.get_by_role("link", name="Newer messages").click()
    await expect(bubbles(page).filter(has_text=re.compile("^1$"))).to_have_count(0)
    await page.locator("#chats > .row").click()
    await make_message(app, bob, chat_id, "meanwhile")
    await page.get_by_role("link", name="Refresh").click()
    await expect(bubbles(page).last).to_have_text("meanwhile")
    await page.get_by_role("searchbox").fill("bob")
    await page.keyboard.press("Enter")
    await expect(page.locator("#chats > .row")).to_have_count(1)


async def test_editing_deleting_hiding(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    message = await make_message(app, ann, chat_id, "first")
    await make_message(app, bob, chat_id, "second")
    page = await visit(ann, f"/chats/{chat_id}", **OFF)
    mine = page.locator(f"#message-{message.id}")
    menu = mine.get_by_role("link", name="Message actions")
    await menu.click()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_role("textbox", name="Message", exact=True).fill(" \u200b ")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_role("textbox", name="Message", exact=True).fill("first, edited")
    await page.get_by_role("button", name="Save").click()
    await expect(mine.locator(".bubble__body")).to_have_text("first, edited")
    await expect(mine).to_be_in_viewport()
    await menu.click()
    await page.get_by_text("Delete for everyone").click()
    await page.get_by_role("button", name="Delete", exact=True).click()
    await expect(mine.locator(".bubble__body")).to_have_text("This message was deleted")
    await menu.click()
    await page.get_by_role("button", name="Delete for me").click()
    await expect(mine).to_have_count(0)
    await expect(bubbles(page)).to_have_text(["second"])

    too_long = "x" * 30_000
    await page.locator(".composer__field").fill(too_long)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator(".composer__field")).to_have_value(too_long)


async def test_groups(app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member) -> None:
    page = await visit(ann, "/groups", viewport=PHONE, **OFF)
    await page.get_by_role("link", name="New group").click()
    await page.get_by_label("Name", exact=True).fill("  ")
    await page.get_by_label("Description").fill("For books")
    await page.get_by_label("Bob").check()
    await page.get_by_role("button", name="Create group").click()
    await expect(page.locator(".field__error")).to_be_visible()
    await expect(page.get_by_label("Description")).to_have_value("For books")
    await expect(page.get_by_label("Bob")).to_be_checked()
    await page.get_by_label("Name", exact=True).fill("Book club")
    await page.get_by_role("button", name="Create group").click()
    await expect(page).to_have_title("Book club – Parley")
    await page.get_by_role("link", name="Group info").click()
    await page.get_by_role("link", name="Add members").click()
    await page.get_by_label("Cara").check()
    await page.get_by_role("button", name="Add to group").click()
    await page.get_by_role("link", name="Group info").click()
    await page.get_by_label("Manage Bob").click()
    await page.get_by_role("button", name="Make admin").click()
    await expect(page.locator(".member", has_text="Bob").locator(".tag")).to_have_text("Admin")
    await page.get_by_label("Manage Cara").click()
    await page.get_by_role("button", name="Remove from group").click()
    await expect(page.locator(".member")).to_have_count(2)
    await page.get_by_role("link", name="Edit group").click()
    await page.get_by_label("Name", exact=True).fill("Reading group")
    await page.get_by_label("Public").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page).to_have_title("Reading group – Parley")
    await page.get_by_role("link", name="Group info").click()
    await page.get_by_text("Leave group").click()
    await page.get_by_role("button", name="Leave").click()
    await expect(page.locator(".composer--closed")).to_be_visible()
    await page.get_by_role("link", name="Back to your chats").click()
    await expect(page.locator("#chats > .row")).to_be_visible()
    await page.locator(".rail__link[data-section=groups]").click()
    await page.get_by_role("button", name="Join Reading group").click()
    await expect(page.locator(".composer__field")).to_be_visible()


async def test_people_profile_password_and_devices(app: Starlette, visit: Visit, ada: Member, bob: Member) -> None:
    await make_group(app, ada, bob)
    page = await visit(ada, "/users", **OFF)
    await page.get_by_label("Username").fill("nobody")
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_label("Username")).to_have_value("nobody")
    await page.get_by_label("Username").fill("bob")
    await page.get_by_role("button", name="Add").click()
    await page.get_by_role("button", name="Remove contact").click()
    await expect(page.get_by_role("heading", name="Your contacts")).to_have_count(0)
    await page.goto("/you/edit")
    await page.get_by_label("Name", exact=True).fill("Ada L.")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".you")).to_contain_text("Ada L.")
    await page.goto("/password")
    await page.get_by_label("Current password").fill("wrong")
    await page.get_by_label("New password").fill("otters juggle pebbles")
    await page.get_by_role("button").last.click()
    await expect(page.locator(".field__error")).to_be_visible()
    await page.goto("/invites")
    await page.get_by_role("button", name="New invite link").click()
    link = await page.locator("#invite-link").input_value()
    await page.goto("/devices")
    await expect(page.get_by_text("This device")).to_be_visible()
    await page.goto("/you")
    await page.get_by_role("button", name="Sign out").click()
    await page.goto(link)
    await expect(page.get_by_role("heading", name="You are invited")).to_be_visible()
    await page.get_by_label("Your name").fill("Eve")
    await page.get_by_label("Username").fill("eve")
    await page.get_by_label("Password").fill("otters juggle pebbles")
    await page.get_by_role("button", name="Create account").click()
    await expect(page.get_by_role("heading", name="Chats")).to_be_visible()
