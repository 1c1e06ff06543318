"""Parley on a fresh database for every test, and its people: Ann and Bob talk, Cara may nothing."""

from __future__ import annotations

import functools
import gc
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from app.auth.passwords import Passwords
from app.files import StaticFolder
from app.main import create_app
from app.migrate import migrate
from app.models import metadata
from app.realtime.bus import LocalBus
from app.realtime.frames import Announcement, Control, Frame
from app.settings import Settings, database
from app.templates import SHARED_BYTES, Kept, Templates
from tests.backing import Postgres, Redis, RedisCluster, make_postgres
from tests.make import Client, Member, make_chat, make_member
from tests.process import parley
from tests.server import Running, running

# scripts/test --postgres: what needs an app runs on PostgreSQL, and nothing else runs.
ON_POSTGRES = os.environ.get("TEST_ON") == "postgres"
MANY = 1_000_000
ROOMY = {
    "send_rate": MANY,
    "send_burst": MANY,
    "login_attempts": MANY,
    "address_attempts": MANY,
    "request_rate": MANY,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whatever has no business with a database, or with SQLite alone, need not run twice; nor need the browser."""
    if not ON_POSTGRES:
        return
    twice = [each for each in items if {"app", "settings"} & set(getattr(each, "fixturenames", ()))]
    kept = [each for each in twice if not each.get_closest_marker("sqlite") and "browser" not in each.path.parts]
    config.hook.pytest_deselected(items=[each for each in items if each not in set(kept)])
    items[:] = kept


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


class RecordingBus(LocalBus):
    """The bus of one process, which remembers what was told to whom."""

    def __init__(self, hub: Any) -> None:
        super().__init__(hub)
        self.told: list[Announcement] = []

    def publish(self, announcement: Announcement) -> None:
        self.told.append(announcement)
        super().publish(announcement)

    def frames(self, topic: str) -> list[str]:
        """What a topic was told."""
        told = [each.text if isinstance(each, Frame) else each.then for each in self.told if each.topic == topic]
        return [text for text in told if text]

    def html(self, topic: str) -> list[str]:
        return [text for text in self.frames(topic) if text.startswith("<")]

    def signals(self, topic: str, type_: str = "") -> list[dict[str, Any]]:
        """The JSON that a topic was told, of one type or all."""
        found = [json.loads(text) for text in self.frames(topic) if text.startswith("{")]
        return [each for each in found if not type_ or each["type"] == type_]

    def orders(self, topic: str) -> list[tuple[str, str]]:
        """What the sockets of a topic were told to do."""
        controls = [each for each in self.told if isinstance(each, Control) and each.topic == topic]
        return [(each.order, each.argument) for each in controls]


def cheap_passwords() -> Passwords:
    passwords = Passwords()
    passwords.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    passwords.dummy = passwords.hasher.hash("nobody's password")
    return passwords


def engine_with_shared_cache() -> Callable[..., AsyncEngine]:
    """Compiling its statements would be most of what a fresh engine does in a short test."""
    first: list[AsyncEngine] = []

    def create(url: str, **options: Any) -> AsyncEngine:
        engine = create_async_engine(url, **options)
        first.append(engine)
        engine.sync_engine.dialect = first[0].sync_engine.dialect
        engine.sync_engine._compiled_cache = first[0].sync_engine._compiled_cache
        return engine

    return create


def forgetful(templates: Templates) -> Templates:
    """The same templates without what they rendered: each test has the ids of the last one."""
    templates.kept = Kept(SHARED_BYTES)
    return templates


@pytest.fixture(scope="session", autouse=True)
def quick() -> Iterator[None]:
    """What every app makes for itself and could share is made once, and passwords cost little."""
    shared: dict[str, Callable[..., Any]] = {
        "Templates": functools.cache(lambda zone, base: Templates(Settings(timezone=zone, base_url=base))),
        "Passwords": functools.cache(cheap_passwords),
        "StaticFolder": functools.cache(StaticFolder),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.main.Templates", lambda each: forgetful(shared["Templates"](each.timezone, each.base_url)))
        patch.setattr("app.auth.guard.KNOWN", 0)  # tests change sessions behind the server's back
        patch.setattr("app.main.Passwords", shared["Passwords"])
        patch.setattr("app.main.StaticFolder", shared["StaticFolder"])
        patch.setattr("app.main.LocalBus", RecordingBus)
        patch.setattr("app.sqlite.create_async_engine", engine_with_shared_cache())
        patch.setattr("app.postgres.create_async_engine", engine_with_shared_cache())
        # A crowd on a slow machine waits rather than fails; tests/postgres/test_outages.py keeps the real ones.
        patch.setattr("app.postgres.CONNECT_SECONDS", 20)
        patch.setattr("app.postgres.WORK_SECONDS", 30)
        yield


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at the newest revision to copy from, because migrating takes longer than most tests."""
    settings = Settings(data=tmp_path_factory.mktemp("blank"))
    migrate(settings)
    return settings.data / "parley.db"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL for the run, its database at the newest revision."""
    with make_postgres() as server:
        done = parley(tmp_path_factory.mktemp("postgres"), "migrate", PARLEY_DATABASE_URL=server.url)
        assert done.returncode == 0, done.stderr
        yield server


async def empty(server: Postgres) -> None:
    """Takes 8 ms; a fresh copy of the database would take three times that."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    connection = await asyncpg.connect(server.url)
    await connection.execute(f"SET lock_timeout = '5s'; TRUNCATE {names} RESTART IDENTITY")
    await connection.close()


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings in which the tests of a module differ: override this there."""
    return {}


@pytest.fixture
async def settings(request: pytest.FixtureRequest, tmp_path: Path, changes: dict[str, Any]) -> Settings:
    """With an empty database at the newest revision."""
    if ON_POSTGRES:
        server = request.getfixturevalue("postgres")
        await empty(server)
        return Settings(data=tmp_path, **{"database_url": database(server.url), **ROOMY, **changes})
    shutil.copy(request.getfixturevalue("blank"), tmp_path / "parley.db")
    return Settings(data=tmp_path, **{**ROOMY, **changes})


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def server(app: Starlette) -> AsyncIterator[Running]:
    """The same app on a port, for sockets."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for phase in ("startup", "shutdown"):  # its lifespan is the fixture's business
            await receive()
            await send({"type": f"lifespan.{phase}.complete"})

    async with running(served) as server:
        yield server


@pytest.fixture
def bus(app: Starlette) -> RecordingBus:
    """What was told to whom."""
    assert isinstance(app.state.bus, RecordingBus)
    return app.state.bus


@pytest.fixture
async def anonymous(app: Starlette) -> AsyncIterator[Client]:
    async with Client(app) as client:
        yield client


async def _member(app: Starlette, username: str, **values: Any) -> AsyncIterator[Member]:
    async with await make_member(app, username, **values) as client:
        yield client


@pytest.fixture
async def ann(app: Starlette) -> AsyncIterator[Member]:
    async for client in _member(app, "ann"):
        yield client


@pytest.fixture
async def bob(app: Starlette) -> AsyncIterator[Member]:
    async for client in _member(app, "bob"):
        yield client


@pytest.fixture
async def cara(app: Starlette) -> AsyncIterator[Member]:
    async for client in _member(app, "cara"):
        yield client


@pytest.fixture
async def ada(app: Starlette) -> AsyncIterator[Member]:
    """The admin."""
    async for client in _member(app, "ada", is_admin=True):
        yield client


@pytest.fixture
async def chat_id(app: Starlette, ann: Member, bob: Member) -> int:
    """The direct chat of Ann and Bob, in which nothing was said yet."""
    return await make_chat(app, ann, bob)


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of this test's own, empty."""
    with Redis() as server:
        yield server


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[RedisCluster]:
    """It takes seconds to come about, so all tests share it."""
    with RedisCluster() as servers:
        yield servers


@pytest.fixture
def cluster(shared_cluster: RedisCluster) -> RedisCluster:
    """A Redis Cluster whose nodes all run, and are empty."""
    shared_cluster.start()
    for node in shared_cluster.nodes:
        node.ask("FLUSHALL")
    return shared_cluster
