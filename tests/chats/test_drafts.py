"""Drafts: kept per chat for all devices of one person, and for nobody else."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, Member, make_group


async def draft(member: Member, chat_id: int, body: str) -> httpx.Response:
    return await member.post(f"/chats/{chat_id}/draft", data={"body": body})


async def drafts(member: Member) -> list[str]:
    return [chat["draft"] for chat in (await member.read("/chats"))["chats"]]


async def test_it_stands_in_list_and_composer(ann: Member, chat_id: int) -> None:
    await draft(ann, chat_id, "Dear <b>Bob")
    page = (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert await drafts(ann) == ["Dear <b>Bob"]
    assert "Dear &lt;b&gt;Bob</textarea>" in page
    assert 'data-label="Draft: "' in page


async def test_it_is_nobody_elses_business(ann: Member, bob: Member, chat_id: int, bus: RecordingBus) -> None:
    await ann.say(chat_id, "Hello")
    bus.told.clear()
    await draft(ann, chat_id, "Secret")
    assert await drafts(bob) == [""]
    assert {each.topic for each in bus.told} == {topics.user(ann.id)}


async def test_my_other_pages_hear_it(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    await draft(ann, chat_id, "Dear Bob")
    heard = bus.signals(topics.user(ann.id), "chat.drafted")
    assert heard == [{"type": "chat.drafted", "chat": chat_id, "body": "Dear Bob"}]


async def test_the_same_again_is_not_told(ann: Member, chat_id: int, bus: RecordingBus) -> None:
    await draft(ann, chat_id, "Dear Bob")
    bus.told.clear()
    await draft(ann, chat_id, "Dear Bob")
    assert bus.told == []


@pytest.mark.parametrize("nothing", ["", "  \n "])
async def test_an_empty_one_is_forgotten(ann: Member, chat_id: int, nothing: str) -> None:
    await draft(ann, chat_id, "Dear Bob")
    await draft(ann, chat_id, nothing)
    assert await drafts(ann) == [""]


async def test_it_does_not_move_the_chat(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await ann.say(chat_id, "Hello")
    group = await make_group(app, bob, ann)
    await draft(ann, chat_id, "Dear Bob")
    assert [chat["id"] for chat in (await ann.read("/chats"))["chats"]] == [group, chat_id]


async def test_strangers_keep_none(cara: Member, chat_id: int) -> None:
    assert (await draft(cara, chat_id, "x")).status_code == 404


async def test_leaving_ends_it(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    await draft(bob, group, "Farewell")
    await bob.post(f"/groups/{group}/leave")
    assert await drafts(bob) == [""]
