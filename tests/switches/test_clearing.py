"""Clear a chat and delete it for oneself: a floor below which one sees nothing, wherever messages are read."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from app.messages.history import NEWEST
from tests.make import HTMX, Member, make_chat, make_group, make_message, make_messages, seqs
from tests.server import Running
from tests.sockets import listening


@pytest.fixture
async def talk(app: Starlette, ann: Member, bob: Member) -> int:
    """A direct chat in which Bob said three things."""
    chat_id = await make_chat(app, ann, bob)
    for body in ("one", "two", "three"):
        await make_message(app, bob, chat_id, body)
    return chat_id


async def listed(member: Member) -> dict[int, Any]:
    return {row["id"]: row for row in (await member.read("/chats"))["chats"]}


async def test_what_was_cleared_is_nowhere_any_more(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    await ann.post(f"/chats/{talk}/clear")
    for query in ({}, {"around": 2}, {"before": 3}, {"after": 1}, {"since": 1}):
        assert await ann.bodies(talk, **query) == []
    for door in ("menu", "edit"):
        assert (await ann.get(f"/chats/{talk}/messages/2/{door}")).status_code == 404
    assert (await ann.post(f"/chats/{talk}/messages/2/hide")).status_code == 404
    row = (await listed(ann))[talk]
    assert (row["unread"], row["last"]) == (0, None)
    assert (await ann.read(f"/chats/{talk}"))["unread"] == 0
    assert await bob.bodies(talk) == ["one", "two", "three"]


async def test_what_comes_after_is_there(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    await ann.post(f"/chats/{talk}/clear")
    await make_message(app, bob, talk, "four")
    assert await ann.bodies(talk) == ["four"]
    page = await ann.get(f"/chats/{talk}/messages", headers=HTMX)
    assert (seqs(page.text), page.headers["x-has-older"]) == ([4], "0")
    row = (await listed(ann))[talk]
    assert (row["unread"], row["last"]["preview"]) == (1, "four")


async def test_a_cleared_chat_keeps_its_place_in_the_list(
    app: Starlette, ann: Member, bob: Member, cara: Member, talk: int
) -> None:
    other = await make_chat(app, ann, cara)
    await make_message(app, cara, other)
    await ann.post(f"/chats/{talk}/clear")
    await make_message(app, cara, other)
    assert list(await listed(ann)) == [other, talk]


async def test_a_deleted_chat_comes_back_with_what_is_new_alone(
    app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    await ann.post(f"/chats/{talk}/pin")
    await ann.post(f"/chats/{talk}/draft", data={"body": "half"})
    await ann.post(f"/chats/{talk}/remove")
    assert await listed(ann) == {}
    assert (await ann.get(f"/chats/{talk}/row")).status_code == 404
    assert (await ann.get(f"/chats/{talk}")).status_code == 200
    await make_message(app, bob, talk, "four")
    row = (await listed(ann))[talk]
    assert (row["unread"], row["last"]["preview"], row["pinned"], row["draft"]) == (1, "four", False, "")
    assert await ann.bodies(talk) == ["four"]


async def test_who_opens_a_deleted_chat_again_has_it_in_the_list(app: Starlette, ann: Member, talk: int) -> None:
    await ann.post(f"/chats/{talk}/remove")
    await ann.post("/chats", data={"username": "bob"})
    assert list(await listed(ann)) == [talk]
    assert await ann.bodies(talk) == []


async def test_a_group_that_one_left_stays_deleted_until_one_is_in_again(
    app: Starlette, ann: Member, bob: Member
) -> None:
    group = await make_group(app, bob, ann)
    await ann.post(f"/groups/{group}/leave")
    await ann.post(f"/chats/{group}/remove")
    await make_message(app, bob, group)
    assert await listed(ann) == {}
    await bob.post(f"/groups/{group}/members", data={"members": "ann"})
    assert list(await listed(ann)) == [group]
    assert await ann.bodies(group) == ["added"]


async def test_a_page_that_was_away_loads_its_list_anew(ann: Member, bob: Member, talk: int) -> None:
    await ann.post(f"/chats/{talk}/clear")
    away = await ann.get(f"/chats/{talk}/messages", params={"since": 3})
    assert away.headers["x-reload"] == "1"
    revision = int(away.headers["x-revision"])
    assert "x-reload" not in (await ann.get(f"/chats/{talk}/messages", params={"since": revision})).headers
    assert "x-reload" not in (await bob.get(f"/chats/{talk}/messages", params={"since": 3})).headers


async def test_ones_open_pages_are_told_and_the_others_see_no_gap(
    server: Running, app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    async with listening(server, app, ann) as mine, listening(server, app, bob) as other:
        await ann.post(f"/chats/{talk}/clear")
        assert await mine.signal("chat.cleared") == {"type": "chat.cleared", "chat": talk}
        assert await other.all() == [f'{{"type":"chat.revised","chat":{talk},"revision":4}}']


@pytest.mark.sqlite
async def test_what_was_cleared_is_passed_over_by_the_index(app: Starlette) -> None:
    compiled = NEWEST.compile(app.state.database.engines[0].sync_engine)
    async with app.state.database.read() as work:
        plan = await work.rows(text(f"EXPLAIN QUERY PLAN {compiled.string.replace('?', '1')}"), {})
    assert "SEARCH messages USING INDEX" in str(plan)
    assert "(chat_id=? AND seq>?)" in str(plan)


async def test_a_long_chat_that_was_cleared_is_read_as_fast_as_a_short_one(
    app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    await make_messages(app, bob, talk, 2000)
    await ann.post(f"/chats/{talk}/clear")
    await make_message(app, bob, talk, "after")
    assert await ann.bodies(talk) == ["after"]
    assert (await listed(ann))[talk]["unread"] == 1
