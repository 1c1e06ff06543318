"""The database's shape: from nothing to the models, step by step, and never from a newer version."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from app.migrate import migrate
from app.settings import ROOT, Settings, WrongSetting

ROWS_ALONE = {"0017"}  # steps that change rows and no shape
REVISIONS = [revision.revision for revision in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()]


def config(connection: Connection) -> Config:
    made = Config(ROOT / "alembic.ini")
    made.attributes["connection"] = connection
    return made


def shape(connection: Connection) -> dict[str, list[str]]:
    """Each table with its columns."""
    looked = inspect(connection)
    return {name: sorted(column["name"] for column in looked.get_columns(name)) for name in looked.get_table_names()}


def test_the_newest_shape_is_that_of_the_models(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'a.db'}").begin() as connection:
        command.upgrade(config(connection), "head")
        command.check(config(connection))


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_step_down_and_up_again_ends_where_it_began(revision: str, tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'a.db'}").begin() as connection:
        command.upgrade(config(connection), revision)
        before = shape(connection)
        command.downgrade(config(connection), "-1")
        assert (shape(connection) == before) == (revision in ROWS_ALONE)
        command.upgrade(config(connection), revision)
        assert shape(connection) == before


def test_messages_outlive_the_step_that_let_features_add_to_them(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'a.db'}").begin() as connection:
        command.upgrade(config(connection), "0005")
        said = "INSERT INTO messages SELECT 1, 1, 'a', 1, 'text', 'Hello', NULL, '', 1, 1, '2026-01-01', NULL, NULL"
        connection.execute(text(said))
        command.upgrade(config(connection), "0006")
        assert connection.execute(text("SELECT body, kind, extras FROM messages")).all() == [("Hello", "text", "")]
        connection.execute(text("UPDATE messages SET kind = 'poll'"))
        command.downgrade(config(connection), "0005")
        assert connection.execute(text("SELECT body, kind FROM messages")).all() == [("Hello", "text")]


def test_all_is_indexed_anew_by_the_step_that_changed_what_the_index_is_made_of(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'a.db'}").begin() as connection:
        command.upgrade(config(connection), "0016")
        columns = "chat_id, seq, revision, id, created_at, sender_id, kind, body, fingerprint, starts_run, extras"
        for said in ("(1, 1, 1, 'a', '2026-01-02'", "(1, 2, 2, 'b', '2026-01-01'"):
            values = f"{said}, 1, 'text', 'old', '', 1, '')"
            connection.execute(text(f"INSERT INTO messages ({columns}) VALUES {values}"))
        connection.execute(text("INSERT INTO search_tokens (rowid, tokens) VALUES (1, 'old')"))
        connection.execute(text("UPDATE search_texts SET is_stale = false"))
        command.upgrade(config(connection), "0017")
        noted = connection.execute(text("SELECT id, seq, is_stale FROM search_texts ORDER BY id")).all()
        assert noted == [(1, 2, True), (2, 1, True)]
        assert connection.execute(text("SELECT rowid FROM search_tokens WHERE search_tokens MATCH 'old'")).all() == []


def test_migrating_twice_changes_nothing_and_leaves_no_copy(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)  # migrated once
    migrate(Settings(data=tmp_path))
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["parley.db"]
    assert (tmp_path / "parley.db").read_bytes() == blank.read_bytes()


def test_what_was_is_kept_before_the_shape_changes(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'parley.db'}").begin() as connection:
        command.upgrade(config(connection), "0003")
    migrate(Settings(data=tmp_path))
    (copy,) = tmp_path.glob("parley-0003-*.db")
    with sqlite3.connect(copy) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchone() == ("0003",)


def test_a_newer_database_is_refused_and_left_alone(blank: Path, tmp_path: Path) -> None:
    shutil.copy(blank, tmp_path)
    with sqlite3.connect(tmp_path / "parley.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(WrongSetting, match="newer version"):
        migrate(Settings(data=tmp_path))
    assert list(tmp_path.glob("parley-*.db")) == []
