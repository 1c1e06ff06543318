"""A poll between two browsers: asked and answered by keyboard, live, and the same after a reload."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from app.polls import drafts
from app.polls.results import NAMED
from tests.browser.conftest import Visit
from tests.browser.conversation import expect_as_loaded, expect_tick
from tests.browser.test_accessibility import CALM, violations
from tests.make import Member, make_group, make_messages
from tests.polls.test_asking import ask
from tests.polls.test_voting import choose, crowd

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

PHONE = {"width": 390, "height": 844}
COUNTS = """() => [...document.querySelectorAll('.poll__option')].map((option) => {
  const mine = getComputedStyle(option.querySelector('.poll__mine')).display !== 'none';
  return [option.querySelector('.poll__count').firstChild.data, option.querySelector('meter').value, mine].join(' ');
})"""


async def expect_counts(page: Page, *counts: str) -> None:
    """Of each option its votes, its bar, and whether it is mine."""
    await page.wait_for_function(f"expected => JSON.stringify(({COUNTS})()) === expected", arg=_json(counts))


def _json(values: tuple[str, ...]) -> str:
    return "[" + ",".join(f'"{value}"' for value in values) + "]"


async def test_asking_and_voting_by_keyboard(visit: Visit, ann: Member, bob: Member, app: Starlette) -> None:
    group = await make_group(app, ann, bob)
    await make_messages(app, bob, group, 30)
    for member in (ann, bob):
        await member.post(f"/chats/{group}/read", data={"seq": "32"})
    hers, his = await visit(ann, f"/chats/{group}"), await visit(bob, f"/chats/{group}")
    await hers.get_by_label("Attach").focus()
    await hers.keyboard.press("Enter")
    await hers.keyboard.press("Tab")
    await hers.keyboard.press("Enter")
    await expect(hers.get_by_label("Question")).to_be_focused()
    await hers.keyboard.type("Where to?")
    await hers.keyboard.press("Tab")
    for option in ("Soup", "Oops", "Noodles"):
        await hers.keyboard.type(option)
        await hers.keyboard.press("Enter")
    rows = hers.locator(".options__row:visible")
    await expect(rows).to_have_count(4)
    await hers.get_by_role("button", name="Remove option 2").click()
    await expect(rows).to_have_count(3)
    await expect(rows.nth(1).locator("input")).to_have_value("Noodles")
    await hers.locator(".options__row input").nth(2).focus()
    await hers.keyboard.press("Backspace")
    await expect(rows.nth(1).locator("input")).to_be_focused()
    await hers.get_by_label("Allow several answers").uncheck()
    await hers.get_by_role("button", name="Send").last.click()
    await expect(hers.locator("#sheet")).to_be_hidden()
    await expect(hers.locator("poll-card")).to_be_in_viewport()
    await expect(his.locator("poll-card")).to_be_in_viewport()

    await his.locator(".message[tabindex='0']").focus()
    for key in ("End", "Tab", "Tab"):
        await his.keyboard.press(key)
    await expect(his.get_by_role("button", name="Noodles")).to_be_focused()
    await his.keyboard.press("Enter")
    await expect_counts(his, "0 0 false", "1 1 true")
    await expect(his.get_by_role("button", name="Noodles 1 vote including yours")).to_be_focused()
    await expect_counts(hers, "0 0 false", "1 1 false")
    await hers.get_by_role("button", name="Soup").click()
    await expect_counts(his, "1 1 false", "1 1 true")
    await his.keyboard.press("Shift+Tab")
    await his.keyboard.press("Enter")
    await expect_counts(hers, "2 2 true", "0 0 false")
    await his.keyboard.press("Enter")
    await expect_counts(hers, "1 1 true", "0 0 false")
    await expect_tick(hers.locator("[data-kind=poll]"), "Read")
    await expect_as_loaded(hers)
    await expect_as_loaded(his)
    await expect_counts(hers, "1 1 true", "0 0 false")

    await his.get_by_role("link", name="View votes").click()
    await expect(his.locator("#sheet .votes__option").first).to_contain_text("Ann")
    await his.keyboard.press("Escape")
    await expect(his.get_by_role("link", name="View votes")).to_be_focused()


async def test_with_very_many_votes_ones_own_is_still_marked(
    visit: Visit, ann: Member, bob: Member, app: Starlette
) -> None:
    group = await make_group(app, ann, bob)
    await ask(ann, group)
    await crowd(app, group, NAMED, 3)
    place = f"/chats/{group}/messages/3/votes"
    page = await visit(bob, f"/chats/{group}")
    await choose(bob, place, 1)
    mine = page.locator(".poll__option[data-mine]")
    await expect(mine).to_contain_text("Noodles")
    await choose(ann, place, 1)
    await expect(mine).to_contain_text("69 votes including yours")
    await page.reload()
    await expect(mine).to_contain_text("Noodles")


async def test_without_scripts(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}", java_script_enabled=False, viewport=PHONE)
    await page.get_by_label("Attach").click()
    await page.get_by_role("link", name="Poll").click()
    await expect(page.locator(".options__row")).to_have_count(drafts.MOST)
    await page.get_by_label("Question").fill("Where to?")
    await page.get_by_label("Option 1", exact=True).fill("Soup")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".field__error")).to_be_visible()
    await expect(page.get_by_label("Question")).to_have_value("Where to?")
    await page.get_by_label("Option 12", exact=True).fill("Noodles")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_role("button", name="Noodles").click()
    await expect(page.locator("poll-card")).to_be_in_viewport()
    assert await page.evaluate(COUNTS) == ["0 0 false", "1 1 true"]
    await page.get_by_role("link", name="View votes").click()
    await expect(page.locator(".votes__option").last).to_contain_text("You")


async def test_it_is_accessible(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    await ask(bob, chat_id)
    await choose(ann, f"/chats/{chat_id}/messages/1/votes", 1)
    page = await visit(ann, f"/chats/{chat_id}", **CALM)
    await page.get_by_label("Attach").click()
    found = await violations(page)
    await page.get_by_role("link", name="Poll").click()
    await expect(page.get_by_label("Question")).to_be_focused()
    found += await violations(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_label("Attach")).to_be_focused()
    await page.get_by_role("link", name="View votes").click()
    await expect(page.locator(".votes")).to_be_visible()
    found += await violations(page)
    assert found == []
