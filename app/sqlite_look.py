"""A look at SQLite from the connection's own thread: all statements of a page in one switch of threads.

SQLAlchemy's way to an answer costs more than what most statements ask of SQLite; here each is compiled once, and its
rows are made the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy.dialects.sqlite.aiosqlite import dialect as Dialect
from sqlalchemy.engine.result import result_tuple
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


class Compiled:
    """A statement of SQLAlchemy as SQLite takes it."""

    def __init__(self, statement: Any) -> None:
        compiled = statement.compile(dialect=DIALECT)
        self.text = _LIST.sub("(SELECT value FROM json_each(?))", str(compiled))
        self.names: list[str] = compiled.positiontup
        self.lists: frozenset[str] = frozenset(compiled.bind_names[each] for each in compiled.post_compile_params)
        self.fixed: dict[str, Any] = compiled.params
        # What is another value each time, like the present.
        self.made = {name: bound.callable for name, bound in compiled.binds.items() if bound.callable}
        self.makers: dict[str, Callable[[Any], Any]] = compiled._bind_processors
        columns = compiled._result_columns
        self.row = result_tuple([column.keyname for column in columns])
        processors = [column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in columns]
        self.processors = [(place, each) for place, each in enumerate(processors) if each]
        self.is_single = len(columns) == 1

    def rows(self, driver: Any, values: Mapping[str, Any]) -> list[Any]:
        """Rows as SQLAlchemy makes them."""
        return [self.row(found) for found in self._found(driver, values)]

    def all(self, driver: Any, values: Mapping[str, Any]) -> list[Any]:
        """The same, or the values of the only column."""
        return [each[0] for each in self._found(driver, values)] if self.is_single else self.rows(driver, values)

    def _found(self, driver: Any, values: Mapping[str, Any]) -> list[Any]:
        found = ask(driver, self.text, [self._value(name, values) for name in self.names])
        if not self.processors:
            return found
        made = []
        for row in found:
            changed = list(row)
            for place, process in self.processors:
                changed[place] = process(changed[place])
            made.append(changed)
        return made

    def _value(self, name: str, values: Mapping[str, Any]) -> Any:
        fixed = self.made[name]() if name in self.made else self.fixed[name]
        value = values.get(name, fixed)
        if name in self.lists:
            return json.dumps(value)
        make = self.makers.get(name)
        return make(value) if make else value


compiled = lru_cache(STATEMENTS)(Compiled)


class Look(Work):
    """A work that looks, whose every answer is there at once."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    async def all(self, statement: SelectOfScalar[T], values: Mapping[str, Any] | None = None) -> Sequence[T]:
        return compiled(statement).all(self.driver, values or {})

    async def rows(self, statement: Any, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        return compiled(statement).rows(self.driver, values or {})

    async def _many(self, statement: Hot, rows: str) -> Sequence[Sequence[Any]]:
        return ask(self.driver, statement.sqlite, (rows,))
