"""What features call to be heard. In one process the bus ends in the hub beside it."""

from __future__ import annotations

from typing import Protocol

from app.realtime.frames import Announcement, Frame
from app.realtime.hub import Hub


class Bus(Protocol):
    """Carries announcements to every process. `publish` never waits and never fails."""

    def publish(self, announcement: Announcement) -> None: ...


class LocalBus:
    """The bus of a single process."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def publish(self, announcement: Announcement) -> None:
        carry_out(self.hub, announcement)


def carry_out(hub: Hub, announcement: Announcement) -> None:
    """Do in this process what an announcement says."""
    if isinstance(announcement, Frame):
        hub.deliver(announcement.topic, announcement.text)
        return
    for outbox in hub.listeners(announcement.topic):
        if announcement.order == "join":
            hub.join(outbox, [announcement.argument])
        elif announcement.order == "leave":
            hub.leave(outbox, [announcement.argument])
        else:
            outbox.close(int(announcement.argument))
