"""Reacting by mouse, touch and keys; the panel of all emoji, and emoji as one writes."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    deafen,
    expect_as_loaded,
    field,
    outboxes,
    say,
    scroll_top,
    top_of,
    wheel,
)
from tests.browser.test_accessibility import CALM, violations
from tests.make import Member, make_chat, make_group, make_message, make_messages

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def chips(item: Locator) -> Locator:
    return item.locator(".reaction")


def panel(page: Page) -> Locator:
    return page.locator("emoji-panel")


def cell(page: Page, name: str) -> Locator:
    return panel(page).get_by_role("gridcell", name=name, exact=True)


async def open_bar(page: Page, text: str) -> Locator:
    await bubble(page, text).locator(".bubble").hover()
    await bubble(page, text).get_by_role("button", name="React").click()
    bar = page.get_by_role("dialog", name="React")
    await expect(bar).to_be_visible()
    return bar


async def is_marked(chip: Locator) -> bool:
    """Whether a chip says that I am among those who chose it."""
    return bool(await chip.evaluate("chip => getComputedStyle(chip).getPropertyValue('--chosen-fill')"))


async def test_a_reaction_travels_and_comes_back(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    for text in ("one", "two"):
        await make_message(app, ann, chat_id, text)
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    await say(his, "three")
    await expect(bubble(hers, "three")).to_be_visible()
    bar = await open_bar(his, "one")
    await expect(bar.get_by_role("button", name="Thumbs up")).to_be_focused()
    await his.keyboard.press("ArrowRight")
    await his.keyboard.press("Enter")
    await expect(bar).to_be_hidden()
    await expect(field(his)).to_be_focused()
    chip = chips(bubble(hers, "one"))
    await expect(chip).to_have_accessible_name(re.compile("❤️ *Bob"))
    assert not await is_marked(chip)
    assert await is_marked(chips(bubble(his, "one")))
    await expect(hers.locator("#chats > .row .row__text")).to_have_text("three")

    await chip.click()
    await expect(chip).to_have_text(re.compile("2.*Bob and Ann"))
    await expect(chip).to_be_focused()
    await expect(chips(bubble(his, "one"))).to_have_text(re.compile("2"))
    await expect_as_loaded(hers)
    await (await open_bar(his, "one")).get_by_role("button", name="Red heart").click()
    await expect(chip).to_have_accessible_name(re.compile("❤️ *You"))
    await chip.click()
    await expect(chip).to_have_count(0)
    await expect(bubble(hers, "one")).to_be_focused()
    for page in (hers, his):
        await expect(chips(page.locator(".messages__list"))).to_have_count(0)
        await expect_as_loaded(page)


async def test_what_was_missed_is_asked_for(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, ann, chat_id, "one")
    page = await visit(ann, f"/chats/{chat_id}")
    (outbox,) = outboxes(app, ann)
    deafen(outbox)
    await bob.post(f"/chats/{chat_id}/messages/1/react", data={"emoji": "🎉"})
    del outbox.put
    await bob.post(f"/chats/{chat_id}/messages/1/react", data={"emoji": "🎈"})
    await expect(chips(bubble(page, "one"))).to_have_text(re.compile("🎈"))
    await make_message(app, bob, chat_id, "two")
    await expect(bubble(page, "two")).to_be_visible()
    await expect_as_loaded(page)


async def test_the_list_stands_still(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_messages(app, ann, chat_id, 45)
    page = await visit(ann, f"/chats/{chat_id}")

    async def react(seq: int, emoji: str) -> None:
        await bob.post(f"/chats/{chat_id}/messages/{seq}/react", data={"emoji": emoji})
        await expect(chips(page.locator(f"{MESSAGES}[data-seq='{seq}']"))).to_have_text(re.compile(emoji))

    await react(45, "👍")
    assert await scroll_top(page) == 0
    await expect(chips(page.locator(MESSAGES).last)).to_be_in_viewport(ratio=1)
    await wheel(page, -600)
    seq = await page.evaluate(
        f"""() => {{
          const {{ top }} = document.querySelector('.messages__scroll').getBoundingClientRect();
          const seen = [...document.querySelectorAll('{MESSAGES}')];
          return Number(seen.find((each) => each.getBoundingClientRect().top > top).dataset.seq);
        }}"""
    )
    before = await top_of(page, seq)
    for above in (seq - 1, seq - 2, seq - 8):
        await react(above, "❤️")
        assert abs(await top_of(page, seq) - before) < 1
    await react(seq, "👍")
    await react(seq, "😂")
    assert abs(await top_of(page, seq) - before) < 1
    await expect(page.locator(".pill__count")).to_be_empty()


async def test_by_keys_from_the_menu_to_the_panel_and_back(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_message(app, bob, chat_id, "one")
    page = await visit(ann, f"/chats/{chat_id}")
    sheet = page.locator("#sheet")
    await page.locator(MESSAGES).focus()
    await page.keyboard.press("Enter")
    await sheet.get_by_role("link", name="All emoji").press("Enter")
    await expect(sheet).to_be_hidden()
    await expect(panel(page).get_by_role("searchbox")).to_be_focused()
    await expect(cell(page, "grinning face")).to_be_visible()
    await page.keyboard.type("ott")
    await expect(panel(page).get_by_role("status")).to_have_text("1 found")
    await page.keyboard.press("Escape")
    await expect(panel(page)).to_be_hidden()
    await expect(bubble(page, "one")).to_be_focused()
    await page.keyboard.press("Enter")
    await sheet.get_by_role("link", name="All emoji").press("Enter")
    await page.keyboard.type("otter")
    await expect(cell(page, "otter")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(chips(bubble(page, "one"))).to_have_text(re.compile("🦦"))
    await expect(bubble(page, "one")).to_be_focused()
    await chips(bubble(page, "one")).click(button="right")
    await expect(sheet.locator(".reactor")).to_have_count(1)
    await sheet.get_by_role("button", name="Take 🦦 back").click()
    await expect(chips(bubble(page, "one"))).to_have_count(0)
    await expect(sheet).to_be_hidden()


async def test_emoji_in_the_composer(visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await field(page).fill("well ")
    assert not any("emoji.txt" in url for url in asked)
    button = page.get_by_role("button", name="Emoji")
    await button.click()
    await expect(cell(page, "grinning face")).to_be_visible()
    await page.keyboard.press("ArrowDown")
    await expect(cell(page, "grinning face")).to_be_focused()
    for key, name in (
        ("ArrowRight", "grinning face with big eyes"),
        ("End", "face with tears of joy"),
        ("ArrowDown", "smiling face with heart-eyes"),
        ("Home", "slightly smiling face"),
        ("ArrowLeft", "face with tears of joy"),
    ):
        await page.keyboard.press(key)
        await expect(cell(page, name)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("well 😂")
    await expect(cell(page, "face with tears of joy").last).to_be_focused()
    await page.keyboard.type("thumbs up")
    await expect(cell(page, "thumbs up")).to_be_visible()
    await panel(page).get_by_role("button", name="Medium dark").click()
    await cell(page, "thumbs up").click()
    await expect(field(page)).to_have_value("well 😂👍🏾")
    await page.keyboard.press("Escape")
    await expect(field(page)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(f"{MESSAGES}[data-seq] .bubble__body")).to_have_text("well 😂👍🏾")

    await page.reload()
    await button.click()
    last = panel(page).get_by_role("grid", name="Used last").get_by_role("gridcell")
    await expect(last).to_have_text(["👍🏾", "😂"])
    await expect(panel(page).get_by_role("button", name="Medium dark")).to_have_attribute("aria-pressed", "true")
    await expect(cell(page, "waving hand")).to_have_text("👋🏾")
    await panel(page).get_by_role("button", name="Flags").click()
    await expect(cell(page, "chequered flag")).to_be_in_viewport()
    await button.click()
    await expect(panel(page)).to_be_hidden()


async def test_short_codes_become_emoji(visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    options = page.get_by_role("listbox", name="Emoji").get_by_role("option")
    await field(page).press_sequentially("at 10:30 :smi")
    await expect(options).to_have_count(8)
    await expect(field(page)).to_have_attribute("aria-activedescendant", "completion-0")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("at 10:30 😄")
    await expect(options).to_have_count(0)
    await page.keyboard.press("Control+z")
    await expect(field(page)).to_have_value("at 10:30 :smi")
    await field(page).fill(":ca")
    await expect(options.first).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Enter")
    await field(page).press_sequentially(":ca")
    await expect(options.first).to_be_visible()
    await field(page).fill("")

    await field(page).press_sequentially("a :cat")
    await expect(options.first).to_be_visible()
    await page.keyboard.press("Escape")
    await field(page).press_sequentially("s")
    await expect(field(page)).to_have_value("a :cats")
    await expect(options).to_have_count(0)
    await field(page).press_sequentially(" :tad")
    await expect(options.first).to_be_visible()
    await page.keyboard.press("Tab")
    await field(page).press_sequentially(" :wave: :nosuch:")
    await expect(field(page)).to_have_value("a :cats 🎉 👋 :nosuch:")
    await page.keyboard.press("Enter")
    await expect(page.locator(f"{MESSAGES}[data-seq] .bubble__body").last).to_have_text("a :cats 🎉 👋 :nosuch:")

    await field(page).press_sequentially(":otte")
    await options.filter(has_text="otter").click()
    await expect(field(page)).to_have_value("🦦")
    await expect(field(page)).to_be_focused()


async def test_nothing_is_completed_while_an_input_method_composes(visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    options = page.get_by_role("option")
    await field(page).press_sequentially(":smi")
    await expect(options.first).to_be_visible()
    client = await page.context.new_cdp_session(page)
    await client.send("Input.imeSetComposition", {"text": "l", "selectionStart": 1, "selectionEnd": 1})
    await expect(options).to_have_count(0)
    await client.send("Input.insertText", {"text": "le"})
    await expect(options.first).to_be_visible()
    await expect(field(page)).to_have_value(":smile")


async def test_on_a_phone(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    message = await make_message(app, bob, group, "one")
    page = await visit(ann, f"/chats/{group}", **PHONE)
    sheet = page.locator("#sheet")
    box = await bubble(page, "one").locator(".bubble").bounding_box()
    assert box
    client = await page.context.new_cdp_session(page)
    finger = [{"x": box["x"] + 20, "y": box["y"] + 20}]
    await client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": finger})
    await expect(sheet).to_be_visible()
    await client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    for button in await sheet.locator(".quick > *").all():
        size = await button.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 44
    await sheet.get_by_role("button", name="Thumbs up").tap()
    await expect(chips(bubble(page, "one"))).to_have_text(re.compile("👍"))
    await expect(sheet).to_be_hidden()
    await bob.post(f"/chats/{group}/messages/{message.seq}/react", data={"emoji": "👍"})
    await expect(chips(bubble(page, "one"))).to_have_text(re.compile("2"))

    await page.get_by_role("button", name="Emoji").tap()
    await cell(page, "grinning face").tap()
    await expect(field(page)).to_have_value("😀")
    await expect(field(page)).not_to_be_focused()
    edge = await panel(page).bounding_box()
    line = await field(page).bounding_box()
    assert edge
    assert line
    assert (edge["x"], edge["width"]) == (0, 390)
    assert edge["y"] + edge["height"] <= line["y"]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_page_by_page(app: Starlette, visit: Visit, ann: Member, bob: Member, scripts: bool) -> None:
    chat_id = await make_chat(app, ann, bob)
    message = await make_message(app, bob, chat_id, "one")
    page = await visit(ann, f"/chats/{chat_id}/messages/1/menu", java_script_enabled=scripts)
    main, item = page.locator("#pane"), page.locator(f"#message-{message.id}")
    await main.get_by_role("button", name="Red heart").click()
    await expect(chips(item)).to_have_text(re.compile("❤️"))
    await expect(item).to_be_in_viewport()
    await page.goto(f"/chats/{chat_id}/messages/1/react")
    await main.get_by_role("searchbox").fill("otter")
    await main.get_by_role("searchbox").press("Enter")
    await expect(main.locator(".all-emoji__group button")).to_have_count(1)
    await main.get_by_role("button", name="otter").click()
    await expect(chips(item)).to_have_text(re.compile("🦦"))
    await chips(item).click()
    await expect(chips(item)).to_have_count(0)
    await bob.post(f"/chats/{chat_id}/messages/1/react", data={"emoji": "🎉"})
    await page.goto(f"/chats/{chat_id}")
    await chips(item).click()
    await expect(chips(item)).to_have_text(re.compile("2"))
    await page.goto(f"/chats/{chat_id}/messages/1/reactions")
    await main.get_by_role("button", name="Take 🎉 back").click()
    await expect(chips(item)).not_to_have_text(re.compile("2"))


async def test_axe_finds_nothing(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    seqs = [(await make_message(app, who, group, "one")).seq for who in (ann, bob)]
    for seq in seqs:
        for who, emoji in ((ann, "👍"), (bob, "🎉")):
            await who.post(f"/chats/{group}/messages/{seq}/react", data={"emoji": emoji})
    page = await visit(ann, f"/chats/{group}", **CALM)
    await page.locator(MESSAGES).last.locator(".bubble").hover()
    await page.locator(MESSAGES).last.get_by_role("button", name="React").click()
    found = await violations(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Emoji").click()
    await page.keyboard.type("ca")
    await expect(cell(page, "cat face")).to_be_visible()
    found += await violations(page)
    await page.keyboard.press("Escape")
    await field(page).press_sequentially(":smi")
    await expect(page.get_by_role("option").first).to_be_visible()
    found += await violations(page)
    for path in ("react?q=cat", "reactions"):
        await page.goto(f"/chats/{group}/messages/{seqs[0]}/{path}")
        found += await violations(page)
    assert found == []
