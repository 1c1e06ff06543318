"""The database: where works begin, and what the columns of all models share."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, Dialect, Integer, String
from sqlalchemy.dialects.postgresql import Insert, insert  # its clause is understood by SQLite, too
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from app.metrics import counted
from app.postgres import Postgres
from app.realtime.bus import Bus
from app.sqlite import Sqlite
from app.work import Publisher, Render, Service, Work

__all__ = ["Database", "Number", "Render", "Work", "by_name", "identity", "insert_if_new", "joined", "now"]

T = TypeVar("T")

POOL = 10

# Constraints have names, so that migrations can find them again.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


def now() -> datetime:
    return datetime.now(UTC)


class Number(TypeDecorator[int]):
    """An id or a counter, which never runs out. SQLite counts up only what is called INTEGER, also in 64 bits."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[int]:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())


def identity() -> Column[int]:
    """A primary key that the database counts up."""
    return Column(Number, primary_key=True)


class by_name(FunctionElement[str]):
    """What to order by, so that names stand in the same order on every database: small letters by their numbers."""

    inherit_cache = True


@compiles(by_name)
def _by_name(element: by_name, compiler: SQLCompiler, **options: Any) -> str:
    return f"lower({compiler.process(element.clauses, **options)})"


@compiles(by_name, "postgresql")
def _by_name_c(element: by_name, compiler: SQLCompiler, **options: Any) -> str:
    return f'{_by_name(element, compiler, **options)} COLLATE "C"'


class joined(FunctionElement[str]):
    """The numbers of a group as one text, in any order, with spaces between them."""

    type = String()
    inherit_cache = True


@compiles(joined)
def _joined(element: joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"group_concat({compiler.process(element.clauses, **options)}, ' ')"


@compiles(joined, "postgresql")
def _joined_as_text(element: joined, compiler: SQLCompiler, **options: Any) -> str:
    return f"string_agg(CAST({compiler.process(element.clauses, **options)} AS text), ' ')"


def insert_if_new(model: type[SQLModel]) -> Insert:
    """An INSERT that does nothing where a row stands in its way, also one of a work that ends at the same moment."""
    return insert(model).on_conflict_do_nothing()


class Database:
    """Where works begin: `write()` for a change, `read()` for a look. `pool` is for PostgreSQL alone."""

    def __init__(self, url: str, bus: Bus, render: Render, pool: int = POOL, pooler: str = "none") -> None:
        publisher = Publisher(bus, render)
        self.backend: Sqlite | Postgres = (
            Postgres(url, publisher, pool, pooler) if url.startswith("postgresql") else Sqlite(url, publisher.publish)
        )
        self.is_shared = isinstance(self.backend, Postgres)  # with other processes
        # Each has a pool of its own.
        self.engines: list[AsyncEngine] = self.backend.engines

    def write(self) -> AbstractAsyncContextManager[Work]:
        """A work that changes something; durable when the block is left.

        Raises Unavailable when it could not be stored. Inside, nothing but the
        database is awaited: others wait meanwhile for what was locked.
        """
        return counted("write", self.backend.write())

    async def run(self, service: Service[T], *arguments: Any) -> T:
        """What `service(work, *arguments)` answers, in a work of its own, for a service of a hot path: one that asks
        nothing but hot statements, so that on SQLite all of it takes one switch of threads.
        """
        async with counted("write", nullcontext()):
            return await self.backend.run(service, *arguments)

    async def optimistic(self, service: Service[T], *arguments: Any) -> T:
        """The same for a service that locks by `work.lock`, looks, and begins its changes with a `Guard`.

        On PostgreSQL it locks nothing at first, which spares round trips, and runs again with locks where it lost
        a race or asks for more after its changes.
        """
        async with counted("write", nullcontext()):
            return await self.backend.optimistic(service, *arguments)

    def read(self) -> AbstractAsyncContextManager[Work]:
        """A work that only looks, at one state of the database, and waits for no writer. Raises Unavailable."""
        return counted("read", self.backend.read())

    async def look(self, service: Service[T], *arguments: Any) -> T:
        """The same for a service that only looks, at one state of the database. It may ask anything, but should ask
        statements that are constants: each is compiled once.
        """
        async with counted("read", nullcontext()):
            return await self.backend.look(service, *arguments)

    async def close(self) -> None:
        await self.backend.close()
