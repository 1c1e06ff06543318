"""A whole server from one database into another: SQLite to PostgreSQL, and back.

Between the two every value is Python's own, and JSON is its text, which both keep letter by letter. The target is
filled in one transaction, which is only committed when all that stands in it was read again and equals the source.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import asyncpg
from sqlalchemy import Table

from app.copying_ends import End, PostgresEnd, Row, SqliteEnd
from app.errors import Refused
from app.migrate import migrate, newest
from app.models import metadata
from app.settings import Settings, WrongSetting, database

SUMS = 2**128
NAMES = max(len(table.name) for table in metadata.sorted_tables)
NUL = "Left out: NUL characters, which PostgreSQL does not take, in {:,} texts. What stands around them is there."
DONE = """
The target is whole. Start Parley on it: PARLEY_DATABASE_URL names a PostgreSQL; without it Parley takes parley.db in
the data folder. The source was not changed; keep it until you have looked around.

Not in the database: the key that signs cookies and links, which stands in {}.
Give every process the same (that file, or PARLEY_SECRET_KEY): with another key everybody is signed out."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """What may be said after `parley copy-database`."""
    parser.add_argument("--from", dest="source", metavar="URL", help="where from (else the server’s own database)")
    parser.add_argument("--from-file", dest="source_file", metavar="FILE", help="a file that holds this address")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument(
        "--to", dest="target", metavar="URL", help="an empty database; others may see what you type here"
    )
    target.add_argument("--to-file", dest="target_file", metavar="FILE", help="a file that holds this address")
    parser.add_argument("--verify-only", action="store_true", help="copy nothing, only compare the two")
    parser.set_defaults(command=command)


def command(settings: Settings, options: argparse.Namespace) -> int:
    """Copy, or compare. Raises WrongSetting for an address that is none, and Refused as below."""
    source = _address("--from", options.source, options.source_file) or settings.database
    target = _address("--to", options.target, options.target_file)
    try:
        if options.verify_only:
            asyncio.run(verify(source, target, print))
        else:
            asyncio.run(copy(settings, source, target, print))
            print(DONE.format("PARLEY_SECRET_KEY" if settings.secret_key else settings.data / "secret"))
    except KeyboardInterrupt:
        raise Refused("Interrupted: nothing was copied.") from None
    return 0


def _address(option: str, url: str | None, file: str | None) -> str:
    try:
        given = Path(file).read_text().strip() if file else url
        return "" if given is None else database(given)
    except OSError as error:
        raise WrongSetting(f"{option}-file is {file!r}, but it must be a file that can be read.") from error
    except ValueError as error:
        raise WrongSetting(f"{option} must be {error}.") from error


@dataclass
class Sum:
    """How many rows there are, and a hash of them all, in whatever order they come."""

    rows: int = 0
    hash: int = 0

    def add(self, rows: list[Row]) -> None:
        self.rows += len(rows)
        for row in rows:
            self.hash += int.from_bytes(blake2b(repr(row).encode(), digest_size=16).digest(), "big")
        self.hash %= SUMS

    def __str__(self) -> str:
        return f"{self.rows:>14,}  {self.hash:032x}"


class Progress:
    """Tells standard error once a second how far a table is; on a terminal in one line that changes."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.name = ""

    def begin(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0
        self.began = self.told = time.monotonic()

    def step(self, rows: int) -> None:
        self.done += rows
        if time.monotonic() - self.told >= 1:
            self._tell("\r" if self.is_terminal else "\n")

    def end(self) -> None:
        if self.done:
            self._tell("\n")

    def _tell(self, end: str) -> None:
        self.told = time.monotonic()
        rate = self.done / max(self.told - self.began, 0.001)
        text = f"{self.name}: {self.done:,} of {self.total:,} rows, {rate:,.0f} rows/s"
        print(f"\x1b[K{text}" if self.is_terminal else text, end=end, file=sys.stderr, flush=True)


async def copy(settings: Settings, source: str, target: str, say: Callable[[str], None]) -> None:
    """Fill the empty database `target` with all of `source`; both are SQLAlchemy's URLs.

    `say` is told how the tables compare. Raises Refused, and leaves the target empty, when either is not
    what it must be, when somebody uses it, and when not every row arrived as it was.
    """
    if source == target:
        raise Refused("Source and target are the same database.")
    with _in_words():
        async with _opened(source, "source") as one:
            await _require_newest(one)
            await one.begin(writes=False)
            async with _opened(target, "target") as other:
                await _require_empty(other)
            await _make_tables(settings, target)
            async with _opened(target, "target") as other:
                await other.begin(writes=True)
                progress = Progress()
                expected = {table: await _read(one, table, progress, other) for table in metadata.sorted_tables}
                found = {table: await _read(other, table, progress) for table in metadata.sorted_tables}
                _require_equal(expected, found, say)
                await other.commit()
            if one.nuls:
                say(NUL.format(one.nuls))


async def verify(source: str, target: str, say: Callable[[str], None]) -> None:
    """Compare two databases and change nothing. `say` is told how; raises Refused when they differ."""
    progress = Progress()
    sums: list[dict[Table, Sum]] = []
    with _in_words():
        async with _opened(source, "source") as one, _opened(target, "target") as other:
            for end in (one, other):
                await _require_newest(end)
                await end.begin(writes=False)
            sums = [
                {table: await _read(end, table, progress) for table in metadata.sorted_tables} for end in (one, other)
            ]
    _require_equal(sums[0], sums[1], say)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What a database says, without the values of which it speaks."""
    try:
        yield
    except (sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, UnicodeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise Refused(f"That failed, and nothing was copied: {reason}") from error


@contextlib.asynccontextmanager
async def _opened(url: str, role: str) -> AsyncIterator[End]:
    end: End = PostgresEnd(url, role) if url.startswith("postgresql") else SqliteEnd(url, role)
    await end.open()
    try:
        yield end
    finally:
        await end.close()


async def _require_newest(end: End) -> None:
    revision = await end.revision()
    if revision is None:
        raise Refused(f"The {end.role} is no database of Parley.")
    if revision != newest():
        raise Refused(
            f"The {end.role} is at revision {revision} and this version of Parley needs {newest()}: "
            "bring it up to date first, with `parley migrate` of the same version as this."
        )


async def _require_empty(end: End) -> None:
    names = await end.names()
    if names and "alembic_version" not in names:
        raise Refused("The target holds tables of something else; it must be an empty database.")
    filled = [table.name for table in metadata.sorted_tables if table.name in names and await end.count(table)]
    if filled:
        raise Refused(f"The target holds data already ({', '.join(filled)}); it must be an empty database.")


async def _make_tables(settings: Settings, target: str) -> None:
    try:
        await asyncio.to_thread(migrate, replace(settings, database_url=target))
    except WrongSetting as error:
        raise Refused(str(error).replace("PARLEY_DATABASE_URL", "The target’s address")) from error
    except RuntimeError as error:
        raise Refused(f"The target’s tables could not be made: {str(error).splitlines()[-1]}") from error


async def _read(end: End, table: Table, progress: Progress, target: End | None = None) -> Sum:
    """Read a table to its end, into `target` if there is one."""
    total = Sum()
    progress.begin(f"{'copying' if target else f'reading the {end.role}’s'} {table.name}", await end.count(table))
    async for rows in end.rows(table):
        if target:
            await target.add(table, rows)
        total.add(rows)
        progress.step(len(rows))
        await asyncio.sleep(0)  # where an interrupt arrives
    progress.end()
    return total


def _require_equal(expected: Mapping[Table, Sum], found: Mapping[Table, Sum], say: Callable[[str], None]) -> None:
    say(f"{'table':<{NAMES}}            rows  hash")
    wrong = [table.name for table in expected if expected[table] != found[table]]
    for table, total in expected.items():
        say(f"{table.name:<{NAMES}}  {total}" + ("  differs:" if table.name in wrong else "  equal"))
        if table.name in wrong:
            say(f"{'  in the target':<{NAMES}}  {found[table]}")
    if wrong:
        raise Refused(f"Source and target differ in {', '.join(wrong)}.")
