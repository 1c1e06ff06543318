"""What is due is seen by nobody, and is soon nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.chats import service as chats
from app.db import now
from app.expiry import service
from app.expiry.routes import sweep
from app.main import PARTS
from app.messages.models import HiddenMessage, Message
from app.messages.parts import Watcher
from app.models import metadata
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_group, make_message, seqs
from tests.polls.test_asking import ask
from tests.test_queries import add, statements

DAY = "86400"


async def set_to(member: Member, chat_id: int, lifetime: str = DAY) -> int:
    return (await member.post(f"/chats/{chat_id}/expiry", data={"lifetime": lifetime})).status_code


async def expire(app: Starlette, chat_id: int, *seqs: int) -> None:
    """Let the time of these messages be over."""
    async with app.state.database.write() as work:
        this = col(Message.chat_id) == chat_id, col(Message.seq).in_(seqs)
        await work.execute(update(Message).where(*this).values(expires_at=now() - timedelta(seconds=1)))


async def rows(app: Starlette, chat_id: int) -> Sequence[Message]:
    async with app.state.database.read() as work:
        return list(await work.all(select(Message).where(Message.chat_id == chat_id).order_by(col(Message.seq))))


async def count_of(app: Starlette, name: str) -> int:
    async with app.state.database.read() as work:
        return len(await work.rows(metadata.tables[name].select()))


@pytest.fixture
async def four(app: Starlette, ann: Member, bob: Member, chat_id: int) -> int:
    """A chat in which Ann said one, two and three, and Bob four; the second is due."""
    for member, body in ((ann, "one"), (ann, "two"), (ann, "three"), (bob, "four")):
        await make_message(app, member, chat_id, body)
    await expire(app, chat_id, 2)
    return chat_id


async def test_what_is_said_after_it_was_set_has_an_end_and_nothing_else(
    app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    await ann.say(chat_id, "before")
    assert await set_to(bob, chat_id) == 200
    before = now()
    sent = await ann.say(chat_id, "after")
    assert 'data-expires="20' in sent.text
    await ask(ann, chat_id)
    assert await set_to(ann, chat_id, "0") == 200
    await bob.say(chat_id, "for ever")
    ends = {each.seq: each.expires_at for each in await rows(app, chat_id)}
    assert [seq for seq, end in ends.items() if end] == [3, 4]
    end = ends[3]
    assert isinstance(end, datetime)
    assert timedelta() <= end - before - timedelta(days=1) < timedelta(minutes=1)
    shown = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert [each["expires_at"] is not None for each in shown] == [False, False, True, True, False, False]
    assert sent.text in (await bob.get(f"/chats/{chat_id}/messages")).text


async def test_a_send_takes_no_statement_more(app: Starlette, ann: Member, chat_id: int) -> None:
    counts = []
    for lifetime in ("0", DAY):
        await set_to(ann, chat_id, lifetime)
        with statements(app) as sent:
            await ann.say(chat_id, "Hello")
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_it_is_announced_and_shown(ann: Member, bob: Member, chat_id: int, bus: RecordingBus) -> None:
    await set_to(ann, chat_id, str(7 * 86400))
    assert "set messages to disappear after 7 days" in (await bob.get(f"/chats/{chat_id}")).text
    told = "".join(bus.html(topics.chat(chat_id)))
    assert f'hx-target="#chat-{chat_id}-timer"' in told
    assert "Disappearing messages: 7 days" in told
    header = (await bob.get(f"/chats/{chat_id}", headers=HTML)).text
    assert "Disappearing messages: 7 days" in header
    assert f'id="chat-{chat_id}-lifetime">7 days' in (await bob.get(f"/chats/{chat_id}/info", headers=HTML)).text
    assert (await bob.read(f"/chats/{chat_id}"))["chat"]["lifetime"] == 7 * 86400
    await set_to(bob, chat_id, "0")
    page = (await ann.get(f"/chats/{chat_id}", headers=HTML)).text
    assert "turned off disappearing messages" in page
    assert "Disappearing messages: " not in page
    assert f'id="chat-{chat_id}-lifetime">Off' in (await ann.get(f"/chats/{chat_id}/info", headers=HTML)).text


async def test_setting_what_is_set_says_nothing(ann: Member, chat_id: int) -> None:
    for _ in range(2):
        assert await set_to(ann, chat_id) == 200
    assert await ann.bodies(chat_id) == ["lifetime"]


@pytest.mark.parametrize("lifetime", ["", "x", "-1", "60", "86401", "9" * 20])
async def test_other_times_are_refused(ann: Member, chat_id: int, lifetime: str) -> None:
    refused = await ann.post(f"/chats/{chat_id}/expiry", data={"lifetime": lifetime}, headers=JSON)
    assert (refused.status_code, list(refused.json()["errors"])) == (422, ["lifetime"])
    again = await ann.post(f"/chats/{chat_id}/expiry", data={"lifetime": lifetime}, headers=HTMX)
    assert (again.status_code, 'role="alert"' in again.text) == (422, True)


async def test_in_groups_it_is_the_admins_who_choose(app: Starlette, ann: Member, bob: Member, cara: Member) -> None:
    group = await make_group(app, ann, bob)
    assert [await set_to(member, group) for member in (ann, bob, cara)] == [200, 403, 404]
    assert "24 hours" in (await bob.get(f"/chats/{group}/expiry", headers=HTML)).text
    assert "radio" not in (await bob.get(f"/chats/{group}/expiry", headers=HTML)).text
    await ann.post(f"/groups/{group}/leave")
    assert [await set_to(member, group, "0") for member in (ann, bob)] == [403, 200]


async def test_what_is_due_is_not_seen_before_it_is_swept(ann: Member, bob: Member, four: int) -> None:
    assert await bob.bodies(four) == ["one", "three", "four"]
    assert seqs((await bob.get(f"/chats/{four}", headers=HTML)).text) == [1, 3, 4]
    for query in ({"around": 2}, {"after": 1}, {"since": 0}, {"before": 9}):
        assert "two" not in (await bob.get(f"/chats/{four}/messages", params=query)).text
    path = f"/chats/{four}/messages/2"
    for answer in (
        await ann.get(f"{path}/menu"),
        await ann.post(f"{path}/edit", data={"body": "deux"}),
        await ann.post(f"{path}/delete"),
        await bob.post(f"{path}/hide"),
    ):
        assert answer.status_code == 404
    assert (await bob.read("/chats"))["chats"][0]["unread"] == 2


async def test_the_list_shows_what_was_before_it(app: Starlette, ann: Member, bob: Member, four: int) -> None:
    await expire(app, four, 4, 3)
    row = (await bob.read("/chats"))["chats"][0]
    assert (row["last"]["seq"], row["last"]["preview"], row["unread"]) == (1, "one", 1)


async def test_sending_again_what_is_due_does_not_bring_it_back(app: Starlette, ann: Member, chat_id: int) -> None:
    same = {"id": "5b0c4ea6-6a3c-4b8e-9f0e-0d4e6b7e6f10"}
    await ann.say(chat_id, "Psst", **same)
    await expire(app, chat_id, 1)
    again = await ann.say(chat_id, "Psst", **same)
    assert (again.status_code, "Psst" in again.text) == (409, False)


async def test_the_sweeper_leaves_nothing(
    app: Starlette, ann: Member, bob: Member, four: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, list[int]]] = []

    async def deleted(_: object, chat_id: int, gone: Sequence[int]) -> None:
        asked.append((chat_id, list(gone)))

    monkeypatch.setitem(PARTS["watchers"], "test", Watcher(deleted=deleted))
    await bob.post(f"/chats/{four}/messages/1/hide")
    await ask(ann, four)
    await bob.post(f"/chats/{four}/messages/5/votes", data={"options": "1"})
    await expire(app, four, 1, 5)
    await sweep(app)
    assert [each.seq for each in await rows(app, four)] == [3, 4]
    assert [(chat_id, sorted(gone)) for chat_id, gone in asked] == [(four, [1, 2, 5])]
    for table in ("hidden_messages", "polls", "poll_votes"):
        assert await count_of(app, table) == 0, table
    await sweep(app)
    assert len(asked) == 1


async def test_the_sweeper_takes_bounded_bites_and_all_chats(
    app: Starlette, ann: Member, bob: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 3)
    group = await make_group(app, ann, bob)
    for place in (chat_id, group):
        for _ in range(4):
            await make_message(app, ann, place)
    await expire(app, chat_id, 1, 2, 3, 4)
    await expire(app, group, 3, 4, 5, 6)
    await sweep(app)
    assert [len(await rows(app, place)) for place in (chat_id, group)] == [0, 2]  # the notes of the group stay


async def test_numbers_go_on_and_pointers_stay(app: Starlette, ann: Member, bob: Member, four: int) -> None:
    await bob.post(f"/chats/{four}/read", data={"seq": "3"})
    await expire(app, four, 1, 3, 4)
    await sweep(app)
    sent = (await ann.say(four, "five")).text
    assert 'data-seq="5"' in sent
    assert "data-run" in sent
    found = await bob.read(f"/chats/{four}")
    assert (found["read_seq"], found["unread"], [each["seq"] for each in found["messages"]]) == (3, 1, [5])


async def test_pages_are_told_when_and_up_to_where(ann: Member, four: int, app: Starlette, bus: RecordingBus) -> None:
    bus.told.clear()
    await sweep(app)
    (gone,) = bus.signals(topics.chat(four), "chat.expired")
    assert (gone["chat"], gone["last"]) == (four, 2)
    assert abs(datetime.fromisoformat(gone["at"]) - now()) < timedelta(minutes=1)
    (revised,) = bus.signals(topics.chat(four), "chat.revised")
    answer = await ann.get(f"/chats/{four}/messages", params={"since": 4})
    assert answer.headers["x-revision"] == str(revised["revision"]) == "5"


async def test_who_goes_on_with_a_run_begins_it_then(
    app: Starlette, ann: Member, bob: Member, four: int, bus: RecordingBus
) -> None:
    await expire(app, four, 1)
    before = (await bob.get(f"/chats/{four}/messages?since=0")).text
    assert "data-run" not in before.partition("three")[0]
    bus.told.clear()
    await sweep(app)
    missed = await bob.get(f"/chats/{four}/messages", params={"since": 4})
    assert seqs(missed.text) == [3]
    assert "data-run" in missed.text
    assert any(missed.text in frame for frame in bus.html(topics.chat(four)))


async def test_a_change_to_what_is_due_is_told_to_nobody(app: Starlette, ann: Member, chat_id: int) -> None:
    await ask(ann, chat_id)
    await expire(app, chat_id, 1)
    place = f"/chats/{chat_id}/messages/1/votes"
    assert (await ann.post(place, data={"options": "1"})).status_code == 404
    assert (await ann.get(place)).status_code == 404


async def test_hidden_rows_of_others_chats_stay(app: Starlette, ann: Member, bob: Member, four: int) -> None:
    other = await make_group(app, ann, bob)
    await make_message(app, ann, other)
    await add(app, (HiddenMessage, [{"user_id": bob.id, "chat_id": other, "seq": 2, "revision": 2}]))
    await sweep(app)
    assert await count_of(app, "hidden_messages") == 1
    async with app.state.database.read() as work:
        assert (await chats.counters(work, other)).seq == 3
