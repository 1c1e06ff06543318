"""A message answers another one: what is sent, shown, kept and dropped."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert
from sqlmodel import col, select
from starlette.applications import Starlette

from app.messages import service as messages
from app.realtime import topics
from app.replies.models import Quote
from tests.conftest import RecordingBus
from tests.hostile import HOSTILE
from tests.make import HTML, HTMX, JSON, Member, make_chat, make_group, make_message, make_messages
from tests.server import Running
from tests.sockets import listening
from tests.test_queries import statements

DELETED = "This message was deleted"


async def quotes(member: Member, chat_id: int) -> dict[int, dict[str, Any]]:
    """What programs are told of the quotes in a chat, by the seqs of the replies."""
    found = (await member.read(f"/chats/{chat_id}/messages"))["messages"]
    return {each["seq"]: each["extras"]["quote"] for each in found if "quote" in each["extras"]}


async def kept(app: Starlette) -> list[str]:
    async with app.state.database.read() as work:
        return list(await work.all(select(Quote.excerpt).order_by(col(Quote.seq))))


async def test_everybody_sees_what_a_reply_answers(ann: Member, bob: Member, chat_id: int, bus: RecordingBus) -> None:
    first = (await ann.post(f"/chats/{chat_id}/messages", data={"body": "Tea or *coffee*?"}, headers=JSON)).json()
    bus.told.clear()
    sent = await bob.say(chat_id, "Tea", reply_to=1)
    assert sent.status_code == 201
    assert f'href="/chats/{chat_id}?at=1#message-{first["id"]}"' in sent.text
    assert "Tea or coffee?" in sent.text
    assert sent.text in bus.html(topics.chat(chat_id))[0]
    for reader in (ann, bob):
        for address in ("", "/messages", "/messages?since=1"):
            assert sent.text in (await reader.get(f"/chats/{chat_id}{address}")).text
    quote = (await quotes(ann, chat_id))[2]
    assert (quote["state"], quote["seq"], quote["text"], quote["sender_name"]) == (
        "shown",
        1,
        "Tea or coffee?",
        "Ann",
    )


async def test_the_socket_takes_replies_too(
    app: Starlette, ann: Member, bob: Member, chat_id: int, server: Running
) -> None:
    await make_message(app, ann, chat_id, "Tea?")
    async with listening(server, app, bob) as ear:
        await ear.say("message.send", chat=chat_id, body="Yes", reply_to=1)
        assert 'class="quote"' in await ear.html("Yes")


@pytest.mark.parametrize("reply_to", ["1", "3", "99", "x", "9" * 20])
async def test_what_cannot_be_answered_is_refused(app: Starlette, ann: Member, bob: Member, reply_to: str) -> None:
    group = await make_group(app, ann, bob)
    await make_message(app, ann, group)
    await ann.post(f"/chats/{group}/messages/3/delete")
    answer = await bob.post(f"/chats/{group}/messages", data={"body": "So", "reply_to": reply_to}, headers=JSON)
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {"reply_to"}
    assert (await bob.read(f"/chats/{group}/messages"))["revision"] == 4


async def test_one_refused_reply_leaves_the_others_of_a_batch_alone(
    app: Starlette, ann: Member, cara: Member, chat_id: int
) -> None:
    await make_message(app, ann, chat_id)
    assert (await cara.say(chat_id, "Me too", reply_to=1)).status_code == 404
    assert (await ann.say(chat_id, "Mine", reply_to=1)).status_code == 201


async def test_a_repeat_answers_the_same_and_another_original_is_another_message(
    app: Starlette, ann: Member, chat_id: int
) -> None:
    for body in ("One", "Two"):
        await make_message(app, ann, chat_id, body)
    fields = {"id": "5b0c4ea6-6a3c-4b8e-9f0e-0d4e6b7e6f10"}
    first = await ann.say(chat_id, "So", reply_to=1, **fields)
    again = await ann.say(chat_id, "So", reply_to=1, **fields)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.text == again.text
    assert (await ann.say(chat_id, "So", reply_to=2, **fields)).status_code == 409


async def test_a_quote_says_what_its_original_says_now(
    app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, chat_id, "Tee?")
    await bob.say(chat_id, "Yes", reply_to=1)
    bus.told.clear()
    await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "Tea?"})
    told = "".join(bus.html(topics.chat(chat_id)))
    missed = (await bob.get(f"/chats/{chat_id}/messages", params={"since": 2})).text
    assert "Tee?" not in told + missed
    assert told.count("Tea?") >= 2
    assert [seq for seq, quote in (await quotes(bob, chat_id)).items() if quote["text"] == "Tea?"] == [2]
    items = missed.split('<li id="message-')[1:]
    assert len(items) == 2
    assert all(item in told for item in items)


async def test_a_quote_names_people_as_its_original_does(ann: Member, bob: Member, chat_id: int) -> None:
    await ann.say(chat_id, "@bob: `@bob`?")
    await bob.say(chat_id, "Yes", reply_to=1)
    assert (await quotes(ann, chat_id))[2]["text"] == "@Bob: @bob?"
    await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "@bob, @ann?"})
    assert (await quotes(ann, chat_id))[2]["text"] == "@Bob, @Ann?"


async def test_nothing_is_left_of_what_was_deleted(
    app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, chat_id, "Secret")
    await bob.say(chat_id, "Oh", reply_to=1)
    await bob.say(chat_id, "Well", reply_to=1)
    bus.told.clear()
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    told = "".join(bus.html(topics.chat(chat_id)))
    missed = (await bob.get(f"/chats/{chat_id}/messages", params={"since": 3})).text
    page = (await bob.get(f"/chats/{chat_id}", headers=HTML)).text
    for text in (told, missed, page):
        assert "Secret" not in text
        assert text.count('data-state="gone"') == 2
    assert await kept(app) == ["", ""]
    await bob.post(f"/chats/{chat_id}/messages/2/delete")
    assert await kept(app) == [""]


async def test_many_replies_are_changed_together(
    app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    await make_message(app, ann, chat_id, "Secret")
    await make_messages(app, bob, chat_id, 300)
    async with app.state.database.write() as work:
        first = {"from_chat_id": chat_id, "from_seq": 1, "from_id": "a", "sender_id": ann.id, "kind": "text"}
        rows = [
            {"chat_id": chat_id, "seq": seq, "excerpt": "Secret", "is_gone": False, **first} for seq in range(2, 302)
        ]
        await work.execute(insert(Quote), rows)
        await messages.revise_all(work, chat_id, range(2, 302))
    bus.told.clear()
    with statements(app) as asked:
        assert (await ann.post(f"/chats/{chat_id}/messages/1/delete")).status_code == 200
    assert len(asked) < 30
    assert bus.signals(topics.chat(chat_id), "limited") == [{"type": "limited", "on": False}]
    assert set(await kept(app)) == {""}
    assert (await bob.get(f"/chats/{chat_id}/messages", params={"since": 302})).headers["x-reload"] == "1"


async def test_fifty_quotes_take_one_query_more(app: Starlette, ann: Member, chat_id: int) -> None:
    await make_message(app, ann, chat_id)
    with statements(app) as plain:
        await ann.get(f"/chats/{chat_id}/messages")
    for number in range(50):
        await ann.say(chat_id, f"{number}", reply_to=number + 1)
    with statements(app) as quoting:
        shown = (await ann.get(f"/chats/{chat_id}/messages")).text
    assert shown.count('class="quote"') == 50
    assert sum("FROM quotes" in each for each in quoting) == 1
    assert not any("quotes" in each for each in plain)


async def test_what_is_quoted_stays_text(ann: Member, bob: Member, chat_id: int) -> None:
    for number, body in enumerate(HOSTILE[:40]):
        await ann.say(chat_id, body)
        shown = (await bob.say(chat_id, "So", reply_to=2 * number + 1)).text
        quote = shown.partition('class="quote__text"')[2].partition(">")[2].partition("</span>")[0]
        assert quote, body
        assert "<" not in quote, body


async def test_a_begun_reply_is_part_of_the_draft(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await make_message(app, bob, chat_id, "Tea?")
    strip = await ann.post(f"/chats/{chat_id}/reply", data={"reply_to": 1})
    hidden = '<input type="hidden" name="reply_to" value="1" form="composer">'
    assert hidden in strip.text
    assert hidden in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert hidden not in (await bob.get(f"/chats/{chat_id}", headers=HTML)).text
    await ann.post(f"/chats/{chat_id}/reply", data={"reply_to": ""})
    assert hidden not in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    await ann.post(f"/chats/{chat_id}/reply", data={"reply_to": 1})
    await ann.say(chat_id, "Yes", reply_to=1)
    assert hidden not in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert (await ann.post(f"/chats/{chat_id}/reply", data={"reply_to": 9})).status_code == 422


async def test_a_browser_without_scripts_replies_by_links_and_forms(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await make_message(app, bob, chat_id, "Tea?")
    menu = (await ann.get(f"/chats/{chat_id}/messages/1/menu", headers=HTML)).text
    assert f'href="/chats/{chat_id}?reply=1"' in menu
    page = (await ann.get(f"/chats/{chat_id}?reply=1", headers=HTML)).text
    assert page.index('id="reply"') < page.index('name="reply_to" value="1"') < page.index('id="composer"')
    refused = await ann.post(f"/chats/{chat_id}/messages", data={"body": " ", "reply_to": 1}, headers=HTML)
    assert refused.status_code == 422
    assert 'name="reply_to" value="1"' in refused.text
    for wrong in ("x", "99"):
        again = await ann.post(f"/chats/{chat_id}/messages", data={"body": "a", "reply_to": wrong}, headers=HTML)
        assert again.status_code == 422
        assert 'id="composer"' in again.text
    sent = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Yes", "reply_to": 1}, headers=HTML)
    assert sent.status_code == 303
    assert (await quotes(ann, chat_id))[2]["text"] == "Tea?"


async def test_a_groups_message_is_answered_in_private(
    app: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob, cara)
    asked = await make_message(app, ann, group, "Who is hungry?")
    path = f"/chats/{group}/messages/{asked.seq}/reply-privately"
    opened = await bob.post(path, headers=HTMX)
    assert opened.status_code == 303
    direct = await make_chat(app, ann, bob)
    assert opened.headers["location"] == f"/chats/{direct}"
    page = (await bob.get(f"/chats/{direct}", headers=HTML)).text
    assert f'name="reply_from" value="{group}"' in page
    fields = {"reply_to": asked.seq, "reply_from": group}
    sent = await bob.say(direct, "Me", **fields)
    assert f'href="/chats/{group}?at={asked.seq}#' in sent.text
    assert (await quotes(ann, direct))[1]["text"] == "Who is hungry?"
    elsewhere = await make_chat(app, bob, cara)
    assert (await bob.say(elsewhere, "Ann is", **fields)).status_code == 422
    assert (await ann.post(path)).status_code == 404
    await ann.post(f"/chats/{group}/messages/{asked.seq}/delete")
    assert (await quotes(bob, direct))[1]["state"] == "gone"
    assert "hungry" not in (await ann.get(f"/chats/{direct}", params={"since": 1})).text
