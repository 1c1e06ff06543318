"""Who has a message: three states with their times, from pointers and from the log of how they moved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.chats import service as chats
from app.db import now
from app.messages.models import Message
from app.receipts import service
from app.receipts.marks import Mark
from app.receipts.models import ReceiptLog
from tests.make import CURL, HTML, HTMX, JSON, Client, Member, make_group, make_message
from tests.test_queries import make_full_group, statements

DAY = timedelta(days=1)


@pytest.fixture
async def group(app: Starlette, ann: Member, bob: Member, cara: Member) -> int:
    return await make_group(app, ann, bob, cara)


async def info(member: Member, chat_id: int, seq: int, **query: Any) -> Any:
    return await member.read(f"/chats/{chat_id}/messages/{seq}/info", **query)


async def states(member: Member, chat_id: int, seq: int) -> dict[str, list[str]]:
    found = await info(member, chat_id, seq)
    return {state: [each["username"] for each in found[state]["people"]] for state in found}


async def times(member: Member, chat_id: int, seq: int, state: str = "read") -> list[tuple[Any, Any]]:
    people = (await info(member, chat_id, seq))[state]["people"]
    return [(each["delivered_at"], each["read_at"]) for each in people]


async def move(app: Starlette, chat_id: int, marks: Mapping[Member, Mark]) -> None:
    async with app.state.database.write() as work:
        await service.store(work, {(chat_id, member.id): mark for member, mark in marks.items()})


async def age(app: Starlette, days: int = 1) -> None:
    """Let all that was said and noted be so many days older."""
    async with app.state.database.write() as work:
        old = {"day": ReceiptLog.day - days, "at": ReceiptLog.at - days * 86_400_000}
        await work.execute(update(ReceiptLog).values(old))
        for message in await work.all(select(Message)):
            here = (col(Message.chat_id) == message.chat_id) & (col(Message.seq) == message.seq)
            await work.execute(update(Message).where(here).values(created_at=message.created_at - days * DAY))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_message_is_waited_for_then_delivered_then_read(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    seq = (await make_message(app, ann, group)).seq
    assert await states(ann, group, seq) == {"read": [], "delivered": [], "waiting": ["bob", "cara"]}
    await move(app, group, {bob: Mark(seq), cara: Mark(seq)})
    assert await states(ann, group, seq) == {"read": [], "delivered": ["bob", "cara"], "waiting": []}
    await move(app, group, {cara: Mark(seq, seq)})
    assert await states(ann, group, seq) == {"read": ["cara"], "delivered": ["bob"], "waiting": []}


async def test_each_state_has_its_own_time(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    seq = (await make_message(app, ann, group)).seq
    before = now()
    await move(app, group, {bob: Mark(seq)})
    await age(app)
    await move(app, group, {bob: Mark(seq, seq)})
    ((delivered, read),) = await times(ann, group, seq)
    assert before - DAY - timedelta(seconds=1) < at(delivered) < now() - DAY
    assert before - timedelta(seconds=1) < at(read) <= now()


async def test_what_was_read_at_once_was_delivered_then(app: Starlette, ann: Member, bob: Member, group: int) -> None:
    seq = (await make_message(app, ann, group)).seq
    await move(app, group, {bob: Mark(seq, seq)})
    ((delivered, read),) = await times(ann, group, seq)
    assert delivered == read is not None


async def test_who_came_first_stands_last(app: Starlette, ann: Member, bob: Member, cara: Member, group: int) -> None:
    seq = (await make_message(app, ann, group)).seq
    await move(app, group, {cara: Mark(seq, seq)})
    await age(app)
    await move(app, group, {bob: Mark(seq, seq)})
    assert (await states(ann, group, seq))["read"] == ["bob", "cara"]


async def test_without_a_note_the_pointers_alone_say_how_far_somebody_came(
    app: Starlette, ann: Member, bob: Member, group: int
) -> None:
    seq = (await make_message(app, ann, group)).seq
    await move(app, group, {bob: Mark(seq, seq)})
    async with app.state.database.write() as work:
        await work.execute(delete(ReceiptLog))
    assert (await states(ann, group, seq))["read"] == ["bob"]
    assert await times(ann, group, seq) == [(None, None)]
    assert "Bob" in (await ann.get(f"/chats/{group}/messages/{seq}/info", headers=HTML)).text


async def test_only_those_are_named_to_whom_it_was_said(
    app: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob)
    early = (await make_message(app, ann, group)).seq
    await ann.post(f"/groups/{group}/members", data={"members": "cara"})
    both = (await make_message(app, ann, group)).seq
    await bob.post(f"/groups/{group}/leave")
    late = (await make_message(app, ann, group)).seq
    assert [(await states(ann, group, seq))["waiting"] for seq in (early, both, late)] == [
        ["bob"],
        ["bob", "cara"],
        ["cara"],
    ]


async def test_coming_again_is_not_reading_what_was_said_before(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    read, unread = [(await make_message(app, ann, group)).seq for _ in range(2)]
    await move(app, group, {bob: Mark(read, read)})
    await bob.post(f"/groups/{group}/leave")
    await ann.post(f"/groups/{group}/members", data={"members": "bob"})
    assert (await states(ann, group, read))["read"] == ["bob"]
    assert (await states(ann, group, unread))["waiting"] == ["bob", "cara"]


async def test_only_whoever_sent_it_may_ask(
    app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int, anonymous: Client
) -> None:
    seq = (await make_message(app, ann, chat_id)).seq
    path = f"/chats/{chat_id}/messages/{seq}/info"
    for member, status in ((ann, 200), (bob, 403), (cara, 404), (anonymous, 401)):
        assert (await member.get(path, headers=JSON)).status_code == status
    assert (await ann.get(f"/chats/{chat_id}/messages/999/info", headers=JSON)).status_code == 404
    menu = f"/chats/{chat_id}/messages/{seq}/menu"
    assert ((await ann.read(menu))["may_info"], (await bob.read(menu))["may_info"]) == (True, False)
    assert f'href="{path}"' in (await ann.get(menu, headers=HTMX)).text


async def test_who_left_hears_no_more_of_those_who_stayed(
    app: Starlette, ann: Member, bob: Member, group: int
) -> None:
    seq = (await make_message(app, bob, group)).seq
    await bob.post(f"/groups/{group}/leave")
    assert (await bob.get(f"/chats/{group}/messages/{seq}/info", headers=JSON)).status_code == 403


async def test_system_lines_deleted_messages_and_notes_to_oneself_have_none(
    app: Starlette, ann: Member, chat_id: int, group: int
) -> None:
    seq = (await make_message(app, ann, chat_id)).seq
    await ann.post(f"/chats/{chat_id}/messages/{seq}/delete")
    own = (await ann.post("/chats", data={"username": "ann"}, headers=JSON)).headers["location"]
    await ann.post(f"{own}/messages", data={"body": "Milk"})
    for path in (f"/chats/{chat_id}/messages/{seq}", f"/chats/{group}/messages/1", f"{own}/messages/1"):
        assert (await ann.get(f"{path}/info", headers=JSON)).status_code == 403


async def test_the_page_shows_the_message_and_everybody(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    seq = (await make_message(app, ann, group, "<b>Supper</b> is at eight")).seq
    await bob.post("/you/edit", data={"display_name": "<i>Bob</i>", "about": ""})
    await move(app, group, {bob: Mark(seq, seq)})
    path = f"/chats/{group}/messages/{seq}/info"
    for headers in (HTML, HTMX, CURL):
        page = (await ann.get(path, headers=headers)).text
        assert "&lt;b&gt;Supper&lt;/b&gt; is at" in page
        assert f'<bdi data-name-of="{bob.id}">&lt;i&gt;Bob&lt;/i&gt;</bdi>' in page
        assert page.index('id="info-read"') < page.index("&lt;i&gt;Bob") < page.index('id="info-waiting"')
        assert page.index('id="info-waiting"') < page.index("Cara</bdi>")
        assert "info-delivered" not in page
        assert ("<!doctype html>" in page) == (headers is HTML)


async def test_of_two_the_page_has_two_lines(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    seq = (await make_message(app, ann, chat_id)).seq
    path = f"/chats/{chat_id}/messages/{seq}/info"
    shown = []
    for mark in (Mark(), Mark(seq), Mark(seq, seq)):
        await move(app, chat_id, {bob: mark})
        page = (await ann.get(path, headers=HTMX)).text
        shown.append((page.count("Not yet"), page.count('data-form="lastseen"')))
    assert shown == [(2, 0), (1, 1), (0, 2)]


async def test_ticks_of_the_message_are_those_of_its_chat(
    app: Starlette, ann: Member, bob: Member, cara: Member, group: int
) -> None:
    seq = (await make_message(app, ann, group)).seq
    path = f"/chats/{group}/messages/{seq}/info"
    marks = []
    for step in ({bob: Mark(seq, seq)}, {cara: Mark(seq)}, {cara: Mark(seq, seq)}):
        await move(app, group, step)
        page = (await ann.get(path, headers=HTMX)).text
        marks.append([name for name in ("delivered", "read") if f'data-mark="{name}"' in page])
    assert marks == [["delivered", "read"], ["read"], []]


async def test_many_people_come_in_pages(
    app: Starlette, ann: Member, bob: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.info.routes.PAGE", 4)
    group = await make_full_group(app, ann, bob, 9)
    seq = (await make_message(app, ann, group)).seq
    first = (await info(ann, group, seq))["waiting"]
    assert (first["count"], len(first["people"]), first["has_more"]) == (10, 4, True)
    seen = [each["id"] for each in first["people"]]
    for skip in (4, 8):
        only = await info(ann, group, seq, state="waiting", skip=skip)
        assert list(only) == ["waiting"]
        seen += [each["id"] for each in only["waiting"]["people"]]
    assert (len(set(seen)), only["waiting"]["has_more"]) == (10, False)
    path = f"/chats/{group}/messages/{seq}/info"
    assert f'href="{path}?state=waiting&amp;skip=4"' in (await ann.get(path, headers=HTML)).text
    assert f'href="{path}"' in (await ann.get(f"{path}?state=waiting&skip=4", headers=HTML)).text
    assert (await ann.get(f"{path}?state=asleep", headers=JSON)).status_code == 422


async def test_a_thousand_people_take_no_more_statements_than_ten(app: Starlette, ann: Member, bob: Member) -> None:
    counts = []
    for many in (10, 1000):
        group = await make_full_group(app, ann, bob, many)
        seq = (await make_message(app, ann, group)).seq
        async with app.state.database.write() as work:
            everybody = await chats.member_ids(work, group)
            await service.store(work, {(group, id_): Mark(seq, seq) for id_ in everybody})
        with statements(app) as sent:
            found = await info(ann, group, seq)
        assert found["read"]["count"] == many + 1
        counts.append(len(sent))
    assert counts[0] == counts[1] <= 7, sent
