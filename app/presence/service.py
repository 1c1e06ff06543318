"""Who is here: what each socket says of itself, in memory, told when the sum of it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from sqlalchemy import update
from sqlmodel import col

from app.db import Work, now
from app.users.models import User

AWAY_AFTER = 5.0


class Presence:
    """Online is who has a socket whose page is visible, or was until `away_after` seconds ago.

    `tell(user_id, online)` is called once for every change.
    """

    def __init__(
        self, tell: Callable[[int, bool], Coroutine[Any, Any, None]], away_after: float = AWAY_AFTER
    ) -> None:
        self.tell = tell
        self.away_after = away_after
        self.visible: dict[int, set[object]] = {}
        self.leaving: dict[int, asyncio.TimerHandle] = {}
        self.online: set[int] = set()
        self.telling: set[asyncio.Task[None]] = set()

    def is_online(self, user_id: int) -> bool:
        return user_id in self.online

    def came(self, user_id: int, socket: object) -> None:
        """A page of theirs is visible."""
        self.visible.setdefault(user_id, set()).add(socket)
        if timer := self.leaving.pop(user_id, None):
            timer.cancel()
        if user_id not in self.online:
            self.online.add(user_id)
            self._tell(user_id, True)

    def went(self, user_id: int, socket: object) -> None:
        """A page of theirs was hidden or closed; a short look elsewhere is nobody's business."""
        here = self.visible.get(user_id, set())
        here.discard(socket)
        if not here and user_id in self.online and user_id not in self.leaving:
            loop = asyncio.get_running_loop()
            self.leaving[user_id] = loop.call_later(self.away_after, self._gone, user_id)

    def _gone(self, user_id: int) -> None:
        del self.leaving[user_id]
        self.visible.pop(user_id, None)
        self.online.discard(user_id)
        self._tell(user_id, False)

    def _tell(self, user_id: int, online: bool) -> None:
        task = asyncio.create_task(self.tell(user_id, online))
        self.telling.add(task)
        task.add_done_callback(self.telling.discard)

    async def close(self) -> None:
        """Stop the timers, and finish telling."""
        for timer in self.leaving.values():
            timer.cancel()
        await asyncio.gather(*self.telling, return_exceptions=True)


async def saw(work: Work, user_ids: Collection[int]) -> None:
    """Keep when people were last here."""
    await work.execute(update(User).where(col(User.id).in_(user_ids)).values(last_seen_at=now()))
