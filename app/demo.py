"""A small believable world to look around in."""

from __future__ import annotations

from app.db import Database


async def demo(database: Database) -> str:
    await database.close()
    return ""
