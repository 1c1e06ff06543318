"""Background jobs: written with what wants them, done once, tried again; sweeps that one process does for all."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.auth.models import Invite, Session
from app.db import now
from app.jobs import ATTEMPTS, LEASE, Handler, Job, Worker, enqueue
from app.log import request_id
from tests.make import Member
from tests.waiting import until

HOUR = timedelta(hours=1)


class Workplace:
    """Two workers on one database, as in two processes, and what was done."""

    def __init__(self, app: Starlette) -> None:
        self.app = app
        self.done: Counter[Any] = Counter()
        self.failures = 0
        self.running = 0
        handlers: dict[str, Handler] = {"count": self.count, "fail": self.fail, "hang": self.hang}
        self.workers = [Worker(app, handlers, {"sweep": (3600, self.sweep)}) for _ in range(2)]

    async def count(self, app: Starlette, number: int) -> None:
        assert app is self.app
        self.done[number] += 1

    async def fail(self, _: Starlette) -> None:
        self.failures += 1
        raise RuntimeError("on purpose")

    async def hang(self, _: Starlette) -> None:
        self.running += 1
        await asyncio.Event().wait()

    async def sweep(self, _: Starlette) -> None:
        self.done["sweep"] += 1

    async def enqueue(self, name: str, **payload: Any) -> None:
        async with self.app.state.database.write() as work:
            await enqueue(work, name, **payload)

    async def jobs(self) -> list[Any]:
        """The rows that are left, without those of sweeps."""
        async with self.app.state.database.read() as work:
            return list(await work.all(select(Job).where(col(Job.sweep).is_(None)).order_by(col(Job.id))))

    async def set(self, sweep: str | None = None, **values: Any) -> None:
        """Change what rows say, as time would: those of jobs, or of a sweep."""
        async with self.app.state.database.write() as work:
            await work.execute(update(Job).where(col(Job.sweep).is_not_distinct_from(sweep)).values(values))


@pytest.fixture
def place(app: Starlette) -> Workplace:
    return Workplace(app)


async def both(place: Workplace) -> None:
    """Let both workers do, side by side, all that is due."""
    while any(await asyncio.gather(*(worker.step() for worker in place.workers))):
        pass


async def test_a_job_is_done_once_whoever_does_it(place: Workplace) -> None:
    for number in range(50):
        await place.enqueue("count", number=number)
    await both(place)
    assert (set(place.done.values()), len(place.done), await place.jobs()) == ({1}, 50, [])


async def test_what_was_undone_was_never_wanted(place: Workplace) -> None:
    async def enqueue_and_fail() -> None:
        async with place.app.state.database.write() as work:
            await enqueue(work, "count", number=1)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await enqueue_and_fail()
    await both(place)
    assert not place.done


async def test_a_failure_is_tried_again_later_and_given_up_in_the_end(
    place: Workplace, caplog: pytest.LogCaptureFixture
) -> None:
    await place.enqueue("fail")
    waits = []
    for _ in range(ATTEMPTS - 1):
        await both(place)
        (job,) = await place.jobs()
        waits.append((job.due_at - now()).total_seconds())
        await place.set(due_at=now())
    assert [round(wait / 5) for wait in waits] == [1, 2, 4, 8, 16, 32, 64]
    await both(place)
    (job,) = await place.jobs()
    assert (job.due_at, place.failures) == (None, ATTEMPTS)
    assert "the job fail failed, for the 8. time" in caplog.text


async def test_a_job_whose_process_died_is_done_by_another(place: Workplace) -> None:
    await place.enqueue("hang")
    dying = asyncio.create_task(place.workers[0].step())
    await until(lambda: place.running)
    assert await place.workers[1].step() == 0
    dying.cancel()
    (job,) = await place.jobs()
    assert timedelta(0) < job.due_at - now() <= LEASE
    await place.set(due_at=now(), name="count", payload={"number": 1})
    await both(place)
    assert (place.done, await place.jobs()) == ({1: 1}, [])


async def test_who_was_too_slow_has_no_say_any_more(place: Workplace) -> None:
    await place.enqueue("count", number=1)
    (job,) = await place.workers[0]._claim()
    await place.set(due_at=now() - HOUR)
    assert await place.workers[1]._claim()
    await place.workers[0]._do(job)
    assert len(await place.jobs()) == 1


async def test_jobs_of_a_newer_version_are_left_to_it(place: Workplace) -> None:
    await place.enqueue("unheard of")
    await both(place)
    (job,) = await place.jobs()
    assert (job.attempts, job.due_at <= now()) == (0, True)


async def test_a_worker_does_at_once_what_is_enqueued(place: Workplace) -> None:
    stopping = asyncio.Event()
    running = asyncio.create_task(place.workers[0].run(stopping))
    for number in range(3):
        await place.enqueue("count", number=number)
        await until(lambda wanted=number: place.done[wanted])  # type: ignore[misc]
    stopping.set()
    async with asyncio.timeout(5):
        await running


async def test_a_job_remembers_the_request_that_wanted_it(place: Workplace) -> None:
    request_id.set("that-request")
    await place.enqueue("count", number=1)
    assert [job.request for job in await place.jobs()] == ["that-request"]


async def test_a_sweep_is_done_once_for_all_and_again_when_it_is_time(place: Workplace) -> None:
    for worker in place.workers:
        await worker.introduce()
    await both(place)
    assert not place.done
    for times in (1, 2):
        await place.set(sweep="sweep", due_at=now())
        await both(place)
        assert place.done["sweep"] == times


async def test_devices_and_invitations_that_are_over_are_swept(app: Starlette, ann: Member, ada: Member) -> None:
    long_ago = now() - timedelta(days=31)
    async with app.state.database.write() as work:
        await work.execute(update(Session).where(col(Session.id) == ada.session_id).values(last_active_at=long_ago))
        for at in (long_ago, now() + HOUR):
            row = {"token_hash": str(at), "created_by": ada.id, "expires_at": at, "max_uses": 1}
            await work.execute(insert(Invite).values(row))
    async with app.state.database.write() as work:
        await work.execute(update(Job).where(col(Job.sweep) == "auth.sweep").values(due_at=now()))
    await app.state.worker.step()
    async with app.state.database.read() as work:
        assert list(await work.all(select(Session.id))) == [ann.session_id]
        assert len(await work.all(select(Invite.id))) == 1
