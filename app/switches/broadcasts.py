"""What a cleared chat means for pages."""

from __future__ import annotations

from collections.abc import Iterator

from app.db import Render
from app.realtime import topics
from app.realtime.frames import ASK_AGAIN, Frame, signal


def changed(_: Render, user_id: int) -> Iterator[Frame]:
    """Another rule holds for one's list: one's pages ask for it."""
    yield Frame(topics.user(user_id), ASK_AGAIN)


def cleared(_: Render, chat_id: int, user_id: int, revision: int) -> Iterator[Frame]:
    """One's own pages ask, and load the list anew; the others only learn the number, so that they see no gap."""
    yield Frame(topics.user(user_id), signal("chat.cleared", chat=chat_id))
    yield Frame(topics.chat(chat_id), signal("chat.revised", chat=chat_id, revision=revision))
