"""Lines that come and go: online, last seen, typing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from app.realtime import topics
from app.realtime.frames import Frame, signal
from app.users.models import Person


def presence(user_id: int, online: bool, at: datetime | None, partner_ids: Iterable[int]) -> Iterator[Frame]:
    """For those who have a direct chat with somebody."""
    text = signal("presence", user=user_id, online=online, at=at.isoformat() if at else None)
    for partner in partner_ids:
        yield Frame(topics.user(partner), text)


def typing(chat_id: int, person: Person, on: bool) -> Frame:
    return Frame(
        topics.chat(chat_id), signal("typing", chat=chat_id, user=person.id, name=person.display_name, on=on)
    )
