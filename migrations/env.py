"""Alembic's environment: the same migrations for every database."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from app.models import metadata
from app.postgres import plain_engine
from app.settings import Settings


def is_ours(name: str | None, type_: str, _parents: object) -> bool:
    """Whether a thing of the database has a model. The index of search has none: it differs by database."""
    return type_ != "table" or not str(name).startswith("search_")


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
        include_name=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_on(url: str) -> None:
    engine = plain_engine(url) if url.startswith("postgresql") else create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(run_on(Settings.from_environment().database))
