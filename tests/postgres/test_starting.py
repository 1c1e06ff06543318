"""PostgreSQL gets the shape that is needed, once, however many processes start; what will not do is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, inspect

from app.postgres import plain_engine
from app.settings import ROOT
from tests.backing import Postgres
from tests.process import environment, parley
from tests.test_migrations import REVISIONS, config, shape


@pytest.fixture
def empty_database(postgres: Postgres) -> Iterator[str]:
    """The address of one without tables."""
    postgres.sql("CREATE DATABASE blank", "postgres")
    yield postgres.address("blank")
    postgres.sql("DROP DATABASE blank", "postgres")


def types(connection: Connection) -> dict[str, str]:
    looked = inspect(connection)
    return {
        f"{table}.{column['name']}": str(column["type"])
        for table in looked.get_table_names()
        for column in looked.get_columns(table)
    }


async def run(url: str, *steps: tuple[str, str]) -> list[dict[str, list[str]]]:
    """Run Alembic's commands one after another; answers the shape after each."""
    engine, shapes = plain_engine(url), []
    for name, revision in steps:
        async with engine.begin() as connection:
            await connection.run_sync(lambda made: getattr(command, name)(config(made), revision))  # noqa: B023
            shapes.append(await connection.run_sync(shape))
    await engine.dispose()
    return shapes


async def test_the_newest_shape_is_that_of_the_models(empty_database: str) -> None:
    engine = plain_engine(empty_database)
    async with engine.begin() as connection:
        await connection.run_sync(lambda made: command.upgrade(config(made), "head"))
        await connection.run_sync(lambda made: command.check(config(made)))
        found = await connection.run_sync(types)
    await engine.dispose()
    endings = ("id", "_by", "seq", "revision")
    small = [name for name, type_ in found.items() if type_ == "INTEGER" and name.endswith(endings)]
    assert (small, found["messages.seq"], found["messages.chat_id"]) == ([], "BIGINT", "BIGINT")


async def test_each_step_down_and_up_again_ends_where_it_began(empty_database: str) -> None:
    ups = [("upgrade", revision) for revision in reversed(REVISIONS)]
    downs = [("downgrade", revision) for revision in [*REVISIONS[1:], "base"]]
    up, down, again = [await run(empty_database, *steps) for steps in (ups, downs, ups)]
    assert up == again
    assert down[:-1] == up[:-1][::-1]


def test_of_three_that_start_at_once_one_migrates(tmp_path: Path, empty_database: str) -> None:
    command_line = [sys.executable, "-m", "app", "migrate"]
    started = [
        subprocess.Popen(
            command_line, cwd=ROOT, stderr=subprocess.PIPE, text=True,
            env=environment(tmp_path, PARLEY_DATABASE_URL=empty_database),
        )
        for _ in range(3)
    ]  # fmt: skip
    said = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert sum("is at revision" in each for each in said) == 1


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path, empty_database: str, postgres: Postgres) -> None:
    postgres.sql("CREATE TABLE alembic_version (version_num varchar)", "blank")
    postgres.sql("INSERT INTO alembic_version VALUES ('9999')", "blank")
    done = parley(tmp_path, "migrate", PARLEY_DATABASE_URL=empty_database)
    assert (done.returncode, "newer version of Parley (revision 9999)" in done.stderr) == (1, True)
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", "blank") == "1"


def test_a_database_that_does_not_know_letters_is_refused(tmp_path: Path, postgres: Postgres) -> None:
    postgres.sql("CREATE DATABASE letters TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", "postgres")
    done = parley(tmp_path, "migrate", PARLEY_DATABASE_URL=postgres.address("letters"))
    postgres.sql("DROP DATABASE letters", "postgres")
    assert (done.returncode, "does not know all letters" in done.stderr) == (1, True)


def test_one_that_cannot_be_reached_is_said_in_a_sentence(tmp_path: Path) -> None:
    done = parley(tmp_path, "migrate", PARLEY_DATABASE_URL="postgresql://parley:hunter2@127.0.0.1:9/parley")
    assert (done.returncode, "cannot be reached" in done.stderr, "Traceback" in done.stderr) == (1, True, False)
    assert "hunter2" not in done.stderr
