"""Bring the database to the shape that this version needs, with a copy kept of what was."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from app.db import now
from app.settings import ROOT, Settings, WrongSetting

log = logging.getLogger(__name__)


def migrate(settings: Settings) -> None:
    """Upgrade the database to the newest revision; nothing happens where it has it already.

    An existing database is copied beside itself first. Raises WrongSetting for a
    database of a newer version, which must not be touched.
    """
    url = make_url(settings.database).set(drivername="sqlite")
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = Config(ROOT / "alembic.ini")
    script = ScriptDirectory.from_config(config)
    engine = create_engine(url)
    with engine.begin() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        if current == script.get_current_head():
            return
        if current is not None:
            _require_known(script, current, path)
            _copy(path, current)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()
    path.chmod(0o600)
    log.info("the database is at revision %s", script.get_current_head())


def _require_known(script: ScriptDirectory, current: str, path: Path) -> None:
    if current not in {revision.revision for revision in script.walk_revisions()}:
        raise WrongSetting(f"{path} was made by a newer version of Parley (revision {current}); nothing was changed.")


def _copy(path: Path, current: str) -> None:
    """A whole, consistent copy, also while somebody reads."""
    target = path.with_name(f"{path.stem}-{current}-{now():%Y%m%d%H%M%S}.db")
    with sqlite3.connect(path) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
    target.chmod(0o600)
    log.info("the database as it was is kept in %s", target)
