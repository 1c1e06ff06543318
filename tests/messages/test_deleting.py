"""Taking back: for everyone, which leaves a tombstone, and for oneself, which leaves nothing."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import select
from starlette.applications import Starlette

from app.db import now
from app.messages.models import Message
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, Member, make_group, make_message, seqs


@pytest.fixture
async def path(app: Starlette, ann: Member, bob: Member, chat_id: int) -> str:
    """Ann's message to Bob."""
    await make_message(app, ann, chat_id, "Secret")
    return f"/chats/{chat_id}/messages/1"


async def delete(member: Member, path: str) -> httpx.Response:
    return await member.post(f"{path}/delete")


async def hide(member: Member, path: str) -> httpx.Response:
    return await member.post(f"{path}/hide")


async def test_a_tombstone_stays(ann: Member, bob: Member, path: str, chat_id: int) -> None:
    response = await delete(ann, path)
    assert response.status_code == 200
    assert "This message was deleted" in response.text
    assert "data-counts" not in response.text
    (seen,) = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert (seen["deleted"], seen["body"]) == (True, "")


async def test_the_words_are_gone_from_the_database(app: Starlette, ann: Member, path: str) -> None:
    await delete(ann, path)
    async with app.state.database.read() as work:
        assert await work.all(select(Message.body)) == [""]


async def test_and_from_every_answer(ann: Member, bob: Member, path: str, chat_id: int) -> None:
    await delete(ann, path)
    for address in ("/", "/chats", f"/chats/{chat_id}", f"/chats/{chat_id}/row", f"{path}/menu"):
        assert "Secret" not in (await bob.get(address, headers=HTML)).text


async def test_the_chat_hears_the_very_bytes(ann: Member, path: str, chat_id: int, bus: RecordingBus) -> None:
    bus.told.clear()
    response = await delete(ann, path)
    (frame,) = bus.html(topics.chat(chat_id))
    assert f'hx-swap="renew">{response.text}</hx-partial>' in frame
    assert "promote" not in frame


async def test_the_row_stays_where_it_is(app: Starlette, ann: Member, bob: Member, cara: Member, path: str) -> None:
    later = await make_group(app, cara, bob)
    await delete(ann, path)
    first, _ = (await bob.read("/chats"))["chats"]
    assert first["id"] == later


async def test_it_is_unread_no_more(ann: Member, bob: Member, path: str) -> None:
    await delete(ann, path)
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 0


async def test_deleting_twice_is_harmless(ann: Member, path: str, bus: RecordingBus) -> None:
    first = await delete(ann, path)
    bus.told.clear()
    assert (await delete(ann, path)).text == first.text
    assert bus.told == []


@pytest.mark.parametrize(("hours", "status"), [(47, 200), (49, 403)])
async def test_there_are_two_days(app: Starlette, ann: Member, path: str, hours: int, status: int) -> None:
    async with app.state.database.write() as work:
        await work.execute(update(Message).values(created_at=now() - timedelta(hours=hours)))
    assert (await delete(ann, path)).status_code == status


async def test_the_other_one_may_not(bob: Member, path: str, chat_id: int) -> None:
    assert (await delete(bob, path)).status_code == 403
    assert await bob.bodies(chat_id) == ["Secret"]


async def test_the_admin_of_a_group_may_at_any_time(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, bob, group)).seq
    async with app.state.database.write() as work:
        await work.execute(update(Message).values(created_at=now() - timedelta(days=400)))
    assert (await delete(ann, f"/chats/{group}/messages/{seq}")).status_code == 200


async def test_a_member_may_not(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    seq = (await make_message(app, ann, group)).seq
    assert (await delete(bob, f"/chats/{group}/messages/{seq}")).status_code == 403


async def test_nobody_deletes_a_system_line(app: Starlette, ann: Member) -> None:
    group = await make_group(app, ann)
    assert (await delete(ann, f"/chats/{group}/messages/1")).status_code == 403


async def test_strangers_find_nothing(cara: Member, path: str) -> None:
    assert ((await delete(cara, path)).status_code, (await hide(cara, path)).status_code) == (404, 404)


async def test_hidden_is_hidden_from_me_alone(ann: Member, bob: Member, path: str, chat_id: int) -> None:
    assert (await hide(bob, path)).status_code == 200
    assert (await ann.bodies(chat_id), await bob.bodies(chat_id)) == (["Secret"], [])
    for address in ("/", f"/chats/{chat_id}"):
        assert "Secret" not in (await bob.get(address, headers=HTML)).text
    assert (await bob.get(f"{path}/menu")).status_code == 404


async def test_the_row_shows_what_is_left(app: Starlette, ann: Member, bob: Member, path: str, chat_id: int) -> None:
    await make_message(app, ann, chat_id, "Later")
    await hide(bob, f"/chats/{chat_id}/messages/2")
    (row,) = (await bob.read("/chats"))["chats"]
    assert (row["last"]["preview"], row["unread"]) == ("Secret", 1)


async def test_my_pages_drop_it_and_the_others_learn_the_number_only(
    bob: Member, path: str, chat_id: int, bus: RecordingBus
) -> None:
    bus.told.clear()
    await hide(bob, path)
    (frame,) = bus.html(topics.user(bob.id))
    assert 'hx-swap="delete"' in frame
    assert "Secret" not in frame
    assert bus.frames(topics.chat(chat_id)) == [f'{{"type":"chat.revised","chat":{chat_id},"revision":2}}']


async def test_hiding_twice_is_harmless(bob: Member, path: str, bus: RecordingBus) -> None:
    await hide(bob, path)
    bus.told.clear()
    assert (await hide(bob, path)).status_code == 200
    assert bus.told == []


async def test_a_system_line_may_be_hidden(app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann, bob)
    assert (await hide(bob, f"/chats/{group}/messages/1")).status_code == 200
    assert await bob.bodies(group) == ["added"]


async def test_what_is_absent_is_not_found(ann: Member, path: str, chat_id: int) -> None:
    for seq in (0, 2, 10**30):
        assert (await delete(ann, f"/chats/{chat_id}/messages/{seq}")).status_code == 404
        assert (await hide(ann, f"/chats/{chat_id}/messages/{seq}")).status_code == 404


async def test_the_menu_offers_what_is_allowed(ann: Member, bob: Member, path: str) -> None:
    mine, theirs = await ann.read(f"{path}/menu"), await bob.read(f"{path}/menu")
    own = {"may_copy": True, "may_edit": True, "may_delete": True, "may_hide": True}
    assert own.items() <= mine.items()
    assert {**own, "may_edit": False, "may_delete": False}.items() <= theirs.items()
    assert seqs((await bob.get(f"{path}/menu", headers=HTML)).text) == []
