"""Who is here: what each socket says of itself, in memory, told when the sum of it changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection

from sqlalchemy import update
from sqlmodel import col, select

from app.db import Work, now
from app.presence.leases import Leases
from app.users.models import User

AWAY_AFTER = 5.0
RENEW = 20.0

log = logging.getLogger(__name__)

Tell = Callable[[Collection[int], bool], Awaitable[None]]


class Presence:
    """Online is who has a socket whose page is visible, or was until `away_after` seconds ago, in any process.

    What changes is gathered, and `tell(user_ids, online)` is called for many at once: a thousand sockets that close
    together are one change. `leases` knows who is here in other processes, where there are any.
    """

    def __init__(self, tell: Tell, leases: Leases, away_after: float = AWAY_AFTER) -> None:
        self.tell = tell
        self.leases = leases
        self.away_after = away_after
        self.visible: dict[int, set[object]] = {}
        self.leaving: dict[int, asyncio.TimerHandle] = {}
        self.here: set[int] = set()  # in this process
        self.known: set[int] = set()  # of those, whose coming was told
        self.changed = asyncio.Event()
        self.settling = asyncio.Lock()

    def came(self, user_id: int, socket: object) -> None:
        """A page of theirs is visible."""
        self.visible.setdefault(user_id, set()).add(socket)
        if timer := self.leaving.pop(user_id, None):
            timer.cancel()
        if user_id not in self.here:
            self.here.add(user_id)
            self.changed.set()

    def went(self, user_id: int, socket: object) -> None:
        """A page of theirs was hidden or closed; a short look elsewhere is nobody's business."""
        pages = self.visible.get(user_id, set())
        pages.discard(socket)
        if not pages and user_id in self.here and user_id not in self.leaving:
            loop = asyncio.get_running_loop()
            self.leaving[user_id] = loop.call_later(self.away_after, self._gone, user_id)

    def _gone(self, user_id: int) -> None:
        del self.leaving[user_id]
        self.visible.pop(user_id, None)
        self.here.discard(user_id)
        self.changed.set()

    async def online(self, user_ids: Collection[int]) -> set[int]:
        """Who of these people is here, or in another process."""
        here = self.here.intersection(user_ids)
        elsewhere = set(user_ids) - here
        return here | (await self.leases.held(elsewhere) if elsewhere else set())

    async def run(self) -> None:
        """Tell what has changed, and renew the leases, until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW):
                    await self.changed.wait()
            try:
                # What is being told is told to its end, also when the server stops.
                await asyncio.shield(self.settle()) if self.changed.is_set() else await self.renew()
            except Exception:
                log.exception("presence could not be told")

    async def settle(self) -> None:
        """Tell who came and who went since the last time."""
        async with self.settling:
            self.changed.clear()
            came, went = self.here - self.known, self.known - self.here
            self.known = self.here.copy()
            if came and (new := await self.leases.take(came)):
                await self.tell(new, True)
            if went and (gone := await self.leases.drop(went)):
                await self.tell(gone, False)

    async def renew(self) -> None:
        """Keep the leases of all who are here; who had none any more was taken for gone."""
        if self.known and (new := await self.leases.take(self.known)):
            await self.tell(new, True)

    async def bury(self, process: str) -> None:
        """Tell who went with a process that died; one of those that are left does."""
        if gone := await self.leases.inherit(process):
            await self.tell(gone, False)

    async def close(self) -> None:
        """Everybody who is here goes now."""
        for timer in self.leaving.values():
            timer.cancel()
        self.leaving.clear()
        self.here.clear()
        await self.settle()


async def saw(work: Work, user_ids: Collection[int]) -> None:
    """Keep when people were last here."""
    # In one order, so that two processes that end at once do not wait for each other.
    await work.rows(
        select(User.id).where(col(User.id).in_(user_ids)).order_by(col(User.id)).with_for_update(key_share=True)
    )
    await work.execute(update(User).where(col(User.id).in_(user_ids)).values(last_seen_at=now()))
