"""Writing: what Enter does, what is sent once and in order, and that no word is ever lost."""

from __future__ import annotations

from playwright.async_api import Page, Route, expect
from starlette.applications import Starlette

from app.groups import service as groups
from app.limits import Limit
from tests.browser.conftest import Visit
from tests.browser.conversation import (
    MESSAGES,
    bubble,
    deafen,
    expect_as_loaded,
    expect_tick,
    field,
    hold_sends,
    outboxes,
    say,
)
from tests.make import Member, make_group, make_message, make_messages

SEND = "**/chats/*/messages"
IME = """(field, how) => field.dispatchEvent(
  new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...how }))"""


async def bodies(page: Page) -> list[str]:
    return await page.locator(f"{MESSAGES} .bubble__body").all_inner_texts()


async def test_enter_sends_and_shift_enter_does_not(visit: Visit, ann: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    await expect(field(page)).to_be_focused()
    for keys in ("Enter", "Space", "Shift+Enter", "Enter"):
        await field(page).press(keys)
    await field(page).fill("\u200b \u2060\n")
    await field(page).press("Enter")
    await expect(page.locator(MESSAGES)).to_have_count(0)

    await field(page).fill("")
    await page.keyboard.type("日本")
    await field(page).evaluate(IME, {"isComposing": True})
    await field(page).evaluate(IME, {"keyCode": 229})
    await expect(page.locator(MESSAGES)).to_have_count(0)
    await expect(field(page)).to_have_value("日本")

    await field(page).fill("\n\n one")
    await field(page).press("Shift+Enter")
    await page.keyboard.type("two ")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    await expect(page.locator(f"{MESSAGES}[data-seq]")).to_have_count(1)
    assert await bodies(page) == [" one\ntwo"]
    await field(page).fill("by the button")
    await page.locator(".composer__send").dblclick()
    await expect(page.locator(f"{MESSAGES}[data-seq]")).to_have_count(2)
    await expect_as_loaded(page)


async def test_on_a_phone_enter_breaks_the_line(visit: Visit, ann: Member, chat_id: int) -> None:
    phone = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}
    page = await visit(ann, f"/chats/{chat_id}", **phone)
    await field(page).fill("one")
    await field(page).press("Enter")
    await page.keyboard.type("two")
    await expect(field(page)).to_have_value("one\ntwo")
    await page.locator(".composer__send").tap()
    await expect(page.locator(f"{MESSAGES}[data-seq='1']")).to_be_visible()


async def test_my_bubble_is_there_at_once_and_stays(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    held = await hold_sends(page)
    took = await field(page).evaluate(
        """field => [1, 2, 3].map(number => {
          field.value = number < 3 ? `slow ${number}` : 'quick';
          const begin = performance.now();
          field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
          [...document.querySelectorAll('.message[data-state=pending] .ticks')].at(-1).getBoundingClientRect();
          return performance.now() - begin;
        })"""
    )
    assert min(took) < 50
    mine = bubble(page, "quick")
    await expect(mine).to_have_attribute("data-state", "pending")
    await expect_tick(mine, "Sending")
    await page.keyboard.type("the next")
    before, id_ = await mine.bounding_box(), await mine.get_attribute("id")
    assert id_
    assert id_[len("message-xxxxxxxx-xxxx-")] == "7"
    for number in range(3):
        await expect(page.locator(f"{MESSAGES}[data-seq]")).to_have_count(number)
        (await held.get())()
    await expect(mine).to_have_attribute("data-seq", "3")
    assert await mine.bounding_box() == before
    assert await mine.get_attribute("id") == id_
    await expect(page.locator(MESSAGES)).to_have_count(3)
    await expect(field(page)).to_have_value("the next")
    await expect(field(page)).to_be_focused()


async def test_what_is_refused_can_be_sent_again_or_given_up(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    await say(page, "x" * 20_001)
    failed = page.locator(f"{MESSAGES}[data-state=failed]")
    await expect(failed.locator(".failed")).to_contain_text("a message takes 20,000")
    await expect_tick(failed, "Not sent")
    await say(page, "goes past it")
    await expect(bubble(page, "goes past it")).to_have_attribute("data-seq", "1")
    await failed.get_by_role("button", name="Delete").click()
    await expect(failed).to_have_count(0)

    async def lose_answer(route: Route) -> None:
        await route.fetch()
        await route.fulfill(status=409, content_type="application/problem+json", body='{"detail": "Odd."}')

    await page.route(SEND, lose_answer, times=2)
    deaf = outboxes(app, ann)[0]
    deafen(deaf)
    await say(page, "only once")
    await expect(failed.locator(".failed")).to_contain_text("Odd.")
    await failed.get_by_role("button", name="Retry").click()
    await expect(failed.locator(".failed")).to_contain_text("Odd.")
    await failed.get_by_role("button", name="Retry").click()
    await expect(bubble(page, "only once")).to_have_attribute("data-seq", "2")
    del deaf.put
    await page.route(SEND, lose_answer, times=1)
    await say(page, "heard before it was answered")
    await expect(bubble(page, "heard before it was answered")).to_have_attribute("data-seq", "3")
    await expect(page.locator(MESSAGES)).to_have_count(3)
    await expect(failed).to_have_count(0)

    app.state.sends = Limit(2, 1)
    for number in range(3):
        await say(page, f"fast {number}")
    await expect(page.locator(f"{MESSAGES}[data-seq]")).to_have_count(6)
    assert (await bodies(page))[3:] == ["fast 0", "fast 1", "fast 2"]
    await expect_as_loaded(page)


async def test_offline_words_wait_in_order(
    visit: Visit, app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    other = await make_group(app, ann, cara)
    page = await visit(ann, f"/chats/{chat_id}")
    await hold_sends(page)
    await page.route(SEND, lambda route: route.abort())
    for text in ("first", "second", "third"):
        await say(page, text)
    await expect(page.locator(f"{MESSAGES}[data-state=pending]")).to_have_count(3)
    await page.locator(f"#chat-{other} .row__link").click()
    await expect(page.locator(".conversation .topbar__title")).to_have_text("Book club")
    await say(page, "elsewhere")
    await page.locator(f"#chat-{chat_id} .row__link").click()
    await expect(page.locator(f"{MESSAGES}[data-state=pending]")).to_have_count(3)

    asked: list[str] = []

    async def ask(dialog: object) -> None:
        asked.append(dialog.type)  # type: ignore[attr-defined]
        await dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", ask)
    await page.reload()
    await expect(page.locator(f"{MESSAGES}[data-state=pending]")).to_have_count(3)
    assert asked == ["beforeunload"]
    await make_message(app, bob, chat_id, "meanwhile")
    await expect(bubble(page, "meanwhile")).to_be_visible()
    assert await bodies(page) == ["meanwhile", "first", "second", "third"]

    await page.unroute(SEND)
    await page.evaluate("document.querySelector('#live')._htmx.ws.connection.socket.close()")
    await expect(page.locator(f"{MESSAGES}[data-seq]")).to_have_count(4)
    assert await bodies(page) == ["meanwhile", "first", "second", "third"]
    await expect(page.locator(f"#chat-{other} .row__text")).to_have_text("elsewhere")
    await expect_as_loaded(page)
    assert asked == ["beforeunload"]


async def test_drafts_go_with_me(app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    other = await make_group(app, ann, bob)
    page, second = await visit(ann, f"/chats/{chat_id}"), await visit(ann, f"/chats/{chat_id}")
    await field(page).press_sequentially("I was thin")
    await expect(field(second)).to_have_value("I was thin")
    await page.keyboard.type("king")
    await page.locator(f"#chat-{other} .row__link").click()
    await expect(page.locator(".conversation .topbar__title")).to_have_text("Book club")
    await expect(field(page)).to_have_value("")
    await expect(page.locator(f"#chat-{chat_id} .row__draft")).to_have_text("I was thinking")
    await expect(field(second)).to_have_value("I was thinking")
    await page.go_back()
    await expect(field(page)).to_have_value("I was thinking")
    await page.reload()
    await expect(field(page)).to_have_value("I was thinking")

    long = "word " * 100
    await field(page).fill(long)
    await expect(field(second)).to_have_value(long.strip())
    await field(second).press("End")
    await second.keyboard.type(" more")
    await field(page).fill("not that")
    await expect(page.locator(f"#chat-{chat_id} .row__draft")).to_have_text("not that")
    await expect(field(second)).to_have_value(long.strip() + " more")
    await say(page, "done")
    await expect(bubble(second, "done")).to_be_visible()
    await expect(page.locator(f"#chat-{chat_id} .row__draft")).to_be_empty()
    assert (await ann.read(f"/chats/{chat_id}"))["draft"] == ""


async def test_the_last_message_is_edited_by_arrow_up(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id, "mine")
    await make_message(app, bob, chat_id, "not mine")
    page = await visit(ann, f"/chats/{chat_id}")
    await field(page).press("ArrowUp")
    edit = page.locator("#sheet textarea")
    await expect(edit).to_have_value("mine")
    await edit.fill("mine, better")
    await page.locator("#sheet").get_by_role("button", name="Save").click()
    await expect(bubble(page, "mine, better")).to_be_visible()
    await expect(page.locator("#sheet")).to_be_hidden()
    await expect(field(page)).to_be_focused()


async def test_the_composer_grows_while_the_list_stays_below(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_messages(app, bob, chat_id, 40)
    await ann.post(f"/chats/{chat_id}/read")
    page = await visit(ann, f"/chats/{chat_id}")
    heights = []
    for _ in range(8):
        await field(page).press("Shift+Enter")
        heights.append(await field(page).evaluate("field => field.clientHeight"))
        await expect(page.locator(f"{MESSAGES}[data-seq='40']")).to_be_in_viewport(ratio=0.9)
    assert heights[0] < heights[3] < heights[4] == heights[7]


async def test_typing_is_said_and_unsaid(visit: Visit, ann: Member, bob: Member, chat_id: int) -> None:
    hers, his = await visit(ann, f"/chats/{chat_id}"), await visit(bob, f"/chats/{chat_id}")
    line = his.locator(".topbar__typing")
    for end in ("clear", "send", "blur"):
        await field(hers).press_sequentially("Hi")
        await expect(line).to_have_text("typing…")
        if end == "clear":
            await field(hers).fill("")
        elif end == "send":
            await field(hers).press("Enter")
        else:
            await field(hers).blur()
        await expect(line).to_be_empty()


async def test_who_is_removed_keeps_the_words(app: Starlette, visit: Visit, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    page = await visit(bob, f"/chats/{group}")
    await field(page).fill("But I only wanted to")
    async with app.state.database.write() as work:
        await groups.remove(work, ann.person, group, bob.id)
    await expect(page.locator(".composer--closed")).to_be_visible()
    await expect(page.locator("#kept")).to_have_value("But I only wanted to")
    await expect(page.locator(MESSAGES)).to_have_count(3)
    async with app.state.database.write() as work:
        await groups.add(work, ann.person, group, [bob.person], 100)
    await expect(field(page)).to_have_value("But I only wanted to")
    await expect_as_loaded(page)


async def test_messages_are_one_stop_for_the_keyboard(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    for text in ("one", "two https://example.org/", "three"):
        await make_message(app, bob, chat_id, text)
    page = await visit(ann, f"/chats/{chat_id}")
    await field(page).focus()
    await page.keyboard.press("Shift+Tab")
    for _ in range(3):
        if await page.evaluate("document.activeElement.matches('.message')"):
            break
        await page.keyboard.press("Shift+Tab")
    await expect(page.locator(f"{MESSAGES}[data-seq='3']")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(page.locator(f"{MESSAGES}[data-seq='1']")).to_be_focused()
    await bob.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "first"})
    await expect(bubble(page, "first")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    assert not await page.evaluate("document.activeElement.closest('.messages__list')")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#sheet")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("#sheet")).to_be_hidden()


async def test_no_key_is_lost_while_messages_arrive(
    app: Starlette, visit: Visit, ann: Member, bob: Member, chat_id: int
) -> None:
    page = await visit(ann, f"/chats/{chat_id}")
    live: list[str] = []
    await page.expose_function("turned", lambda state: live.append(state))
    await page.evaluate(
        """new MutationObserver(([{ target }]) => turned(target.getAttribute('aria-live'))).observe(
          document.querySelector('.messages__list'), { attributes: true, attributeFilter: ['aria-live'] })"""
    )
    text = "a sentence that goes on while others talk"
    for index, letter in enumerate(text):
        if index % 2 == 0:
            await make_message(app, bob, chat_id, f"word {index}")
        await page.keyboard.type(letter)
    await expect(bubble(page, "word 40")).to_be_visible()
    await expect(field(page)).to_have_value(text)
    assert live == []  # every arrival is announced …
    await page.keyboard.press("Enter")
    await expect(bubble(page, text)).to_have_attribute("data-seq", "22")
    assert live[0] == "off"  # … and what I said myself is not
    await expect(page.locator(".messages__list")).to_have_attribute("aria-live", "polite")
