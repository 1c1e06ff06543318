"""Saying something: to whom it is told, once however often it is sent, in one order for all."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_group, make_message, seqs, statuses


async def test_the_answer_is_the_bubble(ann: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    response = await ann.say(chat_id, "Hello Bob", id=id_)
    assert response.status_code == 201
    assert response.text.startswith(f'<li id="message-{id_}"')
    assert 'data-seq="1"' in response.text
    assert "Hello Bob" in response.text


async def test_both_read_it(ann: Member, bob: Member, chat_id: int) -> None:
    await ann.say(chat_id, "Hello Bob")
    assert await ann.bodies(chat_id) == await bob.bodies(chat_id) == ["Hello Bob"]


async def test_without_an_id_the_server_makes_one(ann: Member, chat_id: int) -> None:
    first, second = [(await ann.say(chat_id, "Hi")).text.split('"')[1] for _ in range(2)]
    assert first != second
    assert uuid.UUID(first.removeprefix("message-"))


async def test_the_chat_hears_the_very_bytes_of_the_answer(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    response = await ann.say(chat_id, "Hello Bob")
    (frame,) = bus.html(topics.chat(chat_id))
    assert f'hx-target="#chat-{chat_id}-messages" hx-swap="place">{response.text}</hx-partial>' in frame


async def test_one_frame_carries_bubble_and_row(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    await ann.say(chat_id, "Hello Bob")
    assert len(bus.frames(topics.chat(chat_id))) == 1
    assert f'hx-swap="promote"><span class="row__moving" id="chat-{chat_id}-moving"' in bus.told[-1].text  # type: ignore[union-attr]


async def test_a_send_to_a_group_is_told_once(
    app: Starlette, ann: Member, bob: Member, cara: Member, bus: RecordingBus
) -> None:
    group = await make_group(app, ann, bob, cara)
    bus.told.clear()
    await ann.say(group, "Hello all")
    assert [each.topic for each in bus.told] == [topics.chat(group)]


async def test_a_stranger_finds_nothing_and_nobody_hears(cara: Member, chat_id: int, bus: RecordingBus) -> None:
    bus.told.clear()
    assert (await cara.say(chat_id, "Let me in")).status_code == 404
    assert bus.told == []


async def test_a_repeat_answers_the_first_result(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    fields = {"id": str(uuid.uuid4())}
    first = await ann.say(chat_id, "Once", **fields)
    bus.told.clear()
    again = await ann.say(chat_id, "Once", **fields)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.text == first.text
    assert bus.told == []


async def test_fifty_at_once_are_one(ann: Member, bob: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    answers = await asyncio.gather(*[ann.say(chat_id, "Once", id=id_) for _ in range(50)])
    assert statuses(answers) == [200] * 49 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert await bob.bodies(chat_id) == ["Once"]


async def test_a_repeat_is_known_after_an_edit(ann: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    await ann.say(chat_id, "Frist", id=id_)
    await ann.post(f"/chats/{chat_id}/messages/1/edit", data={"body": "First"})
    again = await ann.say(chat_id, "Frist", id=id_)
    assert again.status_code == 200
    assert "First" in again.text


async def test_an_id_in_another_spelling_is_the_same(ann: Member, chat_id: int) -> None:
    id_ = uuid.uuid4()
    await ann.say(chat_id, "Once", id=str(id_))
    assert (await ann.say(chat_id, "Once", id=id_.hex.upper())).status_code == 200


async def test_the_same_id_with_other_words_is_a_conflict(ann: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    await ann.say(chat_id, "One thing", id=id_)
    assert (await ann.say(chat_id, "Another", id=id_)).status_code == 409
    assert await ann.bodies(chat_id) == ["One thing"]


async def test_the_conflict_offers_the_words_with_a_fresh_id(ann: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    await ann.say(chat_id, "One thing", id=id_)
    page = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Another & more", "id": id_}, headers=HTML)
    assert page.status_code == 409
    assert "Another &amp; more</textarea>" in page.text
    assert f'name="id" value="{id_}"' not in page.text


async def test_the_id_of_somebody_else_is_a_conflict(ann: Member, bob: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    await ann.say(chat_id, "Mine", id=id_)
    assert (await bob.say(chat_id, "Mine", id=id_)).status_code == 409


async def test_an_id_says_nothing_about_other_chats(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    id_ = str(uuid.uuid4())
    await ann.say(chat_id, "Mine", id=id_)
    elsewhere = await make_group(app, cara)
    assert (await cara.say(elsewhere, "Mine", id=id_)).status_code == 201


async def test_no_uuid_is_refused(ann: Member, chat_id: int) -> None:
    response = await ann.say(chat_id, "Hello", id="7")
    assert response.status_code == 422
    assert "id" in response.json()["errors"]


async def test_two_hundred_at_once_are_numbered_without_gaps(ann: Member, bob: Member, chat_id: int) -> None:
    sends = [(ann, bob)[n % 2].say(chat_id, str(n)) for n in range(200)]
    answers = await asyncio.gather(*sends)
    assert statuses(answers) == [201] * 200
    assert sorted(seq for answer in answers for seq in seqs(answer.text)) == list(range(1, 201))


async def test_everyone_hears_them_in_that_order(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    await asyncio.gather(*[ann.say(chat_id, str(n)) for n in range(50)])
    heard = [seq for frame in bus.html(topics.chat(chat_id)) for seq in seqs(frame)]
    assert heard == list(range(1, 51))


async def test_a_browser_without_scripts_is_led_back(ann: Member, chat_id: int) -> None:
    response = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Hello"}, headers=HTML)
    assert (response.status_code, response.headers["location"]) == (303, f"/chats/{chat_id}#latest")
    assert 'id="latest"' in (await ann.get(f"/chats/{chat_id}", headers=HTML)).text


@pytest.mark.parametrize("headers", [HTMX, JSON])
async def test_scripts_get_201_too(ann: Member, chat_id: int, headers: dict[str, str]) -> None:
    response = await ann.post(f"/chats/{chat_id}/messages", data={"body": "Hello"}, headers=headers)
    assert response.status_code == 201


async def test_programs_get_the_message(ann: Member, chat_id: int) -> None:
    path = f"/chats/{chat_id}/messages"
    sent = (await ann.post(path, data={"body": "Hello"}, headers=JSON)).json()
    assert (sent["seq"], sent["body"], sent["sender"]["username"]) == (1, "Hello", "ann")


async def test_sending_reads_up_to_what_was_seen_and_no_further(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    for body in ("one", "two", "three"):
        await make_message(app, bob, chat_id, body)
    await ann.say(chat_id, "Answer to the first", seen=1)
    assert (await ann.read("/chats"))["chats"][0]["unread"] == 2


async def test_sending_empties_the_draft(ann: Member, chat_id: int) -> None:
    await ann.post(f"/chats/{chat_id}/draft", data={"body": "Hel"})
    await ann.say(chat_id, "Hello")
    assert (await ann.read("/chats"))["chats"][0]["draft"] == ""
