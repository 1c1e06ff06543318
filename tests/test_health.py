"""What those who watch over the server are told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from tests.make import Client


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
