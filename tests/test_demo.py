"""The world of `parley demo`: whole, believable, and to be had once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape

import httpx
import pytest
from sqlalchemy import func
from sqlmodel import col, select
from starlette.applications import Starlette

from app.auth import service as auth
from app.chats.models import Chat, Membership
from app.db import Database, now
from app.demo import AGE, PASSWORD, WORLD, demo
from app.demo_script import lines
from app.errors import Refused
from app.inbox import service as inbox
from app.inbox.service import Row
from app.main import create_app
from app.messages.drafts import starts_run
from app.messages.models import Message
from app.migrate import migrate
from app.settings import Settings
from app.users.models import Person, User

OLDER = re.compile(r'data-more="older".*?href="([^"]+)"')
CHAT = re.compile(r'href="(/chats/\d+)"')


@dataclass
class World:
    """The server after the demo, what the command said, and everybody."""

    app: Starlette
    told: str
    people: Sequence[User]

    @property
    def database(self) -> Database:
        database: Database = self.app.state.database
        return database

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="https://testserver",
            headers={"Accept": "text/html"},
        )

    async def rows(self, username: str) -> dict[str, Row]:
        """The chat list of somebody, by title."""
        user = next(each for each in self.people if each.username == username)
        async with self.database.read() as work:
            return {row.title: row for row in await inbox.rows(work, Person.of(user))}


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = Settings(data=tmp_path_factory.mktemp("demo"))
    migrate(settings)
    app = create_app(settings)
    database: Database = app.state.database
    told = await demo(database)
    async with database.read() as work:
        people = await work.all(select(User).order_by(col(User.id)))
    yield World(app, told, people)
    await app.state.presence.close()
    await database.close()


async def test_it_says_who_to_be_and_how_much_there_is(world: World) -> None:
    async with world.database.read() as work:
        chats = await work.first(select(func.count()).select_from(Chat))
        messages = await work.first(select(func.count()).select_from(Message))
    assert f"{len(world.people)} people, {chats} chats, {messages} messages" in world.told
    assert all(each.username in world.told for each in world.people)
    assert PASSWORD in world.told
    assert len(world.people) == 13
    assert chats == 16
    assert [each.username for each in world.people if each.is_admin] == ["amara"]


async def test_a_second_run_is_refused_and_changes_nothing(world: World) -> None:
    with pytest.raises(Refused, match="already"):
        await demo(world.database)
    async with world.database.read() as work:
        assert await work.first(select(func.count()).select_from(User)) == len(world.people)


async def test_every_chat_is_whole_and_in_the_past(world: World) -> None:
    async with world.database.read() as work:
        chats = await work.all(select(Chat))
        lengths = []
        for chat in chats:
            told = await work.all(select(Message).where(Message.chat_id == chat.id).order_by(col(Message.seq)))
            lengths.append(len(told))
            assert [each.seq for each in told] == list(range(1, chat.last_seq + 1))
            times = [each.created_at for each in told]
            assert times == sorted(times)
            assert now() - AGE < times[0] <= times[-1] <= now()
            before = [None, *told]
            runs = [starts_run(before[i], m.kind, m.sender_id, m.created_at) for i, m in enumerate(told)]
            assert [each.starts_run for each in told] == runs
            assert chat.created_at == times[0]
        assert max(lengths) >= 150


async def test_people_are_in_a_chat_since_their_first_line_in_it(world: World) -> None:
    async with world.database.read() as work:
        members = await work.all(select(Membership))
        said = {(each.chat_id, each.seq): each for each in await work.all(select(Message))}
    for member in members:
        own = [
            m.created_at for (chat, _), m in said.items() if (chat, m.sender_id) == (member.chat_id, member.user_id)
        ]
        assert member.joined_at <= min(own, default=now())
        assert member.read_seq <= member.delivered_seq


async def test_nobody_answered_what_they_have_not_read(world: World) -> None:
    async with world.database.read() as work:
        unread = await work.all(
            select(Message.body)
            .join(Membership, col(Membership.chat_id) == col(Message.chat_id))
            .where(Membership.user_id == Message.sender_id, Message.seq > Membership.read_seq)
            .where(Message.kind == "text")
        )
    assert unread == []


async def test_the_main_list_shows_every_state(world: World) -> None:
    rows = await world.rows("amara")
    assert list(rows)[:3] == ["Book club", "Mum 🌻", "Tomás Rivera"]
    assert {title: row.unread for title, row in rows.items() if row.unread} == {
        "Book club": 3,
        "Mum 🌻": 2,
        "Flat 4B": 12,
        "ليلى حداد": 1,
        "Elm Street neighbours": 2,
    }
    assert [title for title, row in rows.items() if row.draft] == ["प्रिया रमन", "Amara Sørensen (you)"]
    ticks = {}
    for title, row in rows.items():
        assert row.moving
        state = "read" if row.moving.seq <= row.read else "sent"
        ticks[title] = "delivered" if row.read < row.moving.seq <= row.delivered else state
    assert ticks["Tomás Rivera"] == "read"
    assert ticks["Hanna Weiß"] == "delivered"
    assert ticks["Grandpa Joe"] == "sent"


async def test_who_left_hears_nothing_more(world: World) -> None:
    left = (await world.rows("hanna"))["Elm Street neighbours"]
    assert left.moving
    assert left.moving.seq < left.chat.last_seq
    assert left.moving.tone == "note"
    assert (left.present, left.unread) == (False, 0)


async def test_the_main_person_signs_in_and_reads_every_chat(world: World) -> None:
    async with world.browser() as browser:
        answer = await browser.post("/login", data={"username": "amara", "password": PASSWORD})
        assert answer.is_redirect
        start = await browser.get("/")
        paths = set(CHAT.findall(start.text))
        assert len(paths) == 14
        pages = []
        while paths:
            page = await browser.get(paths.pop())
            assert page.status_code == 200
            paths.update(unescape(path) for path in OLDER.findall(page.text))
            pages.append(page.text)
    assert len(pages) >= 14 + 3
    shown = "".join(pages)
    for part in ("data-long", "data-edited", "data-deleted", 'data-emoji="1"', "<pre", "<ol>", "blockquote"):
        assert part in shown
    for part in ("link-card__title", "quote__text", "forwarded", "poll__option", 'class="mention"', "pin__link"):
        assert part in shown
    for event in (" created the group", " added ", " admin", " joined", " left", " renamed ", " pinned "):
        assert event in shown


async def test_the_list_opens_for_everybody(world: World) -> None:
    tokens = {each.id: world.app.state.session_tokens.new() for each in world.people}
    async with world.database.write() as work:
        for user_id, (_, token_hash) in tokens.items():
            await auth.begin_session(work, user_id, token_hash, "", "")
    for user_id, (signed, _) in tokens.items():
        async with world.browser() as browser:
            browser.cookies.set("__Host-sid", signed)
            start = await browser.get("/")
            assert start.status_code == 200
            assert len(set(CHAT.findall(start.text))) >= 2, user_id


@pytest.mark.parametrize("hour", [0, 5, 12, 21, 23])
def test_the_order_holds_at_any_hour(hour: int) -> None:
    present = datetime(2026, 3, 5, hour, 0, tzinfo=UTC)
    for table in tomllib.loads(WORLD.read_text("utf-8"))["chats"]:
        times = [line.at for line in lines(table["script"], present)]
        assert times == sorted(times)
        assert times[-1] < present


def test_a_message_may_have_several_lines() -> None:
    (line,) = lines("--- 5 minutes ago\njoe: One\n|\n| - two", now())
    assert (line.who, line.verb, line.text) == ("joe", "says", "One\n\n- two")


def test_a_line_that_nobody_understands_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a line"):
        list(lines("joe says hi", now()))
