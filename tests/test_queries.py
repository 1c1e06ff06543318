"""What is asked of the database: no more statements for many rows than for few, and never for long."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import bindparam, event, insert, update
from starlette.applications import Starlette

from app.chats.models import Chat, Membership, MembershipInterval
from app.db import now
from app.inbox import service as inbox
from app.messages import history
from app.messages.models import Message
from app.receipts import service
from app.receipts.marks import Mark
from app.settings import Settings
from app.sqlite_look import Compiled
from app.sqlite_look import ask as ask_sqlite
from app.users.models import User
from tests.make import CURL, HTML, JSON, PASSWORD_HASH, Member, make_group, make_messages

FEW = 10
MORE = 40  # that many unread messages and one more open at the first of them
WORKER = ("FROM jobs", "UPDATE jobs")
SECONDS = 3  # what nothing here comes near, on the slowest machine that runs these tests

Ask = Callable[[], Awaitable[httpx.Response | None]]
Case = Callable[[Starlette, Member, Member, int], Awaitable[Ask]]


@contextmanager
def statements(app: Starlette, *but: str) -> Iterator[list[str]]:
    """What is sent to the database while the block runs, by readers and the writer, but what has one of these in it:
    the indexer and the worker look around by themselves.
    """
    sent: list[str] = []
    with watched(app, lambda statement, _: sent.append(statement), *but):
        yield sent


@contextmanager
def watched(app: Starlette, tell: Callable[[str, Any], None], *but: str) -> Iterator[None]:
    """The same told one by one, each with its values."""
    passed_over = [*(but or ["search_"]), *WORKER]

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not any(each in statement for each in passed_over) and statement != "BEGIN":
            tell(statement, values)

    def ask(driver: Any, statement: str, values: Sequence[Any]) -> list[Any]:
        note(None, None, statement, values)
        return ask_sqlite(driver, statement, values)

    engines = [engine.sync_engine for engine in app.state.database.engines]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.sqlite_look.ask", ask)
            patch.setattr("app.sqlite_writer.ask", ask)
            yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)


def steps(database: Path, statement: Any, values: dict[str, Any]) -> int:
    """How many thousand steps SQLite takes for the answer."""
    taken = []
    compiled = Compiled(statement, [])
    bound = [
        str(now()) if name.startswith("present") else compiled._value(name, [], values) for name in compiled.names
    ]
    with closing(sqlite3.connect(database)) as connection:
        connection.set_progress_handler(lambda: taken.append(1), 1000)
        connection.execute(compiled.text, bound).fetchall()
    return len(taken)


async def add(app: Starlette, *rows: tuple[type[Any], list[dict[str, Any]]]) -> None:
    async with app.state.database.write() as work:
        for model, values in rows:
            await work.execute(insert(model), values)


async def make_people(app: Starlette, count: int) -> list[int]:
    """Many people at once; answers their ids."""
    ids = [1000 * count + number for number in range(count)]
    rows = [{"id": id_, "username": f"p{id_}", "username_key": f"p{id_}", "display_name": f"P {id_}"} for id_ in ids]
    await add(app, (User, [{**row, "password_hash": PASSWORD_HASH} for row in rows]))
    return ids


async def make_full_group(app: Starlette, owner: Member, other: Member, count: int) -> int:
    """A group with many more people than these two, each of whom said something."""
    group, ids = await make_group(app, owner, other), await make_people(app, count)
    await add(
        app,
        (Membership, [{"chat_id": group, "user_id": id_} for id_ in ids]),
        (MembershipInterval, [{"chat_id": group, "user_id": id_, "from_seq": 1} for id_ in ids]),
    )
    await make_messages(app, owner, group, count)
    async with app.state.database.write() as work:
        said = [{"b_seq": seq, "sender": id_} for seq, id_ in enumerate(ids, 3)]
        table = Message.__table__  # type: ignore[attr-defined]
        here = (table.c.chat_id == group) & (table.c.seq == bindparam("b_seq"))
        await work.execute(update(table).where(here).values(sender_id=bindparam("sender")), said)
    return group


async def make_chats(app: Starlette, one: Member, other: Member, count: int) -> list[int]:
    """Many groups of two, each with a message; answers their ids."""
    ids = [1000 * count + number for number in range(count)]
    here = [{"chat_id": id_, "user_id": user_id} for id_ in ids for user_id in (one.id, other.id)]
    said = {"seq": 1, "revision": 1, "sender_id": other.id, "body": "Hello", "created_at": now()}
    group = {"kind": "group", "is_public": True, "last_seq": 1, "revision": 1, "created_by": one.id}
    await add(
        app,
        (Chat, [{"id": id_, "name": f"Group {id_}", **group} for id_ in ids]),
        (Membership, here),
        (MembershipInterval, [{**row, "from_seq": 1} for row in here]),
        (Message, [{"id": f"{id_:032x}", "chat_id": id_, **said} for id_ in ids]),
    )
    return ids


async def read_chat(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_group(app, ann, bob)
    await make_messages(app, ann, group, count)
    return lambda: ann.get(f"/chats/{group}", headers=HTML)


async def unread_chat(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_group(app, ann, bob)
    await make_messages(app, bob, group, count + MORE)
    return lambda: ann.get(f"/chats/{group}", headers=HTML)


async def middle_of_chat(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_group(app, ann, bob)
    await make_messages(app, bob, group, count)
    return lambda: ann.get(f"/chats/{group}/messages", params={"around": count // 2}, headers=CURL)


async def crowded_chat(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_full_group(app, ann, bob, count + MORE)
    return lambda: ann.get(f"/chats/{group}", headers=HTML)


async def list_of_chats(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    await make_chats(app, ann, bob, count)
    return lambda: ann.get("/chats", headers=HTML)


async def list_for_programs(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    await make_chats(app, ann, bob, count)
    return lambda: ann.get("/chats", headers=JSON)


async def directory(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    await make_people(app, count)
    return lambda: ann.get("/users", headers=HTML)


async def info(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_full_group(app, ann, bob, count)
    return lambda: ann.get(f"/chats/{group}/info", headers=HTML)


async def picker(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_full_group(app, ann, bob, count)
    return lambda: ann.get(f"/groups/{group}/members", headers=HTML)


async def public_groups(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    await make_chats(app, ann, bob, count)
    return lambda: ann.get("/groups", headers=HTML)


async def send(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_full_group(app, ann, bob, count)
    return lambda: ann.say(group, "Hello all", seen=2)


async def since(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    group = await make_full_group(app, ann, bob, count)
    return lambda: bob.get(f"/chats/{group}/messages", params={"since": 2})


async def new_group(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    form = {"name": "All of us", "members": [str(id_) for id_ in await make_people(app, count)]}
    return lambda: ann.post("/groups", data=form)


async def receipts(app: Starlette, ann: Member, bob: Member, count: int) -> Ask:
    marks = {(chat, ann.id): Mark(1, 1) for chat in await make_chats(app, ann, bob, count)}

    async def store() -> None:
        async with app.state.database.write() as work:
            await service.store(work, marks)

    return store


# What is done, with how much of it, and the most statements that it may take.
CASES: list[tuple[Case, int, int]] = [
    (read_chat, 10_000, 15),
    (unread_chat, 10_000, 18),
    (middle_of_chat, 10_000, 8),
    (crowded_chat, 200, 18),
    (list_of_chats, 200, 10),
    (list_for_programs, 200, 10),
    (directory, 300, 12),
    (info, 200, 14),
    (picker, 200, 14),
    (public_groups, 200, 12),
    (send, 200, 11),
    (since, 190, 10),
    (new_group, 200, 22),
    (receipts, 50, 6),
]


@pytest.mark.parametrize(("case", "many", "most"), CASES, ids=[case.__name__ for case, *_ in CASES])
async def test_many_take_no_more_than_few(
    app: Starlette, ann: Member, bob: Member, case: Case, many: int, most: int
) -> None:
    counts = {}
    for count in (FEW, many):
        ask = await case(app, ann, bob, count)
        began = time.perf_counter()
        with statements(app) as sent:
            answer = await ask()
        assert time.perf_counter() - began < SECONDS
        assert answer is None or answer.status_code in (200, 201)
        counts[count] = len(sent)
    # Fewer, where all is said by people who are known already.
    assert counts[many] <= counts[FEW] <= most, sent


@pytest.mark.sqlite
async def test_the_end_of_a_long_chat_is_found_without_a_walk_through_all_of_it(
    app: Starlette, settings: Settings, ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    await make_messages(app, bob, group, 10_000)
    await ann.post(f"/chats/{group}/read")
    at_end = {"user": ann.id, "chat": group, "chats": [group], "seq": 10_002, "most": 50}
    for statement in (history.NEWEST, history.OLDER, history.NEWER, history.UNREAD, inbox.NEWEST, inbox.UNREAD):
        assert steps(settings.data / "parley.db", statement, at_end) < 5, str(statement)
