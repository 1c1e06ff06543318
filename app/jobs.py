"""Background jobs: rows that are written in the transaction that wants them, claimed by one process, tried again.

A job's row stays until it is done. Whoever claims it moves its `due_at` ahead, so if the process dies the job is due
again by itself; two never run it at once, but after a death it may run twice, so handlers must not mind. A sweep is a
job that becomes due again and again: whichever process claims its row does it for all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Column, Delete, Update, delete, func, insert, update
from sqlmodel import Field, SQLModel, col, select
from starlette.applications import Starlette

from app.db import Database, Render, Work, identity, insert_if_new, now
from app.errors import Refused
from app.log import request_id
from app.realtime import topics
from app.realtime.frames import Frame, signal
from app.realtime.hub import Hub, Outbox

LEASE = timedelta(seconds=60)  # how long a job may take
ATTEMPTS = 8
FIRST_WAIT = timedelta(seconds=5)  # after a failure; doubled after each further one
LONGEST_WAIT = timedelta(hours=1)
LOOK = 30.0  # seconds between two looks when nothing is due
AT_ONCE = 4

log = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[None]]
# name → seconds from one time to the next, and what is done
Sweeps = Mapping[str, tuple[int, Handler]]


class Again(Exception):
    """What a job raises for what is nobody's fault here and may work later: it is no failure for the log."""


class Job(SQLModel, table=True):
    """Something to do at `due_at` (None: given up after too many failures); every `every` seconds for a sweep."""

    __tablename__ = "jobs"

    id: int = Field(sa_column=identity())
    name: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    # The name of a sweep, of which there is one row.
    sweep: str | None = Field(default=None, unique=True)
    every: int | None = None
    due_at: datetime | None = Field(default_factory=now, index=True)
    attempts: int = 0
    # The request that wanted it, for the log.
    request: str = ""


async def enqueue(work: Work, name: str, **payload: Any) -> None:
    """Have the handler `name` called with `payload`, once this work is durable."""
    await work.execute(insert(Job).values(name=name, payload=payload, request=request_id.get()))
    work.announce(_enqueued)


async def enqueue_once(work: Work, name: str, seconds: float) -> None:
    """Have the handler `name` called after so many seconds, unless it waits for that already."""
    if not await work.rows(select(Job.id).where(col(Job.name) == name, col(Job.attempts) == 0).limit(1)):
        await work.execute(insert(Job).values(name=name, payload={}, due_at=now() + timedelta(seconds=seconds)))


def _enqueued(_: Render) -> Iterator[Frame]:
    yield Frame(topics.jobs(), signal("enqueued"))


class Worker:
    """Runs what is due, in every process: `handlers` by their names, and the `sweeps`.

    Each is called with the app, and with what was enqueued as keywords.
    """

    def __init__(self, app: Starlette, handlers: Mapping[str, Handler], sweeps: Sweeps) -> None:
        self.app = app
        self.database: Database = app.state.database
        self.hub: Hub = app.state.hub
        self.sweeps = sweeps
        self.handlers = {**handlers, **{name: handler for name, (_, handler) in sweeps.items()}}

    async def introduce(self) -> None:
        """Write a row for each sweep that has none, or another interval."""
        wanted = {name: every for name, (every, _) in self.sweeps.items()}
        async with self.database.read() as work:
            rows = await work.rows(select(Job.sweep, Job.every).where(col(Job.sweep).in_(wanted)))
        known = {row.sweep: row.every for row in rows}
        new = [each for each in wanted.items() if each not in known.items()]
        if new:
            async with self.database.write() as work:
                for name, every in new:
                    first = now() + timedelta(seconds=every)
                    values = {"name": name, "sweep": name, "every": every, "payload": {}, "due_at": first}
                    await work.execute(insert_if_new(Job).values(values))
                    await work.execute(update(Job).where(col(Job.sweep) == name).values(every=every, due_at=first))

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop, and end what was begun; what is cut off then is due again after its lease."""
        outbox, enqueued = Outbox(), asyncio.Event()
        outbox.wake = lambda _: enqueued.set()
        self.hub.join(outbox, [topics.jobs()])
        while not stopping.is_set():
            try:
                if not await self.step():
                    await self._wait(enqueued, stopping)
            except Refused as refusal:  # the database is away; jobs can wait
                log.warning("no jobs for now: %s", refusal.message)
                await _first([stopping.wait()], FIRST_WAIT.total_seconds())
            except Exception:
                log.exception("the worker stumbled")
                await _first([stopping.wait()], FIRST_WAIT.total_seconds())
            outbox.take()
            enqueued.clear()
        self.hub.remove(outbox)

    async def step(self) -> int:
        """Run a few jobs that are due, and answer how many there were."""
        jobs = await self._claim()
        await asyncio.gather(*map(self._do, jobs))
        return len(jobs)

    async def _wait(self, enqueued: asyncio.Event, stopping: asyncio.Event) -> None:
        """Until something is enqueued here or in another process, or something becomes due."""
        async with self.database.read() as work:
            due = await work.first(select(func.min(Job.due_at)).where(col(Job.name).in_(self.handlers)))
        seconds = min(LOOK, max(0.05, (due - now()).total_seconds())) if due else LOOK
        await _first([enqueued.wait(), stopping.wait()], seconds)

    async def _claim(self) -> list[Any]:
        """Take jobs that are due and nobody else is taking; those of a newer version are left to it."""
        due = (
            select(Job.id)
            .where(col(Job.due_at) <= now(), col(Job.name).in_(self.handlers))
            .order_by(col(Job.due_at))
            .limit(AT_ONCE)
        )
        async with self.database.read() as work:
            if not await work.all(due):
                return []
        async with self.database.write() as work:
            ids = await work.all(due.with_for_update(skip_locked=True))
            result = await work.execute(
                update(Job)
                .where(col(Job.id).in_(ids))
                .values(due_at=now() + LEASE, attempts=Job.attempts + 1)
                .returning(*Job.__table__.columns)  # type: ignore[attr-defined]
            )
            return list(result.all())

    async def _do(self, job: Any) -> None:
        request_id.set(job.request)
        try:
            async with asyncio.timeout(LEASE.total_seconds()):
                await self.handlers[job.name](self.app, **job.payload)
        except Again:
            await self._settle(job, update(Job).values(due_at=_after(job)))
        except Exception:
            log.exception("the job %s failed, for the %d. time", job.name, job.attempts)
            await self._settle(job, update(Job).values(due_at=_after(job)))
        else:
            again = update(Job).values(due_at=now() + timedelta(seconds=job.every or 0), attempts=0)
            await self._settle(job, again if job.every else delete(Job))

    async def _settle(self, job: Any, statement: Update | Delete) -> None:
        """Say what becomes of a job, unless its lease is over and somebody else has it."""
        async with self.database.write() as work:
            await work.execute(statement.where(col(Job.id) == job.id, col(Job.due_at) == job.due_at))


async def _first(waits: Iterable[Coroutine[Any, Any, Any]], seconds: float) -> None:
    """Wait for the first of these, at most so many seconds."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _after(job: Any) -> datetime | None:
    """When to try again what failed; None for what is given up."""
    if job.every is None and job.attempts >= ATTEMPTS:
        return None
    wait: timedelta = FIRST_WAIT * 2 ** min(job.attempts - 1, 20)
    return now() + min(LONGEST_WAIT, wait)
