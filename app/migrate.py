"""Bring the database to the shape that this version needs, with a copy kept of what was."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import make_url

from app.db import now
from app.settings import ROOT, Settings, WrongSetting

log = logging.getLogger(__name__)


def migrate(settings: Settings) -> None:
    """Upgrade the database to the newest revision; nothing happens where it has it already.

    An existing database is copied beside itself first. Raises WrongSetting for a
    database of a newer version, which must not be touched.
    """
    path = Path(str(make_url(settings.database).database))
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    revisions = sorted(file.name.split("_")[0] for file in (ROOT / "migrations/versions").glob("[0-9]*.py"))
    current = _revision(path)
    if current == revisions[-1]:
        return
    if current is not None:
        if current not in revisions:
            raise WrongSetting(
                f"{path} was made by a newer version of Parley (revision {current}); nothing was changed."
            )
        _copy(path, current)
    _upgrade(path)
    path.chmod(0o600)
    log.info("the database is at revision %s", revisions[-1])


def _revision(path: Path) -> str | None:
    """The revision that a database says it has; None for one that is not there or empty."""
    if not path.exists():
        return None
    with contextlib.closing(sqlite3.connect(path)) as database:
        has_table = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = database.execute("SELECT version_num FROM alembic_version").fetchone() if has_table else None
    return str(row[0]) if row else None


def _upgrade(path: Path) -> None:
    """Run Alembic as a process of its own: loading it would slow down every start, though few need it."""
    alembic = [
        sys.executable,
        "-m",
        "alembic",
        "-c",
        str(ROOT / "alembic.ini"),
        "-x",
        f"url=sqlite:///{path.absolute()}",
    ]
    done = subprocess.run([*alembic, "upgrade", "head"], cwd=ROOT, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"the database could not be brought up to date: {done.stderr}")


def _copy(path: Path, current: str) -> None:
    """A whole, consistent copy, also while somebody reads."""
    target = path.with_name(f"{path.stem}-{current}-{now():%Y%m%d%H%M%S}.db")
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    target.chmod(0o600)
    log.info("the database as it was is kept in %s", target)
