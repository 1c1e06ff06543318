"""Who and what is in the database before anything is measured, written straight into the tables."""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import insert
from sqlmodel import SQLModel

from app.__main__ import offline
from app.auth.models import Session
from app.auth.tokens import Tokens
from app.chats.models import Chat, Membership, MembershipInterval
from app.db import Work, now
from app.messages.models import Message
from app.settings import Settings
from app.users.models import User

AT_ONCE = 500  # rows a statement
GROUP = 1  # the chat that everybody (up to a thousand) is in
HISTORY = 200
WATCHED = 2000  # messages of the group that a browser looks at
CREW = 20  # people in it
ROWS = 60  # chats in that browser's list
SAYS = "This is message {} of a talk that has been going on for a while."


@dataclass(frozen=True)
class Talk:
    """A chat to be: who is in it, and how many messages it says it has; of two people it is direct."""

    id: int
    members: Sequence[int]
    length: int = 0


@dataclass
class World:
    """People 1 to n with a cookie each; a group; pairs: chat k+2 is of the people 2k+1 and 2k+2.

    The last person has more groups, and a browser.
    """

    people: int
    cookies: list[str] = field(default_factory=list)

    def cookie(self, person: int) -> str:
        return self.cookies[person - 1]

    @property
    def pairs(self) -> int:
        return self.people // 2

    @property
    def read_chat(self) -> int:
        """The pair whose chat has a history; its first person is `reader`."""
        return self.pairs + 1

    @property
    def reader(self) -> int:
        return 2 * self.pairs - 1

    @property
    def watched_chat(self) -> int:
        """The group with a long history, of the first people and the last. Those after it have three members."""
        return self.pairs + 2

    @property
    def watcher(self) -> int:
        return self.people


async def seed(settings: Settings, people: int) -> World:
    """Fill a database that is up to date and empty; only `people` tells how."""
    world = World(people)
    tokens = Tokens(settings.secret, "session")
    sessions = [tokens.new() for _ in range(people)]
    world.cookies = [cookie for cookie, _ in sessions]
    database = offline(settings)
    try:
        async with database.write() as work:
            await put(work, User, (_user(number) for number in range(1, people + 1)))
            await put(work, Session, (_session(number, held) for number, (_, held) in enumerate(sessions, 1)))
        talks = _talks(world)
        while some := list(islice(talks, AT_ONCE)):  # on PostgreSQL a work has but a few seconds
            async with database.write() as work:
                await add_chats(work, some)
        async with database.write() as work:
            await put(work, Message, _history(world))
    finally:
        await database.close()
    return world


async def put(work: Work, model: type[SQLModel], rows: Iterable[dict[str, Any]]) -> None:
    """Insert many rows."""
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        await work.execute(insert(model), some)


async def add_chats(work: Work, talks: Iterable[Talk]) -> None:
    """Chats with their members, all of whom have read everything."""
    made = list(talks)
    await put(work, Chat, (_chat(talk) for talk in made))
    members = [(talk, person) for talk in made for person in talk.members]
    await put(work, Membership, (_membership(talk, person) for talk, person in members))
    stay = {"from_seq": 1, "to_seq": None}
    await put(work, MembershipInterval, ({**stay, "chat_id": talk.id, "user_id": who} for talk, who in members))


def message(chat_id: int, seq: int, sender_id: int, body: str = SAYS) -> dict[str, Any]:
    """The row of a message, whose body may have a place for its number."""
    row = {"chat_id": chat_id, "seq": seq, "revision": seq, "id": str(uuid.uuid4()), "sender_id": sender_id}
    return {
        **row,
        "kind": "text",
        "body": body.format(seq),
        "fingerprint": "",
        "starts_run": True,
        "created_at": now(),
    }


def prolong(path: str, chat_id: int, length: int, sender_ids: tuple[int, int]) -> None:
    """Put messages 1 to `length` into a chat of a SQLite file, in one statement: a million takes some seconds."""
    both = f"iif(n % 2, {sender_ids[0]}, {sender_ids[1]})"
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(
            f"""
            WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {length})
            INSERT INTO messages
                (chat_id, seq, revision, id, sender_id, kind, body, fingerprint, starts_run, created_at)
            SELECT {chat_id}, n, n, printf('{chat_id:08x}-0000-4000-8000-%012x', n), {both}, 'text',
                   'This is message ' || n || ' of a talk that has been going on for a while.', '', 1, ?
            FROM numbers
            """,  # noqa: S608
            [f"{now().replace(tzinfo=None)}"],
        )
    connection.close()


def _user(number: int) -> dict[str, Any]:
    name = f"person{number}"
    row = {"id": number, "username": name, "username_key": name, "display_name": f"Person {number}"}
    return {**row, "about": "", "password_hash": "none", "is_admin": number == 1, "created_at": now()}


def _session(number: int, held: str) -> dict[str, Any]:
    row = {"token_hash": held, "user_id": number, "user_agent": "", "address": ""}
    return {**row, "created_at": now(), "last_active_at": now()}


def _talks(world: World) -> Iterator[Talk]:
    yield Talk(GROUP, range(1, min(world.people, 1000) + 1))
    for pair in range(world.pairs):
        chat_id = pair + 2
        yield Talk(chat_id, [2 * pair + 1, 2 * pair + 2], HISTORY if chat_id == world.read_chat else 0)
    yield Talk(world.watched_chat, [*range(1, CREW), world.watcher], WATCHED)
    for number in range(1, ROWS):
        yield Talk(world.watched_chat + number, [1, 2, world.watcher], 1)


def _chat(talk: Talk) -> dict[str, Any]:
    is_direct = len(talk.members) == 2
    counters = {"last_seq": talk.length, "revision": talk.length, "created_by": talk.members[0]}
    row = {"id": talk.id, "description": "", "is_public": False, "created_at": now(), **counters}
    if is_direct:
        return {**row, "kind": "direct", "name": "", "pair": f"{talk.members[0]}:{talk.members[1]}"}
    return {**row, "kind": "group", "name": f"Group {talk.id}", "pair": None}


def _membership(talk: Talk, person: int) -> dict[str, Any]:
    row = {"chat_id": talk.id, "user_id": person, "read_seq": talk.length, "delivered_seq": talk.length}
    return {**row, "role": "member", "is_present": True, "joined_at": now(), "draft": ""}


def _history(world: World) -> Iterator[dict[str, Any]]:
    for seq in range(1, HISTORY + 1):
        yield message(world.read_chat, seq, world.reader + seq % 2)
    for number in range(1, ROWS):
        yield message(world.watched_chat + number, 1, 1)
    numbers = random.Random(1)  # noqa: S311
    for seq in range(1, WATCHED + 1):  # most are short, some are long
        words = numbers.choices(SAYS.format("what").split(), k=min(80, 1 + int(numbers.expovariate(1 / 12))))
        yield message(world.watched_chat, seq, 1 + seq % (CREW - 1), " ".join(words))
