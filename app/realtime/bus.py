"""What features call to be heard. In one process the bus ends in the hub beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from app.realtime.frames import Announcement, Control, Frame
from app.realtime.hub import Hub, Outbox


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a bus between processes asks of those who know people and chats.

    `recheck` is called while announcements may be missing: may the sockets still hear what they hear?
    `whole` when they are not missing any more, and `died` with the name of a process that fell silent.
    """

    recheck: Callable[[], Awaitable[None]]
    whole: Callable[[], Awaitable[None]]
    died: Callable[[str], Awaitable[None]]


class Bus(Protocol):
    """Carries announcements to every process. `publish` never waits and never fails."""

    is_whole: bool  # whether announcements of other processes arrive
    lag: float  # seconds that an announcement takes

    def publish(self, announcement: Announcement) -> None: ...

    async def hears(self, topics: Collection[str]) -> None:
        """Wait until what is published on these topics reaches the hub, or cannot."""

    def running(self, hooks: Hooks) -> AbstractAsyncContextManager[None]:
        """Carries while the block runs."""


class LocalBus:
    """The bus of a single process."""

    is_whole = True
    lag = 0.0

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def publish(self, announcement: Announcement) -> None:
        if isinstance(announcement, Frame):
            self.hub.deliver(announcement.topic, announcement.text)
            return
        for outbox in obey(self.hub, announcement):
            if announcement.then:
                outbox.put(announcement.then)

    async def hears(self, topics: Collection[str]) -> None:  # noqa: ARG002
        return

    @asynccontextmanager
    async def running(self, hooks: Hooks) -> AsyncIterator[None]:  # noqa: ARG002
        yield


def obey(hub: Hub, control: Control) -> list[Outbox]:
    """Carry an order out in this process; answers the outboxes that are to hear its `then`."""
    outboxes = hub.listeners(control.topic)
    for outbox in outboxes:
        if control.order == "join":
            hub.join(outbox, [control.argument])
        elif control.order == "leave":
            hub.leave(outbox, [control.argument])
        else:
            outbox.close(int(control.argument))
    return outboxes
