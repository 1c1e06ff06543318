"""Clear a chat but for what one starred in it: that stays wherever one reads, as long as it has its star."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlmodel import col
from starlette.applications import Starlette

from app.messages import service as messages
from app.messages.history import KEPT_NEWER, KEPT_OLDER
from app.messages.models import Message
from tests.make import HTML, HTMX, Member, make_chat, make_group, make_message, make_messages, seqs
from tests.server import Running
from tests.sockets import listening

KEEP = {"keep_starred": "1"}


@pytest.fixture
async def talk(app: Starlette, ann: Member, bob: Member) -> int:
    """Bob said five things, of which Ann starred two and cleared the rest."""
    chat_id = await make_chat(app, ann, bob)
    for body in ("one", "two", "three", "four", "five"):
        await make_message(app, bob, chat_id, body)
    for seq in (2, 4):
        await ann.post(f"/chats/{chat_id}/messages/{seq}/star")
    await ann.post(f"/chats/{chat_id}/clear", data=KEEP)
    return chat_id


async def starred(member: Member) -> list[str]:
    return [each["message"]["body"] for each in await member.read("/starred")]


async def test_what_was_starred_stays_in_the_chat_and_the_rest_is_gone(ann: Member, bob: Member, talk: int) -> None:
    for query in ({}, {"around": 3}, {"before": 6}, {"after": 0}):
        assert await ann.bodies(talk, **query) == ["two", "four"]
    assert await ann.bodies(talk, before=4) == ["two"]
    assert await ann.bodies(talk, after=2) == ["four"]
    assert await starred(ann) == ["four", "two"]
    assert (await ann.get(f"/chats/{talk}/messages/2/menu")).status_code == 200
    assert (await ann.get(f"/chats/{talk}/messages/3/menu")).status_code == 404
    assert len(await bob.bodies(talk)) == 5


async def test_it_is_read_in_pages_with_what_came_after(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    for body in ("six", "seven"):
        await make_message(app, bob, talk, body)
    assert await ann.bodies(talk) == ["two", "four", "six", "seven"]
    for limit, expected in ((2, [6, 7]), (3, [4, 6, 7])):
        newest = await ann.get(f"/chats/{talk}/messages", params={"limit": limit}, headers=HTMX)
        assert (seqs(newest.text), newest.headers["x-has-older"]) == (expected, "1")
    assert await ann.bodies(talk, after=2, limit=2) == ["four", "six"]
    assert await ann.bodies(talk, around=4, limit=1) == ["two", "four", "six"]


async def test_the_list_tells_of_it_and_counts_nothing(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    (row,) = (await ann.read("/chats"))["chats"]
    assert (row["last"]["preview"], row["unread"]) == ("four", 0)
    await make_message(app, bob, talk, "six")
    (row,) = (await ann.read("/chats"))["chats"]
    assert (row["last"]["preview"], row["unread"]) == ("six", 1)


async def test_without_its_star_it_goes_like_the_rest(
    server: Running, app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    before = (await ann.get(f"/chats/{talk}/messages")).headers["x-revision"]
    async with listening(server, app, ann) as mine:
        await ann.post(f"/chats/{talk}/messages/2/star", data={"on": "0"})
        assert "message-" in str(await mine.all())
    assert await ann.bodies(talk) == ["four"]
    away = (await ann.read(f"/chats/{talk}/messages", since=before))["gone"]
    assert len(away) == 1
    await ann.post(f"/chats/{talk}/messages/2/star")
    assert await starred(ann) == ["four"]


async def test_what_came_after_stays_without_its_star(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    await make_message(app, bob, talk, "six")
    for on in ("1", "0"):
        await ann.post(f"/chats/{talk}/messages/6/star", data={"on": on})
    assert await ann.bodies(talk) == ["two", "four", "six"]


async def test_clearing_again_keeps_what_has_a_star_then_and_nothing_that_was_gone(
    app: Starlette, ann: Member, bob: Member, talk: int
) -> None:
    await make_message(app, bob, talk, "six")
    await ann.post(f"/chats/{talk}/messages/6/star")
    await ann.post(f"/chats/{talk}/clear", data=KEEP)
    assert await ann.bodies(talk) == ["two", "four", "six"]
    await ann.post(f"/chats/{talk}/clear")
    assert await ann.bodies(talk) == []
    await ann.post(f"/chats/{talk}/clear", data=KEEP)
    assert await ann.bodies(talk) == []
    assert await starred(ann) == []


async def test_deleting_the_chat_removes_all(app: Starlette, ann: Member, bob: Member, talk: int) -> None:
    await ann.post(f"/chats/{talk}/remove")
    await make_message(app, bob, talk, "six")
    assert await ann.bodies(talk) == ["six"]


async def test_a_date_leads_to_it(app: Starlette, ann: Member, talk: int) -> None:
    long_ago, now = datetime.now(UTC) - timedelta(days=30), datetime.now(UTC)
    async with app.state.database.write() as work:
        old = update(Message).where(col(Message.chat_id) == talk, col(Message.seq) <= 2)
        await work.execute(old.values(created_at=long_ago))
    for day, seq in ((long_ago - timedelta(days=2), 2), (now - timedelta(days=9), 4), (now + timedelta(days=9), 4)):
        assert (await ann.read(f"/chats/{talk}/day", day=day.date().isoformat()))["seq"] == seq


async def test_who_leaves_keeps_it_and_what_expires_or_is_deleted_goes(
    app: Starlette, ann: Member, bob: Member
) -> None:
    group = await make_group(app, bob, ann)
    kept = [(await make_message(app, bob, group, body)).seq for body in ("one", "two", "three")]
    for seq in kept:
        await ann.post(f"/chats/{group}/messages/{seq}/star")
    await ann.post(f"/chats/{group}/clear", data=KEEP)
    assert await ann.bodies(group) == ["one", "two", "three"]
    await ann.post(f"/chats/{group}/messages/{kept[0]}/hide")
    async with app.state.database.write() as work:
        await messages.expire(work, group, [kept[1]])
    assert await ann.bodies(group) == ["three"]
    await ann.post(f"/groups/{group}/leave")
    assert (await ann.bodies(group))[0] == "three"


@pytest.mark.sqlite
async def test_few_kept_messages_of_a_long_chat_are_found_by_their_own_rows(app: Starlette) -> None:
    async with app.state.database.read() as work:
        for statement in (KEPT_OLDER, KEPT_NEWER):
            compiled = statement.compile(app.state.database.engines[0].sync_engine)
            plan = await work.rows(text(f"EXPLAIN QUERY PLAN {compiled.string.replace('?', '1')}"), {})
            assert "SEARCH kept_messages USING COVERING INDEX" in str(plan[0])
            assert "USE TEMP B-TREE" not in str(plan)


async def test_a_long_chat_with_one_kept_message(app: Starlette, ann: Member, bob: Member) -> None:
    chat_id = await make_chat(app, ann, bob)
    await make_messages(app, bob, chat_id, 2000)
    await ann.post(f"/chats/{chat_id}/messages/3/star")
    await ann.post(f"/chats/{chat_id}/clear", data=KEEP)
    assert len(await ann.bodies(chat_id)) == 1


async def test_the_menu_asks_before_it_clears(ann: Member, talk: int) -> None:
    page = (await ann.get(f"/chats/{talk}/switches", headers=HTML)).text
    assert '<input type="checkbox" name="keep_starred" value="1" checked> Keep starred messages' in page
