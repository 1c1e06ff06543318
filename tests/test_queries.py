"""How many statements a door takes: a small number, the same for little and for much."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from sqlalchemy import event, insert
from starlette.applications import Starlette

from app.chats import service as chats
from app.db import Work
from app.groups import service as groups
from app.users.models import Person, User
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Member, make_chat, make_group, make_message, make_messages

NO_QUERIES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "PRAGMA")
MUCH = 200

Count = Callable[[Awaitable[object]], Awaitable[int]]


@pytest.fixture
def count(app: Starlette) -> Iterator[Count]:
    """`await count(ann.get("/"))`: the number of statements that this took."""
    seen: list[str] = []

    def see(_: object, __: object, statement: str, *___: object) -> None:
        if not statement.startswith(NO_QUERIES):
            seen.append(statement)

    engines = [app.state.database.engine.sync_engine, app.state.database.readers.sync_engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", see)

    async def counted(doing: Awaitable[object]) -> int:
        seen.clear()
        await doing
        return len(seen)

    yield counted
    for engine in engines:
        event.remove(engine, "before_cursor_execute", see)


async def make_people(work: Work, count: int) -> list[Person]:
    """That many accounts, in one statement."""
    rows = [
        {"username": name, "username_key": name, "display_name": name, "password_hash": ""}
        for name in (f"user{n}" for n in range(count))
    ]
    columns = User.__table__.columns  # type: ignore[attr-defined]
    found = await work.execute(insert(User).values(rows).returning(*columns))
    return [Person.of(row) for row in found.all()]  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["", "?at=5", "?before=5", "?after=2"])
async def test_opening_a_chat(app: Starlette, ann: Member, bob: Member, count: Count, query: str) -> None:
    short, long = await make_chat(app, ann, bob), await make_group(app, ann, bob)
    await make_messages(app, ann, short, 10)
    await make_messages(app, ann, long, 10_000)
    counts = [await count(bob.get(f"/chats/{chat_id}{query}", headers=HTMX)) for chat_id in (short, long)]
    assert max(counts) <= 8
    assert counts[1] <= counts[0] + 1  # a group counts its members


async def test_opening_a_long_chat_is_quick(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    await make_messages(app, ann, chat_id, 10_000)
    for path in (f"/chats/{chat_id}", f"/chats/{chat_id}?at=5000", "/chats", f"/chats/{chat_id}/messages?since=9990"):
        began = time.perf_counter()
        assert (await bob.get(path, headers=HTML)).status_code == 200
        assert time.perf_counter() - began < 1, path


async def test_a_list_of_many_chats(app: Starlette, ann: Member, bob: Member, count: Count) -> None:
    async def look() -> list[int]:
        asked = [("/", HTML), ("/chats", HTMX), ("/chats", JSON), ("/chats?q=e&filter=unread", HTMX)]
        return [await count(ann.get(path, headers=headers)) for path, headers in asked]

    await make_chat(app, ann, bob)
    await make_message(app, bob, await make_group(app, bob, ann))
    few = await look()
    async with app.state.database.write() as work:
        for person in await make_people(work, MUCH):
            await chats.open_direct(work, ann.person, person)
    for _ in range(20):
        await make_message(app, bob, await make_group(app, bob, ann))
    assert await look() == few
    assert max(few) <= 9
    assert len((await ann.read("/chats"))["chats"]) > MUCH


@pytest.mark.parametrize("path", ["/users", "/users?q=user", "/groups/new", "/groups"])
async def test_a_page_of_people(app: Starlette, ann: Member, count: Count, path: str) -> None:
    few = await count(ann.get(path, headers=HTMX))
    async with app.state.database.write() as work:
        for person in (await make_people(work, MUCH))[:20]:
            await groups.create(work, person, groups.Draft(name="x", is_public=True), [], 10)
    assert await count(ann.get(path, headers=HTMX)) == few <= 4


async def make_groups(app: Starlette, ann: Member, bob: Member) -> tuple[int, int]:
    """A small group and one with many."""
    async with app.state.database.write() as work:
        people = await make_people(work, MUCH)
    return await make_group(app, ann, bob), await make_group(app, ann, bob, *people)


@pytest.mark.parametrize(
    ("path", "data", "most"),
    [
        ("/chats/{}/messages", {"body": "Hello"}, 9),
        ("/chats/{}/messages", {"body": "Hello", "seen": "2"}, 10),
        ("/chats/{}/messages/2/hide", {}, 7),
        ("/chats/{}/read", {}, 5),
        ("/chats/{}/draft", {"body": "Hm"}, 4),
        ("/groups/{}/edit", {"name": "Other", "description": "Other"}, 14),
        ("/groups/{}/leave", {}, 14),
    ],
)
async def test_a_large_group_costs_what_a_small_one_does(
    app: Starlette, ann: Member, bob: Member, count: Count, path: str, data: dict[str, str], most: int
) -> None:
    counts = [
        await count(ann.post(path.format(group), data=data, headers=JSON))
        for group in await make_groups(app, ann, bob)
    ]
    assert counts[0] == counts[1] <= most


@pytest.mark.parametrize("path", ["/chats/{}", "/chats/{}/info", "/chats/{}/messages", "/groups/{}/members"])
async def test_so_does_looking_at_it(app: Starlette, ann: Member, bob: Member, count: Count, path: str) -> None:
    counts = [await count(ann.get(path.format(group), headers=HTMX)) for group in await make_groups(app, ann, bob)]
    assert counts[0] == counts[1] <= 8


async def test_making_a_large_group(app: Starlette, ann: Member, count: Count) -> None:
    async with app.state.database.write() as work:
        people = await make_people(work, MUCH)
    taken = []
    for members in (people[:2], people):
        data = {"name": "x", "members": [str(person.id) for person in members]}
        taken.append(await count(ann.post("/groups", data=data)))
    assert taken[0] == taken[1] <= 16


async def test_a_send_to_a_large_group_is_one_frame(
    app: Starlette, ann: Member, bob: Member, bus: RecordingBus
) -> None:
    _, large = await make_groups(app, ann, bob)
    bus.told.clear()
    await ann.say(large, "Hello")
    assert len(bus.told) == 1
