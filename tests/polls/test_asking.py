"""Asking a question with answers to choose from."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.hostile import HARMLESS, HOSTILE, Page, assert_inert
from tests.make import HTML, HTMX, JSON, Member, make_group, make_message
from tests.test_queries import statements

LUNCH = {"question": "Where to?", "options": ["Soup", "Noodles", "Home"]}


async def ask(member: Member, chat_id: int, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    return await member.post(f"/chats/{chat_id}/polls", data={**LUNCH, **fields}, headers=headers)


async def test_everybody_sees_question_and_options(ann: Member, bob: Member, chat_id: int, bus: RecordingBus) -> None:
    asked = await ask(ann, chat_id)
    assert (asked.status_code, asked.headers["location"]) == (201, f"/chats/{chat_id}#latest")
    assert all(text in asked.text for text in ("Where to?", "Soup", "Noodles", "Home", "Select one<", "No votes yet"))
    assert any(asked.text in frame for frame in bus.html(topics.chat(chat_id)))
    for path in ("", "/messages", "/messages?since=0"):
        assert asked.text in (await bob.get(f"/chats/{chat_id}{path}")).text
    (told,) = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert (told["kind"], told["body"], told["extras"]["poll"]["multiple"]) == ("poll", "Where to?", False)


async def test_the_list_of_chats_tells_of_it_and_it_is_unread(ann: Member, bob: Member, chat_id: int) -> None:
    await ask(ann, chat_id)
    row = (await bob.get("/chats", headers=HTML)).text
    assert "#chart-bar" in row.partition("row__preview")[2].partition("Where to?")[0]
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 1


async def test_several_answers_may_be_allowed(ann: Member, chat_id: int) -> None:
    assert "Select one or more" in (await ask(ann, chat_id, multiple="1")).text


async def test_asking_twice_with_one_id_asks_once(ann: Member, chat_id: int) -> None:
    id_ = str(uuid.uuid4())
    first, again = await ask(ann, chat_id, id=id_), await ask(ann, chat_id, id=id_)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.text == again.text
    assert (await ask(ann, chat_id, id=id_, multiple="1")).status_code == 409
    assert (await ask(ann, chat_id, id=id_, options=["Soup", "Home"])).status_code == 409
    assert len(await ann.bodies(chat_id)) == 1


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"question": " \u200b"}, "question"),
        ({"question": "x" * 256}, "question"),
        ({"options": ["Only"]}, "options"),
        ({"options": ["One", " ", "\u200b", ""]}, "options"),
        ({"options": [str(n) for n in range(13)]}, "options"),
        ({"options": ["One", "x" * 101]}, "options"),
        ({"options": ["Same  thing", " Same thing"]}, "options"),
        ({"id": "seven"}, "id"),
    ],
)
async def test_what_is_no_poll_is_refused_and_nothing_is_said(
    ann: Member, chat_id: int, fields: dict[str, Any], wrong: str
) -> None:
    refused = await ask(ann, chat_id, headers=JSON, **fields)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, [wrong])
    assert await ann.bodies(chat_id) == []


async def test_twelve_options_are_a_poll_and_empty_fields_are_none(ann: Member, chat_id: int) -> None:
    options = [str(n) for n in range(12)]
    assert (await ask(ann, chat_id, options=[*options, "", " "])).status_code == 201


@pytest.mark.parametrize("headers", [HTML, HTMX], ids=["page", "htmx"])
async def test_a_refusal_keeps_what_was_typed(ann: Member, chat_id: int, headers: dict[str, str]) -> None:
    typed = {"question": "Where <to>?", "options": ["Only & one", "", ""], "multiple": "1"}
    refused = await ask(ann, chat_id, headers=headers, **typed)
    assert refused.status_code == 422
    assert all(text in refused.text for text in ("Where &lt;to&gt;?", "Only &amp; one", "at least 2"))
    assert " checked" in refused.text
    assert refused.text.count('name="options"') == 12


async def test_browsers_are_led_to_it(ann: Member, chat_id: int) -> None:
    asked = await ask(ann, chat_id, headers=HTML)
    assert (asked.status_code, asked.headers["location"]) == (303, f"/chats/{chat_id}#latest")


async def test_who_may_not_write_may_not_ask(ann: Member, bob: Member, cara: Member, app: Starlette) -> None:
    group = await make_group(app, ann, bob)
    await bob.post(f"/groups/{group}/leave")
    assert [(await member.get(f"/chats/{group}/polls/new")).status_code for member in (ann, bob, cara)] == [
        200,
        403,
        404,
    ]
    assert [(await ask(member, group)).status_code for member in (bob, cara)] == [422, 404]


async def test_deleted_it_leaves_a_tombstone_and_no_votes(ann: Member, bob: Member, chat_id: int) -> None:
    await ask(ann, chat_id)
    path = f"/chats/{chat_id}/messages/1"
    await bob.post(f"{path}/votes", data={"options": "1"})
    may = await ann.read(f"{path}/menu")
    assert (may["may_edit"], may["may_copy"], may["may_delete"]) == (False, False, True)
    assert (await ann.post(f"{path}/edit", data={"body": "x"})).status_code == 403
    gone = (await ann.post(f"{path}/delete")).text
    assert "This message was deleted" in gone
    assert not any(text in gone for text in ("Soup", "poll-card", "Where"))
    for answer in (await bob.get(f"{path}/votes"), await bob.post(f"{path}/votes", data={"options": "1"})):
        assert answer.status_code == 404


async def test_polls_on_a_page_take_two_queries_however_many_there_are(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    counts = []
    await make_message(app, ann, chat_id)
    for polls in (0, 1, 8):
        for _ in range(polls):
            seq = (await ask(ann, chat_id, headers=JSON)).json()["seq"]
            await bob.post(f"/chats/{chat_id}/messages/{seq}/votes", data={"options": "1"})
        with statements(app) as sent:
            await ann.get(f"/chats/{chat_id}/messages")
        counts.append(len(sent))
    assert counts[1:] == [counts[0] + 2] * 2


async def test_hostile_questions_and_options_do_nothing(ann: Member, chat_id: int) -> None:
    await ask(ann, chat_id)
    skeleton = Page.of((await ask(ann, chat_id, question=HARMLESS)).text).skeleton
    for text in HOSTILE:
        asked = await ask(ann, chat_id, question=f"? {text}", options=[text[:90], "Noodles", "Home"])
        assert_inert(asked.text, skeleton)
