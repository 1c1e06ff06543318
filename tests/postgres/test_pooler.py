"""Behind pgbouncer in transaction mode, where each transaction finds another session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from app.settings import Settings, database
from tests.backing import Pgbouncer, Postgres, make_pgbouncer
from tests.conftest import ROOMY, empty
from tests.make import Member, statuses
from tests.process import parley


@pytest.fixture
def pooler(postgres: Postgres) -> Iterator[Pgbouncer]:
    """As docs/operations.md has it set up: what a session cannot be told, the role is."""
    postgres.sql("ALTER ROLE parley SET synchronous_commit = on")
    with make_pgbouncer(postgres) as pooler:
        yield pooler
    postgres.sql("ALTER ROLE parley RESET synchronous_commit")


@pytest.fixture
async def settings(tmp_path: Path, postgres: Postgres, pooler: Pgbouncer) -> Settings:
    await empty(postgres)
    values = {"database_url": database(pooler.url), "database_pooler": "transaction", **ROOMY}
    return Settings(data=tmp_path, **values)  # type: ignore[arg-type]


async def test_many_at_once_share_few_sessions(app: Starlette, ann: Member, bob: Member, chat_id: int) -> None:
    sends = [(ann, bob)[n % 2].say(chat_id, str(n)) for n in range(30)]
    pages = [(ann, bob)[n % 2].get(f"/chats/{chat_id}") for n in range(10)]
    assert set(statuses(await asyncio.gather(*sends, *pages))) == {200, 201}
    assert len(await ann.bodies(chat_id, limit=100)) == 30


def test_it_can_be_migrated_through(tmp_path: Path, pooler: Pgbouncer) -> None:
    done = parley(tmp_path, "migrate", PARLEY_DATABASE_URL=pooler.url, PARLEY_DATABASE_POOLER="transaction")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_would_lose_messages_is_refused(tmp_path: Path, postgres: Postgres, pooler: Pgbouncer) -> None:
    postgres.sql("ALTER ROLE parley SET synchronous_commit = off")
    done = parley(tmp_path, "migrate", PARLEY_DATABASE_URL=postgres.url, PARLEY_DATABASE_POOLER="transaction")
    assert (done.returncode, "synchronous_commit" in done.stderr) == (1, True)
