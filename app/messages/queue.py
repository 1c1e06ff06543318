"""Sends that wait while others are being stored, and go into the database together after them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from app.db import Database
from app.errors import Refused
from app.messages.drafts import Draft
from app.messages.sending import Answer, Repeat, Sending, Sent, repeated, send_all
from app.users.models import Person

AT_ONCE = 64

Waiting = deque[tuple[Sending, "asyncio.Future[Sent]"]]


class SendQueue:
    """One work at a time takes what waits: of all chats on SQLite, which has one writer; of one chat on PostgreSQL,
    whose row one work at a time can lock, so that no chat waits for another.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lanes: dict[int, Waiting] = {}
        self.running: set[asyncio.Task[None]] = set()

    async def send(self, user: Person, chat_id: int, draft: Draft) -> Sent:
        """Say something; returns when it is durable. Raises what `messages.service.send` does, and Unavailable."""
        future: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        lane = chat_id if self.database.is_shared else 0
        if lane in self.lanes:
            self.lanes[lane].append((Sending(user, chat_id, draft), future))
        else:
            self.lanes[lane] = deque([(Sending(user, chat_id, draft), future)])
            task = asyncio.create_task(self._work(lane))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        return await future

    async def _work(self, lane: int) -> None:
        waiting = self.lanes[lane]
        while waiting:
            # Who asks in the same turn of the loop comes along: one turn reads their requests, one runs them.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            batch = [waiting.popleft() for _ in range(min(AT_ONCE, len(waiting)))]
            batch = [each for each in batch if not each[1].done()]  # who gave up meanwhile
            answers = await self._store([wish for wish, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Sent):
                    future.set_result(answer)
                else:
                    future.set_exception(answer)
        del self.lanes[lane]

    async def _store(self, wishes: list[Sending]) -> Sequence[Sent | Exception]:
        try:
            answers = await self._say(wishes)
            return [await self._repeated(each) if isinstance(each, Repeat) else each for each in answers]
        except Exception as error:
            return [error] * len(wishes)

    async def _say(self, wishes: list[Sending]) -> list[Answer]:
        if any(wish.draft.brings for wish in wishes):
            async with self.database.write() as work:
                return await send_all(work, wishes)
        return await self.database.optimistic(send_all, wishes)

    async def _repeated(self, repeat: Repeat) -> Sent | Refused:
        async with self.database.read() as work:
            return (await repeated(work, [repeat]))[0]
