"""A server that moves from SQLite to PostgreSQL and back: every row as it was, or nothing at all."""

from __future__ import annotations

import argparse
import re
import shutil
import sqlite3
import stat
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import JSON, insert
from sqlmodel import select
from starlette.applications import Starlette

from app import copying
from app.cards.models import CardImage, LinkCard, MessageCard
from app.copying_ends import End, PostgresEnd, Row, SqliteEnd
from app.demo import demo
from app.errors import Refused
from app.forwards.models import Forward
from app.jobs import Job
from app.main import create_app
from app.mentions.models import EVERYBODY, Mention
from app.messages.models import HiddenMessage, KeptMessage, Message
from app.models import metadata
from app.pins.models import Pin
from app.receipts.models import ReceiptLog
from app.replies.models import BegunReply, Quote
from app.settings import Settings, WrongSetting, database
from app.stars.models import Star
from app.users.models import User
from tests.backing import Postgres, make_postgres
from tests.make import HTML, Member, make_user, sign_in
from tests.process import parley

EMOJI = "👩‍👩‍👧‍👦 שלום \u202eabc\u202c \u2028 \U0010ffff \\N '\"\t\\"
MOMENT = datetime(2024, 2, 29, 23, 59, 59, 1, UTC)
PAGES = ("/", "/chats/1", "/chats/3", "/groups", "/users?q=a")


@dataclass(frozen=True)
class World:
    """A server that was filled, what one of its people saw there, and a PostgreSQL to which it was copied."""

    data: Path
    cookie: str
    seen: list[str]
    server: Postgres

    @property
    def source(self) -> str:
        return Settings(data=self.data).database

    def another(self, is_empty: bool = False) -> str:
        """The address of a database of one's own like the copy, or empty at the newest revision."""
        name = f"copy{uuid.uuid4().hex}"
        self.server.sql(f"CREATE DATABASE {name} TEMPLATE {'vacant' if is_empty else 'moved'}", "postgres")
        return database(self.server.address(name))


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, blank: Path) -> AsyncIterator[World]:
    data = tmp_path_factory.mktemp("world")
    shutil.copy(blank, data / "parley.db")
    async with serving(Settings(data=data)) as app:
        await demo(app.state.database)
        await add_edges(app)
        edgar = await make_user(app, "edgar", about=EMOJI)
        async with app.state.database.read() as work:
            amara = (await work.rows(select(User).where(User.username == "amara")))[0]
        async with await sign_in(app, amara, "Firefox " + EMOJI) as member, await sign_in(app, edgar):
            seen = await pages(member)
    with make_postgres() as server:
        server.sql("CREATE DATABASE moved", "postgres")
        await move(Settings(data=data).database, database(server.address("moved")))
        server.sql("CREATE DATABASE vacant TEMPLATE moved", "postgres")
        names = ", ".join(table.name for table in metadata.sorted_tables)
        server.sql(f"TRUNCATE {names} RESTART IDENTITY", "vacant")
        yield World(data, member.cookie, seen, server)


async def add_edges(app: Starlette) -> None:
    """Values that one of the two databases, or Python between them, might take for others."""
    ids = {"chat_id": 1, "sender_id": 1, "fingerprint": "", "revision": 2**53 + 1}
    odd = [
        {"body": EMOJI, "created_at": MOMENT, "deleted_at": MOMENT.replace(microsecond=0), "event": None},
        {
            "body": "",
            "created_at": MOMENT - timedelta(days=20_000),
            "deleted_at": None,
            "event": {"ü": [None, {}, "\0"]},
        },
    ]
    rows = [{**ids, **each, "id": f"edge {seq}", "seq": seq} for seq, each in enumerate(odd, 2**53)]
    async with app.state.database.write() as work:
        await work.execute(insert(Message), rows)
        await work.execute(insert(HiddenMessage).values(user_id=1, chat_id=1, seq=2**53, revision=1))
        await work.execute(insert(KeptMessage).values(user_id=1, chat_id=1, seq=2**53))
        quote = {"from_chat_id": 3, "from_seq": 1, "from_id": EMOJI, "sender_id": 1, "kind": "ü"}
        await work.execute(insert(Quote).values(chat_id=1, seq=2**53, excerpt=EMOJI, is_gone=True, **quote))
        await work.execute(insert(BegunReply).values(chat_id=1, user_id=1, from_chat_id=3, from_seq=2**53))
        await work.execute(insert(Mention).values(chat_id=1, seq=2**53, user_id=EVERYBODY))
        await work.execute(insert(CardImage).values(hash="00", data=bytes(range(256)), width=1, height=1))
        await work.execute(insert(LinkCard).values(key="k", url="u", title=EMOJI, description="", image_hash="00"))
        await work.execute(insert(MessageCard).values(chat_id=1, seq=2**53, card_id=1))
        await work.execute(insert(Star).values(user_id=1, chat_id=1, seq=2**53))
        await work.execute(insert(Pin).values(chat_id=1, seq=2**53, user_id=1, pinned_at=MOMENT, ends_at=MOMENT))
        await work.execute(insert(Forward).values(chat_id=1, seq=2**53, hops=2**31 - 1))
        note = {"day": 2**15 - 1, "level": 62, "seq": 2**62, "is_read": True, "before_seq": 0, "at": 2**53 + 1}
        await work.execute(insert(ReceiptLog).values(chat_id=1, user_id=1, **note))
        await work.execute(insert(Job).values(name="given up", payload={}, due_at=None, attempts=8))
        await work.execute(insert(Job).values(name="null", payload=JSON.NULL, sweep="null", every=5))


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Starlette]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


async def pages(member: Member) -> list[str]:
    """What somebody sees, but for what is new in every answer."""
    texts = [(await member.get(path, headers=HTML)).text for path in PAGES]
    return [re.sub(r'nonce="[^"]*"|name="id" value="[^"]*"', "", text) for text in texts]


async def move(source: str, target: str) -> list[str]:
    """Copy; answers what was said."""
    said: list[str] = []
    await copying.copy(Settings(), source, target, said.append)
    return said


def rows_of(path: Path) -> dict[str, list[Any]]:
    """All that stands in a SQLite file, just as it does."""
    with closing(sqlite3.connect(path)) as opened:
        tables = [table.name for table in metadata.sorted_tables]
        return {name: sorted(opened.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), server_settings={"lock_timeout": "10"})
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def is_empty(url: str) -> bool:
    return not any([await ask(url, f"SELECT count(*) FROM {table.name}") for table in metadata.sorted_tables])


async def test_there_and_back_every_row_is_what_it_was(world: World, tmp_path: Path) -> None:
    there = world.another()
    back = tmp_path / "new" / "parley.db"
    await move(there, database(f"sqlite:///{back}"))
    before = rows_of(world.data / "parley.db")
    assert all(before[name] for name in before if name not in ("invites",))
    assert rows_of(back) == before
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    assert stat.S_IMODE(back.parent.stat().st_mode) == 0o700
    assert [path.name for path in back.parent.iterdir()] == ["parley.db"]
    async with serving(Settings(data=back.parent)) as app, app.state.database.write() as work:
        assert (await work.connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"


async def test_on_the_copy_the_same_key_opens_the_same_pages(world: World) -> None:
    settings = Settings(data=world.data, database_url=world.another())
    async with serving(settings) as app:
        async with app.state.database.read() as work:
            amara = (await work.rows(select(User).where(User.username == "amara")))[0]
        async with Member(app, amara, world.cookie, 0) as member:
            assert await pages(member) == world.seen


async def test_on_the_copy_the_next_ids_are_new_ones(world: World) -> None:
    url = world.another()
    counted = [table.name for table in metadata.sorted_tables if table.autoincrement_column is not None]
    for name in counted:
        following = f"nextval(pg_get_serial_sequence('{name}', 'id'))"
        assert await ask(url, f"SELECT {following} = coalesce(max(id), 0) + 1 FROM {name}"), name
    assert counted == ["jobs", "users", "chats", "invites", "link_cards", "sessions"]


async def test_times_and_json_are_postgresqls_own(world: World) -> None:
    url = world.another()
    assert await ask(url, "SELECT min(created_at) FROM messages") == MOMENT - timedelta(days=20_000)
    assert await ask(url, f"SELECT created_at FROM messages WHERE seq = {2**53}") == MOMENT
    assert await ask(url, "SELECT payload::text FROM jobs WHERE name = 'null'") == "null"
    assert await ask(url, f"SELECT event IS NULL FROM messages WHERE seq = {2**53}")
    assert not await ask(url, "SELECT bool_or(event::text = 'null') FROM messages")


async def test_a_row_that_differs_is_found(world: World) -> None:
    url, said = world.another(), list[str]()
    await copying.verify(world.source, url, said.append)
    assert not [line for line in said if "differs" in line]
    await ask(url, f"UPDATE messages SET created_at = created_at + interval '1 microsecond' WHERE seq = {2**53}")
    with pytest.raises(Refused, match="differ in messages\\."):
        await copying.verify(world.source, url, said.append)
    assert [line.split()[0] for line in said if "differs" in line] == ["messages"]


@pytest.mark.parametrize("table", ["users", "sessions"])
async def test_a_row_that_arrives_changed_or_not_at_all_undoes_the_whole_copy(
    world: World, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, add = world.another(is_empty=True), PostgresEnd.add

    async def lossy(end: PostgresEnd, into: Any, rows: list[Row]) -> None:
        spoilt = {"users": [(*rows[0][:4], "somebody else", *rows[0][5:]), *rows[1:]], "sessions": rows[1:]}
        await add(end, into, spoilt[table] if into.name == table else rows)

    monkeypatch.setattr(PostgresEnd, "add", lossy)
    with pytest.raises(Refused, match=f"differ in {table}\\."):
        await move(world.source, url)
    assert await is_empty(url)


@pytest.fixture(params=["to PostgreSQL", "to SQLite"])
def journey(request: pytest.FixtureRequest, world: World, blank: Path, tmp_path: Path) -> Iterator[tuple[End, End]]:
    """A whole source and an empty target."""
    if request.param == "to SQLite":
        shutil.copy(blank, tmp_path / "target.db")
        yield PostgresEnd(world.another(), "source"), SqliteEnd(f"sqlite:///{tmp_path / 'target.db'}", "target")
    else:
        yield SqliteEnd(world.source, "source"), PostgresEnd(world.another(is_empty=True), "target")


async def test_what_breaks_off_leaves_the_target_empty(
    world: World, journey: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = journey
    add: Callable[..., Any] = type(target).add

    async def failing(end: End, table: Any, rows: list[Row]) -> None:
        await add(end, table, rows)
        if table.name == "messages":
            raise OSError("no space left")

    monkeypatch.setattr(type(target), "add", failing)
    with pytest.raises(Refused, match="nothing was copied: no space left"):
        await move(source.url, target.url)
    monkeypatch.undo()
    await move(source.url, target.url)  # takes an empty one only


async def test_nobody_writes_into_the_source_meanwhile(
    world: World, journey: tuple[End, End], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = journey
    add: Callable[..., Any] = type(target).add
    refused = []

    async def intruded(end: End, table: Any, rows: list[Row]) -> None:
        try:
            if isinstance(source, SqliteEnd):
                with closing(sqlite3.connect(source.path, timeout=0)) as other:
                    other.execute("DELETE FROM hidden_messages")
            else:
                await ask(source.url, "DELETE FROM hidden_messages")
        except (sqlite3.OperationalError, asyncpg.LockNotAvailableError) as error:
            refused.append(error)
        await add(end, table, rows)

    monkeypatch.setattr(type(target), "add", intruded)
    await move(source.url, target.url)
    assert len(refused) >= 7


async def test_while_parley_runs_nothing_is_copied(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.copying_ends.LAST_SECONDS", 0.1)
    full, there = world.another(), world.another(is_empty=True)
    shutil.copy(world.data / "parley.db", tmp_path)
    for settings in (Settings(data=tmp_path), Settings(data=tmp_path, database_url=full)):
        async with serving(settings) as app:
            await make_user(app, "busy")
            with pytest.raises(Refused, match="The source is in use: stop Parley"):
                await move(settings.database, there)
    assert await is_empty(there)


async def test_a_nul_is_left_out_and_told(world: World, tmp_path: Path) -> None:
    shutil.copy(world.data / "parley.db", tmp_path / "parley.db")
    with closing(sqlite3.connect(tmp_path / "parley.db")) as opened, opened:
        opened.execute("UPDATE users SET about = 'be' || char(0) || 'fore' WHERE id = 1")
    url = world.another(is_empty=True)
    said = await move(Settings(data=tmp_path).database, url)
    assert await ask(url, "SELECT about FROM users WHERE id = 1") == "before"
    assert said[-1].startswith("Left out: NUL characters, which PostgreSQL does not take, in 1 texts.")


async def test_a_target_that_holds_anything_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"already \(card_images, jobs, receipt_log, users, .*\); it must be an empty"):
        await move(world.source, world.another())
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as opened:
        opened.execute("CREATE TABLE recipes (name)")
    with pytest.raises(Refused, match="tables of something else"):
        await move(world.another(), f"sqlite:///{other}")


async def test_a_source_of_another_version_is_refused(world: World, tmp_path: Path) -> None:
    shutil.copy(world.data / "parley.db", tmp_path / "parley.db")
    with closing(sqlite3.connect(tmp_path / "parley.db")) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = '0003'")
    target = tmp_path / "target.db"
    for path, sentence in (
        (tmp_path / "parley.db", "at revision 0003"),
        (tmp_path / "none.db", "no database of Parley"),
    ):
        with pytest.raises(Refused, match=sentence):
            await move(f"sqlite:///{path}", f"sqlite:///{target}")
    assert not target.exists()
    assert not (tmp_path / "none.db").exists()


def test_every_kind_of_column_is_known(world: World) -> None:
    end = SqliteEnd(world.source, "source")
    for table in metadata.sorted_tables:
        assert end.changes(table, read=False) is not end.changes(table, read=True)


def test_an_address_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "address").write_text("postgresql://parley:secret@127.0.0.1:1/parley\n")
    parser = argparse.ArgumentParser()
    copying.add_options(parser)
    options = parser.parse_args(["--from", f"sqlite:///{tmp_path}/a.db", "--to-file", str(tmp_path / "address")])
    with pytest.raises(Refused, match="The source is no database"):
        options.command(Settings(data=tmp_path), options)
    options.target_file = str(tmp_path / "nothing")
    with pytest.raises(WrongSetting, match=r"--to-file is .*, but it must be a file"):
        options.command(Settings(data=tmp_path), options)
    options.target_file, options.target = None, f"sqlite:///{tmp_path}/b.db"
    options.source_file, options.source = str(tmp_path / "address"), None
    with pytest.raises(Refused, match="The source cannot be reached") as refused:
        options.command(Settings(data=tmp_path), options)
    assert "secret" not in str(refused.value)


def test_the_command_tells_how_far_it_is_and_what_to_do_then(world: World, blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path / "parley.db")
    source = world.another().replace("+asyncpg", "")
    arguments = ("copy-database", "--to", f"sqlite:///{tmp_path / 'parley.db'}")
    done = parley(tmp_path, *arguments, PARLEY_DATABASE_URL=source)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^copying users: 14 of 14 rows, [\d,]+ rows/s$", done.stderr, re.MULTILINE)
    assert re.search(r"^users +14  [0-9a-f]{32}  equal$", done.stdout, re.MULTILINE)
    assert f"which stands in {tmp_path / 'secret'}." in done.stdout
