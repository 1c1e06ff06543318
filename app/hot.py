"""Statements of hot paths: SQL written once for both databases, run for many rows in one round trip.

A statement of SQLAlchemy costs several times what SQLite does for it, and each that is awaited a switch of threads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

# How SQLite gets a value out of the JSON, and one of a type that PostgreSQL knows better.
_PLAIN = "value ->> '{name}'"
_CHANGES = re.compile(r"(?:INSERT INTO|UPDATE) (\w+)")
_FROM_JSON = {"timestamptz": "substr(value ->> '{name}', 1, 26)"}


class Hot:
    """One statement. `{rows}` in its text is a table `w` of what it is run for, with these columns and their types on
    PostgreSQL; `{lock}` is the clause that locks there, where SQLite has one writer anyway. What it changes is its
    `table`.
    """

    def __init__(self, text: str, /, lock: str = "", **columns: str) -> None:
        fields = [f"{_FROM_JSON.get(type_, _PLAIN).format(name=name)} AS {name}" for name, type_ in columns.items()]
        types = ", ".join(f"{name} {type_}" for name, type_ in columns.items())
        changed = _CHANGES.match(text)
        self.table = changed[1] if changed else None
        self.sqlite = text.format(rows=f"(SELECT {', '.join(fields)} FROM json_each(?1)) AS w", lock="")  # noqa: S608
        self.postgresql = text.format(rows=_rows(types), lock=lock)
        self.under_guard = text.format(rows=_rows(types, "WHERE EXISTS (SELECT FROM change1)"), lock=lock)


class Guard(Hot):
    """A change that finds its rows only where what was seen before still holds."""


def _rows(types: str, where: str = "") -> str:
    """The table for PostgreSQL, which takes JSON for a hundred rows and would rather read whole tables than look that
    many up; of a limit that it does not know it expects a tenth.
    """
    all_of_them = "LIMIT (SELECT json_array_length($1::json))"
    return f"(SELECT * FROM json_to_recordset($1::json) AS w({types}) {where} {all_of_them}) AS w"  # noqa: S608


def _plain(value: datetime) -> str:
    return value.isoformat(" ", "microseconds")


_encoder = json.JSONEncoder(default=_plain)


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """The rows as the one parameter of a statement."""
    return _encoder.encode(list(rows))


def together(statements: Sequence[Hot]) -> str:
    """One statement for PostgreSQL that makes all these changes; each has a parameter, in their order.

    None sees what another one does, so no two may change the same table. Where the first one is a guard, the others
    are made only if it finds rows, and the statement answers how many those are.
    """
    first, *others = statements
    if isinstance(first, Guard):
        texts = [f"{first.postgresql} RETURNING 1", *(each.under_guard for each in others)]
        last = "SELECT count(*) FROM change1"
    else:
        *texts, last = [each.postgresql for each in statements]
        last = _numbered(last, len(statements))
    changes = ", ".join(f"change{place} AS ({_numbered(text, place)})" for place, text in enumerate(texts, 1))
    return f"WITH {changes} {last}" if changes else last


def _numbered(text: str, place: int) -> str:
    return text.replace("$1", f"${place}")


def moment(value: Any) -> datetime:
    """A time as a hot statement answers it: PostgreSQL's knows its zone, SQLite's is a text in UTC."""
    at: datetime = datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else value
    return at
