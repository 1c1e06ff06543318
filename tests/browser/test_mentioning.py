"""Somebody is named: the list after an @, the mark in the list of chats."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette

from tests.browser.conftest import Visit
from tests.browser.conversation import MESSAGES, expect_as_loaded, field, outboxes, say
from tests.make import Member, make_chat, make_group, make_message

pytestmark = pytest.mark.torture  # long, as a journey through several browsers is


async def test_people_are_picked_and_find_their_mark(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob, cara)
    await make_message(app, bob, group, "Here")
    direct = await make_chat(app, bob, cara)
    hers, his = await visit(ann, f"/chats/{group}"), await visit(bob, f"/chats/{direct}")
    options = hers.get_by_role("listbox", name="People").get_by_role("option")
    await field(hers).press_sequentially("Hi @")
    await expect(options).to_have_count(3)
    await expect(options.first).to_contain_text("Bob")
    await expect(options.last).to_contain_text("Everybody")
    await field(hers).press_sequentially("b")
    await expect(options).to_have_count(1)
    await field(hers).press("Enter")
    await expect(field(hers)).to_have_value("Hi @bob ")
    await field(hers).press("Enter")
    mention = hers.locator(f"{MESSAGES} .mention")
    await expect(mention).to_have_text("@Bob")

    row = his.locator(f"#chat-{group}")
    await expect(row.locator(".row__mention")).to_be_visible()
    await expect(row.locator("unread-badge")).to_have_text("1")
    await bob.post("/you/edit", data={"display_name": "Bert"})
    await expect(mention).to_have_text("@Bert")
    await expect_as_loaded(hers)
    await his.reload()
    await expect(row.locator(".row__mention")).to_be_visible()
    await row.locator(".row__link").click()
    await expect(his.locator(f"{MESSAGES} .mention")).to_be_visible()
    await expect(row.locator(".row__mention")).to_be_hidden()
    colours = "element => getComputedStyle(element).backgroundColor"
    mine, others = [await page.locator(".mention").evaluate(colours) for page in (his, hers)]
    assert mine != others

    await his.locator(f"#chat-{direct} .row__link").click()
    await say(hers, "Nobody")
    await expect(row.locator("unread-badge")).to_have_text("1")
    await expect(row.locator(".row__mention")).to_be_hidden()
    await say(hers, "@all")
    await expect(row.locator(".row__mention")).to_be_visible()


async def test_who_was_away_finds_the_mark_too(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    his = await visit(bob)
    for outbox in outboxes(app, bob):
        outbox.close(1012)
    await ann.say(group, "@bob?")
    await expect(his.locator("html[data-opened='2']")).to_be_attached()
    await expect(his.locator(f"#chat-{group} .row__mention")).to_be_visible()


async def test_a_mention_breaks_through_a_mute_and_marks_the_archive(
    app: Starlette, visit: Visit, ann: Member, bob: Member
) -> None:
    muted, archived = await make_group(app, ann, bob), await make_group(app, ann, bob)
    for group in (muted, archived):
        await bob.post(f"/chats/{group}/read")
    await bob.post(f"/chats/{muted}/mute", data={"for": "always"})
    await bob.post(f"/chats/{archived}/archive")
    his = await visit(bob)
    sign = his.locator("#archive .archive__mention")
    for group in (muted, archived):
        await ann.say(group, "Anybody")
    await expect(his.locator(f"#chat-{muted} unread-badge")).to_have_text("1")
    await expect(his.locator("#archive .badge")).to_have_text("1")
    await expect(his).to_have_title(re.compile("^Chats"))
    for group in (muted, archived):
        await ann.say(group, "@bob")
    await expect(his).to_have_title(re.compile(r"^\(1\) "))
    await expect(his.locator(f"#chat-{muted} .row__mention")).to_be_visible()
    await expect(sign).to_be_visible()
    await his.reload()
    await expect(his).to_have_title(re.compile(r"^\(1\) "))
    await expect(sign).to_be_visible()
    await bob.post(f"/chats/{archived}/read")
    await expect(sign).to_be_hidden()
    await bob.post(f"/chats/{muted}/read")
    await expect(his).to_have_title(re.compile("^Chats"))


async def test_an_answer_to_my_words_breaks_through_a_mute(
    app: Starlette, visit: Visit, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    mine = (await make_message(app, bob, group, "Who comes?")).seq
    await ann.post(f"/groups/{group}/members", data={"members": str(cara.id)})
    await bob.post(f"/chats/{group}/mute", data={"for": "always"})
    his = await visit(bob)
    title = f"Chats{(await his.title()).partition('Chats')[2]}"
    await ann.say(group, "Anybody")
    await expect(his.locator(f"#chat-{group} unread-badge")).to_have_text("1")
    await expect(his).to_have_title(title)
    await ann.say(
        group, "I do", reply_to=mine
    )  # a quote of which Cara sees nothing, so frames do not say whose it is
    await expect(his).to_have_title(f"(1) {title}")
    await bob.post(f"/chats/{group}/read")
    await expect(his).to_have_title(title)
