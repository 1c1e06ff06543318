"""What happens at the same moment in two processes comes out as if one had been first."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
from sqlmodel import col, select
from starlette.applications import Starlette

from app.auth import service as auth
from app.chats import service as chats
from app.chats.models import Chat, Membership, MembershipInterval
from app.db import Work
from app.errors import Refused
from app.expiry import service as expiry
from app.groups import service as groups
from app.messages import service as messages
from app.messages.drafts import Draft
from app.messages.models import Message
from app.pins import service as pins
from app.pins.models import Pin
from app.polls import drafts
from app.polls import service as polls
from app.polls.models import Poll, Vote
from app.receipts import service as receipts
from app.receipts.marks import Mark
from app.users.models import Contact, Person
from tests.backing import Postgres
from tests.conftest import RecordingBus
from tests.make import (
    JSON,
    PASSWORD,
    Client,
    Member,
    make_chat,
    make_group,
    make_member,
    make_message,
    make_user,
    statuses,
)
from tests.waiting import PATIENCE, until

ROUNDS = 5  # a race is not lost every time


async def attempt(app: Starlette, service: Callable[..., Awaitable[Any]], *values: Any) -> str:
    """Run a service in a work of its own; answers the name of what it refuses with, or ""."""
    try:
        async with app.state.database.write() as work:
            await service(work, *values)
    except Refused as error:
        return type(error).__name__
    return ""


async def found(app: Starlette, statement: Any) -> list[Any]:
    async with app.state.database.read() as work:
        return list(await work.all(statement))


async def say(app: Starlette, person: Person, chat_id: int, body: str = "Hello") -> str:
    return await attempt(app, messages.send, person, chat_id, Draft(body=body))


async def test_sends_of_two_processes_are_numbered_without_gaps(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    ends = await asyncio.gather(*[say((app, twin)[n % 2], (ann, bob)[n % 3 % 2].person, chat_id) for n in range(200)])
    assert set(ends) == {""}
    assert await found(app, select(Message.seq).order_by(col(Message.seq))) == list(range(1, 201))
    assert await found(app, select(Chat.last_seq)) == [200]


@asynccontextmanager
async def between(
    app: Starlette, postgres: Postgres, chat_id: int, ask: Awaitable[httpx.Response]
) -> AsyncIterator[Work]:
    """A work that changes a chat after what is asked has looked at it, and before that can store anything."""
    async with app.state.database.write() as work:
        await chats.lock(work, {chat_id})
        asking = asyncio.ensure_future(ask)
        await until(
            lambda: postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1"
        )
        yield work
    await asking


async def test_a_send_that_another_one_overtook_stands_behind_it(
    app: Starlette, postgres: Postgres, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    asking = asyncio.ensure_future(ann.say(chat_id, "Second"))
    async with between(app, postgres, chat_id, asking) as work:
        await messages.send(work, bob.person, chat_id, Draft(body="First"))
    assert asking.result().status_code == 201
    assert await ann.bodies(chat_id) == ["First", "Second"]
    assert ["First" in html for html in bus.html(f"chat:{chat_id}")] == [True, False]


async def test_who_locks_a_chat_twice_does_not_wait_for_who_came_in_between(
    app: Starlette, postgres: Postgres, ann: Member, chat_id: int
) -> None:
    asking = asyncio.ensure_future(ann.say(chat_id, "Hello"))

    async def lock_twice() -> None:
        async with between(app, postgres, chat_id, asking) as work:
            await chats.lock(work, {chat_id})

    done, _ = await asyncio.wait([asyncio.create_task(lock_twice())], timeout=PATIENCE)
    assert done, "they wait for one another"
    assert asking.result().status_code == 201
    assert await ann.bodies(chat_id) == ["Hello"]


async def test_who_was_removed_while_they_sent_said_nothing(
    app: Starlette, postgres: Postgres, ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    asking = asyncio.ensure_future(bob.say(group, "Hello"))
    async with between(app, postgres, group, asking) as work:
        await groups.remove(work, ann.person, group, bob.id)
    assert asking.result().status_code == 422
    assert "Hello" not in await ann.bodies(group)


async def test_the_same_send_at_two_processes_is_one_message(
    app: Starlette, postgres: Postgres, ann: Member, bob: Member, chat_id: int
) -> None:
    draft = Draft(body="Once", id=str(uuid.uuid4()))
    asking = asyncio.ensure_future(ann.say(chat_id, "Once", id=draft.id))
    async with between(app, postgres, chat_id, asking) as work:
        await messages.send(work, ann.person, chat_id, draft)
    assert asking.result().status_code == 200
    assert await bob.bodies(chat_id) == ["Once"]


async def test_they_are_told_in_their_order(app: Starlette, ann: Member, chat_id: int, bus: RecordingBus) -> None:
    await asyncio.gather(*[say(app, ann.person, chat_id, str(n)) for n in range(100)])
    stored = await found(app, select(Message.id).order_by(col(Message.seq)))
    told = [html.split('id="message-')[1][:36] for html in bus.html(f"chat:{chat_id}")]
    assert told == stored


async def test_the_same_id_fifty_times_at_once_is_one_message(app: Starlette, ann: Member, chat_id: int) -> None:
    same = {"id": str(uuid.uuid4())}
    answers = await asyncio.gather(*[ann.say(chat_id, "Once", **same) for _ in range(50)])
    assert statuses(answers) == [200] * 49 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert await found(app, select(Message.seq)) == [1]


async def test_nobody_speaks_behind_their_leave_line(
    app: Starlette, twin: Starlette, ann: Member, bob: Member
) -> None:
    for _ in range(ROUNDS):
        group = await make_group(app, ann, bob)
        sends = [say((app, twin)[n % 2], bob.person, group) for n in range(12)]
        removal = attempt(twin, groups.remove, ann.person, group, bob.id)
        ends = await asyncio.gather(*sends[:4], removal, *sends[4:])
        assert set(ends) <= {"", "Invalid"}
        stay = select(MembershipInterval.to_seq).where(MembershipInterval.chat_id == group)
        (left,) = await found(app, stay.where(MembershipInterval.user_id == bob.id))
        said = select(Message.seq).where(Message.chat_id == group, Message.sender_id == bob.id)
        assert all(seq < left for seq in await found(app, said))


@pytest.mark.parametrize("changes", [{"group_size": 5}])
async def test_a_full_group_takes_nobody_however_many_come_at_once(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob, cara, is_public=True)
    people = [await make_member(app, f"guest{n}") for n in range(10)]
    joins = [attempt((app, twin)[n % 2], groups.join, guest.person, group, 5) for n, guest in enumerate(people)]
    assert sorted(await asyncio.gather(*joins)) == ["", ""] + ["Conflict"] * 8
    present = select(Membership.user_id).where(Membership.chat_id == group, col(Membership.is_present))
    assert len(await found(app, present)) == 5


@pytest.mark.parametrize("changes", [{"registration": "invite"}])
async def test_the_last_use_of_an_invitation_is_one(app: Starlette, twin: Starlette, ada: Member) -> None:
    signed, token_hash = app.state.invite_tokens.new()
    assert await attempt(app, auth.invite, ada.id, token_hash, 1, 7) == ""
    forms = [{"username": f"guest{n}", "password": PASSWORD, "invite": signed} for n in range(10)]
    clients = [Client((app, twin)[n % 2]) for n in range(10)]
    posts = [client.post("/register", data=form, headers=JSON) for client, form in zip(clients, forms, strict=True)]
    assert statuses(await asyncio.gather(*posts)) == [201] + [404] * 9


async def test_two_who_write_to_each_other_at_once_share_one_chat(
    app: Starlette, twin: Starlette, ann: Member, bob: Member
) -> None:
    opens = [one.post("/chats", data={"username": other}) for one, other in ((ann, "bob"), (bob, "ann"))] * 1
    opens += [ann.post("/chats", data={"username": "bob"}) for _ in range(5)]
    assert statuses(await asyncio.gather(*opens)) == [200] * 6 + [201]
    assert len(await found(app, select(Chat.id))) == 1
    assert sorted(await found(app, select(Membership.user_id))) == sorted([ann.id, bob.id])


async def test_a_contact_added_twice_at_once_is_one(app: Starlette, ann: Member, bob: Member) -> None:
    answers = await asyncio.gather(*[ann.post("/contacts", data={"username": "bob"}) for _ in range(6)])
    assert len(set(statuses(answers))) == 1
    assert answers[0].status_code < 400
    assert await found(app, select(Contact.contact_id)) == [bob.id]


async def test_a_group_keeps_an_owner_when_two_leave_at_once(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    for _ in range(ROUNDS):
        group = await make_group(app, ann, bob, cara)
        assert await attempt(app, groups.promote, ann.person, group, bob.id) == ""
        leaves = [attempt(twin, groups.leave, bob.person, group), attempt(app, groups.leave, ann.person, group)]
        assert await asyncio.gather(*leaves) == ["", ""]
        left = select(Membership.role).where(Membership.chat_id == group, col(Membership.is_present))
        assert await found(app, left) == ["owner"]


async def test_the_last_of_two_readers_tells_that_all_have_read(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, cara: Member
) -> None:
    group = await make_group(app, ann, bob, cara)
    for _ in range(ROUNDS):
        seq = (await make_message(app, ann, group)).seq
        stores = [
            attempt(process, receipts.store, {(group, each.id): Mark(seq, seq)})
            for process, each in ((app, bob), (twin, cara))
        ]
        await asyncio.gather(*stores)
        signals = [each.state.bus.signals(f"chat:{group}", "receipt.ticks") for each in (app, twin)]
        told = [signal["read"] for each in signals for signal in each]
        assert any(min(least if holder != ann.id else second, seq) == seq for least, holder, second in told)


async def test_receipts_of_many_chats_do_not_wait_for_each_other_in_a_ring(
    app: Starlette, twin: Starlette, ann: Member, bob: Member
) -> None:
    people = [await make_user(app, f"p{n}") for n in range(20)]
    chat_ids = [await make_chat(app, ann, person) for person in people]
    for chat_id in chat_ids:
        await make_message(app, ann, chat_id)
    pairs = [(chat_id, person.id) for chat_id, person in zip(chat_ids, people, strict=True)]
    forth, back = dict.fromkeys(pairs, Mark(1, 1)), dict.fromkeys(reversed(pairs), Mark(1, 1))
    stores = [attempt((app, twin)[n % 2], receipts.store, (forth, back)[n % 2]) for n in range(20)]
    sends = [say(app, ann.person, chat_id) for chat_id in chat_ids]
    assert set(await asyncio.gather(*stores, *sends)) == {""}


async def test_two_processes_never_count_two_votes_of_one(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    draft = drafts.read({"question": "Where to?"}, ["Soup", "Noodles", "Home"])
    assert await attempt(app, messages.send, ann.person, chat_id, draft) == ""
    for n in range(ROUNDS):
        votes = [
            attempt((app, twin)[k % 2], polls.vote, bob.person, chat_id, 1, [(n + k) % 3], False) for k in range(4)
        ]
        assert set(await asyncio.gather(*votes)) == {""}
        assert len(await found(app, select(Vote.option).where(Vote.user_id == bob.id))) == 1


async def test_what_is_said_behind_the_line_has_the_end_that_the_line_tells(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    sends = [say((app, twin)[n % 2], ann.person, chat_id, str(n)) for n in range(12)]
    setting = attempt(twin, expiry.choose, bob.person, chat_id, expiry.DAY)
    assert set(await asyncio.gather(*sends[:6], setting, *sends[6:])) == {""}
    said = await found(app, select(Message).order_by(col(Message.seq)))
    (line,) = [each.seq for each in said if each.kind == "note"]
    assert [each.seq for each in said if each.expires_at] == [each.seq for each in said if each.seq > line]


async def test_two_sweepers_and_a_vote_at_once_leave_nothing(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    for n in range(ROUNDS):
        draft = drafts.read({"question": "Where to?"}, ["Soup", "Noodles"])
        assert await attempt(app, messages.send, ann.person, chat_id, draft) == ""
        voting = attempt(app, polls.vote, bob.person, chat_id, n + 1, [1], False)
        ends = await asyncio.gather(
            voting, *[attempt(each, messages.expire, chat_id, [n + 1]) for each in (twin, app)]
        )
        assert ends[0] in ("", "NotFound")
        assert ends[1:] == ["", ""]
        assert [await found(app, select(model.seq)) for model in (Message, Poll, Vote)] == [[], [], []]


@pytest.mark.parametrize("replaces", [False, True])
async def test_two_processes_never_pin_more_than_fit(
    app: Starlette, twin: Starlette, ann: Member, bob: Member, chat_id: int, replaces: bool
) -> None:
    seqs = [(await make_message(app, ann, chat_id)).seq for _ in range(3 * ROUNDS)]
    week, _ = pins.DURATIONS[pins.USUAL]
    pin = partial(pins.pin, replaces=replaces)
    ends = [await attempt(app, pin, bob.person, chat_id, seq, week) for seq in seqs[:2]]
    assert ends == ["", ""]
    pinning = [attempt((app, twin)[seq % 2], pin, bob.person, chat_id, seq, week) for seq in seqs[2:]]
    ends = await asyncio.gather(*pinning)
    assert ends.count("") == (len(ends) if replaces else 1)
    assert len(await found(app, select(Pin.seq))) == pins.MOST
