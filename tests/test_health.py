"""What those who watch over the server are told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from app.health import NEWEST
from tests.make import Client
from tests.server import Running


async def test_alive_and_ready(anonymous: Client) -> None:
    assert (await anonymous.get("/healthz")).json() == {"status": "ok"}
    assert (await anonymous.get("/readyz")).json() == {"status": "ready"}


async def test_without_its_tables_it_is_not_ready(anonymous: Client, app: Starlette) -> None:
    async with app.state.database.write() as work:
        await work.execute(text("ALTER TABLE users RENAME TO hidden"))
    response = await anonymous.get("/readyz")
    async with app.state.database.write() as work:
        await work.execute(text("ALTER TABLE hidden RENAME TO users"))
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["database"] in ("OperationalError", "ProgrammingError")
    assert (await anonymous.get("/healthz")).status_code == 200


async def test_with_a_full_disk_it_is_not_ready(anonymous: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    response = await anonymous.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "not ready", "disk": "nearly full"})


@asynccontextmanager
async def stamped(app: Starlette, revision: str) -> AsyncIterator[None]:
    """A database that says it has this revision, which it has not."""
    await _stamp(app, revision)
    yield
    await _stamp(app, NEWEST)


async def _stamp(app: Starlette, revision: str) -> None:
    async with app.state.database.write() as work:
        await work.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))


async def test_with_a_database_of_before_it_is_not_ready(anonymous: Client, app: Starlette) -> None:
    async with stamped(app, "0001"):
        response = await anonymous.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "database": f"at revision 0001, not {NEWEST}"}


async def test_a_newer_database_is_no_reason_to_be_taken_out(anonymous: Client, app: Starlette) -> None:
    async with stamped(app, "9999"):
        assert (await anonymous.get("/readyz")).json() == {"status": "ready"}


async def test_without_its_bus_it_serves_its_own_people(anonymous: Client, app: Starlette) -> None:
    app.state.bus.is_whole = False
    response = await anonymous.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"status": "degraded", "bus": "not whole"})


async def test_a_database_that_does_not_answer_is_not_waited_for(
    anonymous: Client, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def hanging() -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr("app.health.DATABASE_SECONDS", 0.01)
    monkeypatch.setattr(app.state.database, "read", hanging)
    response = await anonymous.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "not ready", "database": "TimeoutError"})


async def test_once_told_to_stop_it_is_not_ready(server: Running) -> None:
    async with httpx.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        server.handle_exit(signal.SIGTERM, None)
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"status": "not ready", "process": "stopping"})
        assert (await client.get("/healthz")).status_code == 200
