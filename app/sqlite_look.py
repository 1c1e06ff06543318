"""A look at SQLite from the connection's own thread: all statements of a page in one switch of threads.

SQLAlchemy's way to an answer costs more than what most statements ask of SQLite; here each is compiled once, and its
rows are made the same way.
"""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy.dialects.sqlite.aiosqlite import dialect as Dialect
from sqlalchemy.util import LRUCache
from sqlmodel.sql.expression import SelectOfScalar

from app.hot import Hot
from app.work import Work

T = TypeVar("T")

DIALECT = Dialect()
# A list of values, which SQLAlchemy would write into the statement anew each time.
_LIST = re.compile(r"\(__\[POSTCOMPILE_\w+\]\)")
STATEMENTS = 256


def ask(driver: Any, statement: str, values: Sequence[Any]) -> list[Any]:
    """The plain rows of a statement; to be called in the driver's thread."""
    found: list[Any] = driver._conn.execute(statement, values).fetchall()
    return found


def _maker(names: Sequence[str]) -> Callable[[Sequence[Any]], Any]:
    """Makes rows with such columns, which are read like SQLAlchemy's and in a tenth of the time; a statement that was
    given as text tells no names.
    """
    if not names:
        return tuple
    plain = namedtuple("Row", names, rename=True)  # type: ignore[misc]
    row: Any = type("Row", (plain,), {"__slots__": (), "_mapping": property(plain._asdict)})
    make: Callable[[Sequence[Any]], Any] = row._make
    return make


class Compiled:
    """A statement of SQLAlchemy as SQLite takes it, and all others that differ in nothing but their values."""

    def __init__(self, statement: Any, bound: Sequence[Any]) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.text = _LIST.sub("(SELECT value FROM json_each(?))", str(compiled))
        self.names: list[str] = compiled.positiontup
        self.lists: frozenset[str] = frozenset(compiled.bind_names[each] for each in compiled.post_compile_params)
        # Where each name's own value stands among those of a statement.
        self.places = {compiled.bind_names[each]: place for place, each in enumerate(bound)}
        self.fixed: dict[str, Any] = compiled.params  # also what compiling added, like OFFSET 0
        self.makers: dict[str, Callable[[Any], Any]] = compiled._bind_processors
        columns = compiled._result_columns
        self.row = _maker([column.keyname for column in columns])
        processors = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        self.processors = [(place, each) for place, each in enumerate(processors) if each]
        self.is_single = len(columns) == 1

    def found(self, driver: Any, bound: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
        """Plain rows, with the values of their types; `bound` are the statement's own values."""
        found = ask(driver, self.text, [self._value(name, bound, values) for name in self.names])
        if not self.processors:
            return found
        made = []
        for row in found:
            changed = list(row)
            for place, process in self.processors:
                if changed[place] is not None:
                    changed[place] = process(changed[place])
            made.append(changed)
        return made

    def _value(self, name: str, bound: Sequence[Any], values: Mapping[str, Any]) -> Any:
        if name in values:
            value = values[name]
        elif name not in self.places:
            value = self.fixed[name]
        else:  # some are another one each time, like the present
            own = bound[self.places[name]]
            value = own.callable() if own.callable else own.value
        if name in self.lists:
            return json.dumps(value)
        make = self.makers.get(name)
        return make(value) if make else value


_known: LRUCache[Any, Compiled] = LRUCache(STATEMENTS)
# Those that are written once are known by themselves: a long statement's key takes longer to look up than it to run.
_same: WeakKeyDictionary[Any, tuple[Compiled, Sequence[Any]]] = WeakKeyDictionary()


def compiled(statement: Any) -> tuple[Compiled, Sequence[Any]]:
    """A statement compiled, now or before, and its own values."""
    same = _same.get(statement)
    if same is not None:
        return same
    key, bound, *_ = statement._generate_cache_key()
    found = _known.get(key)
    if found is None:
        found = _known[key] = Compiled(statement, bound)
    _same[statement] = found, bound
    return found, bound


class Look(Work):
    """A work that looks, whose every answer is there at once."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    async def all(self, statement: SelectOfScalar[T], values: Mapping[str, Any] | None = None) -> Sequence[T]:
        known, bound = compiled(statement)
        found = known.found(self.driver, bound, values or {})
        return [row[0] for row in found] if known.is_single else [known.row(row) for row in found]

    async def rows(self, statement: Any, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        known, bound = compiled(statement)
        return [known.row(row) for row in known.found(self.driver, bound, values or {})]

    async def _many(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        return ask(self.driver, statement.sqlite, (rows,))
