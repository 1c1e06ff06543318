"""Whatever `scripts/test --postgres` is about: here an app is always on PostgreSQL, and there is a second one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from app.main import create_app
from app.settings import Settings, database
from tests.backing import Postgres
from tests.conftest import ROOMY, empty


@pytest.fixture
async def settings(tmp_path: Path, postgres: Postgres, changes: dict[str, Any]) -> Settings:
    await empty(postgres)
    return Settings(
        data=tmp_path, **{"database_url": database(postgres.url), "secret_key": "k" * 48, **ROOMY, **changes}
    )


@pytest.fixture
async def twin(app: Starlette, settings: Settings) -> AsyncIterator[Starlette]:
    """The same server as another process would be: with connections of its own."""
    twin = create_app(settings)
    async with twin.router.lifespan_context(twin):
        yield twin
