"""Parley as processes of its own on one database, with people and groups in it, for tests that kill things."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette

from app.main import create_app
from app.settings import Settings
from tests.make import Member, make_group, make_member
from tests.process import Parley, environment, parley

SECRET = "a key for tests alone, as long as a key should be"
ROOMY = dict.fromkeys(("PARLEY_SEND_RATE", "PARLEY_SEND_BURST", "PARLEY_REQUEST_RATE"), "1000000") | {
    "PARLEY_SOCKETS_PER_USER": "1000"
}


@dataclass(frozen=True)
class Row:
    """A message as the database has it."""

    chat_id: int
    seq: int
    id: str
    body: str


class Cluster:
    """`count` processes of Parley; without PARLEY_DATABASE_URL among the settings, one on SQLite.

    Entering the block brings the database up to date and starts them; leaving it kills what runs.
    """

    def __init__(self, folder: Path, count: int = 1, **settings: str) -> None:
        self.folder = folder
        self.settings = {**ROOMY, "PARLEY_SECRET_KEY": SECRET, **settings}
        self.processes = [Parley(folder, **self.settings) for _ in range(count)]

    async def __aenter__(self) -> Self:
        done = await asyncio.to_thread(parley, self.folder, "migrate", **self.settings)
        assert done.returncode == 0, done.stderr
        self.app = self._offline()
        await asyncio.gather(*map(self.start, self.processes))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.app.state.database.close()
        for process in self.processes:
            if process.is_up:
                await self.kill(process)

    def _offline(self) -> Starlette:
        """The same app without a server, to put people into the database."""
        settings = {name: value for name, value in self.settings.items() if name != "PARLEY_REDIS_URL"}
        return create_app(Settings.from_environment(environment(self.folder, **settings)))

    @property
    def url(self) -> str:
        """Of the first process."""
        return self.processes[0].url

    async def start(self, process: Parley) -> None:
        await asyncio.to_thread(process.start)

    async def kill(self, process: Parley) -> None:
        await asyncio.to_thread(process.stop, signal.SIGKILL)

    async def stop(self, process: Parley) -> None:
        await asyncio.to_thread(process.stop)

    async def restart(self, process: Parley) -> None:
        """As an operator does: ask it to end, wait, start it on the same port."""
        await self.stop(process)
        await self.start(process)

    async def people(self, count: int) -> list[Member]:
        """Accounts that are signed in."""
        return [await make_member(self.app, f"person{number}") for number in range(count)]

    async def groups(self, people: Sequence[Member], count: int, size: int) -> dict[int, list[Member]]:
        """Groups whose members are spread evenly over the people."""
        turn = itertools.cycle(people)
        return await self.groups_of([[next(turn) for _ in range(size)] for _ in range(count)])

    async def groups_of(self, crews: Sequence[list[Member]]) -> dict[int, list[Member]]:
        """A group of each of them; the first is its owner."""
        return {await make_group(self.app, *crew, name=f"Group {number}"): crew for number, crew in enumerate(crews)}

    async def select(self, statement: str) -> Sequence[Sequence[Any]]:
        """What the database answers, asked past Parley."""
        engine = create_async_engine(self.app.state.settings.database, poolclass=NullPool)
        async with engine.connect() as connection:
            return (await connection.exec_driver_sql(statement)).all()

    async def change(self, statement: str) -> None:
        """Have the database change something past Parley."""
        engine = create_async_engine(self.app.state.settings.database, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.exec_driver_sql(statement)

    async def messages(self) -> dict[int, list[Row]]:
        """All messages of each chat in the database's order."""
        rows = await self.select("SELECT chat_id, seq, id, body FROM messages ORDER BY chat_id, seq")
        found: dict[int, list[Row]] = {}
        for chat_id, seq, id_, body in rows:
            found.setdefault(chat_id, []).append(Row(chat_id, seq, str(id_), body))
        return found

    async def sound_messages(self) -> dict[int, list[Row]]:
        """The same, after a look at the numbers: 1 to last_seq without a hole, each id once, a whole file."""
        found = await self.messages()
        for chat_id, last_seq in await self.select("SELECT id, last_seq FROM chats"):
            rows = found.get(chat_id, [])
            assert [row.seq for row in rows] == list(range(1, last_seq + 1)), f"chat {chat_id} has holes"
            twice = [id_ for id_, times in Counter(row.id for row in rows).items() if times > 1]
            assert not twice, f"chat {chat_id} has these twice: {twice}"
        if "PARLEY_DATABASE_URL" not in self.settings:
            assert await self.select("PRAGMA integrity_check") == [("ok",)]
        return found
