"""Alembic's environment: the same migrations for every database."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from app.models import metadata
from app.settings import Settings


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    named = context.get_x_argument(as_dictionary=True).get("url")
    url = named or Settings.from_environment().database.replace("+aiosqlite", "")
    with create_engine(url).begin() as made:
        run(made)
