"""Bring the database to the shape that this version needs; of a SQLite file a copy is kept of what was."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import make_url

from app.db import now
from app.postgres import address
from app.settings import ROOT, Settings, WrongSetting

log = logging.getLogger(__name__)

OLDEST = 140000
LOCK = 0x7061726C6579  # "parley": who migrates holds the advisory lock of this number
SECONDS = 10  # to reach PostgreSQL
NEWER = "{} was made by a newer version of Parley (revision {}); nothing was changed."
# The letter tells whether names will be compared without regard to case in every script.
LOOK = """
    SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
           lower('Ä') = 'ä' AS knows_letters, current_setting('synchronous_commit') AS commits
"""
# Not to_regclass: within a transaction PostgreSQL remembers a name that it did not find.
HAS_TABLE = """
    SELECT EXISTS (SELECT FROM pg_tables
                   WHERE schemaname = ANY (current_schemas(false)) AND tablename = 'alembic_version')
"""


def migrate(settings: Settings) -> None:
    """Upgrade the database to the newest revision; nothing happens where it has it already.

    An existing SQLite file is copied beside itself first. Raises WrongSetting for a
    database of a newer version, which must not be touched, and for a PostgreSQL that
    cannot be reached or used.
    """
    revisions = _revisions()
    if settings.is_shared:
        asyncio.run(_migrate_shared(settings, revisions))
    else:
        _migrate_file(settings, revisions)


def newest() -> str:
    """The revision that this version needs."""
    return _revisions()[-1]


def _revisions() -> list[str]:
    return sorted(file.name.split("_")[0] for file in (ROOT / "migrations/versions").glob("[0-9]*.py"))


def _migrate_file(settings: Settings, revisions: list[str]) -> None:
    path = Path(str(make_url(settings.database).database))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    current = _revision(path)
    if current == revisions[-1]:
        return
    if current is not None:
        if current not in revisions:
            raise WrongSetting(NEWER.format(path, current))
        _copy(path, current)
    _upgrade(f"sqlite:///{path.absolute()}")
    path.chmod(0o600)
    log.info("the database is at revision %s", revisions[-1])


async def _migrate_shared(settings: Settings, revisions: list[str]) -> None:
    try:
        connection = await asyncpg.connect(address(settings.database), timeout=SECONDS, statement_cache_size=0)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise WrongSetting(f"PARLEY_DATABASE_URL names a PostgreSQL that cannot be reached: {error}") from error
    try:
        # One transaction throughout: behind a pooler each could be in another session.
        async with connection.transaction():
            await _require_usable(connection, settings.database_pooler)
            if await _is_current(connection, revisions):
                return
            await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
            if await _is_current(connection, revisions):  # another process was faster
                return
            await asyncio.to_thread(_upgrade, address(settings.database))
            log.info("the database is at revision %s", revisions[-1])
    finally:
        await connection.close()


async def _require_usable(connection: Any, pooler: str) -> None:
    found = await connection.fetchrow(LOOK)
    if found["version"] < OLDEST:
        raise WrongSetting(f"PARLEY_DATABASE_URL names a PostgreSQL older than {OLDEST // 10000}; please upgrade it.")
    if found["encoding"] != "UTF8" or not found["knows_letters"]:
        raise WrongSetting(
            "PARLEY_DATABASE_URL names a database that does not know all letters: "
            "make it with ENCODING 'UTF8' and a locale like C.UTF-8."
        )
    if pooler == "transaction" and found["commits"] not in ("on", "remote_apply"):
        raise WrongSetting(
            "PARLEY_DATABASE_URL names a database that may lose what it acknowledged: set synchronous_commit to on."
        )


async def _is_current(connection: Any, revisions: list[str]) -> bool:
    """Raises WrongSetting for a database of a newer version."""
    has_table = await connection.fetchval(HAS_TABLE)
    current = await connection.fetchval("SELECT version_num FROM alembic_version") if has_table else None
    if current is not None and current not in revisions:
        raise WrongSetting(NEWER.format("The database of PARLEY_DATABASE_URL", current))
    return bool(current == revisions[-1])


def _revision(path: Path) -> str | None:
    """The revision that a database says it has; None for one that is not there or empty."""
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path)) as database:
        has_table = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = database.execute("SELECT version_num FROM alembic_version").fetchone() if has_table else None
    return str(row[0]) if row else None


def _upgrade(url: str) -> None:
    """Run Alembic as a process of its own: loading it would slow down every start, though few need it."""
    # In the environment, because everybody on the machine may read the arguments of a command.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PARLEY_")}
    command = [sys.executable, "-m", "alembic", "-c", str(ROOT / "alembic.ini"), "upgrade", "head"]
    environment = {**clean, "PARLEY_DATABASE_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the database could not be brought up to date: {done.stderr}")


def _copy(path: Path, current: str) -> None:
    """A whole, consistent copy, also while somebody reads."""
    target = path.with_name(f"{path.stem}-{current}-{now():%Y%m%d%H%M%S}.db")
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o600)
    log.info("the database as it was is kept in %s", target)
