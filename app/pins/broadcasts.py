"""That a chat's banner shows something else now."""

from __future__ import annotations

from collections.abc import Iterator

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, signal


def changed(_: Render, chat_id: int) -> Iterator[Frame]:
    """Not what: not everybody may see every pinned message, so each page asks for its own."""
    yield Frame(topics.chat(chat_id), signal("chat.pins", chat=chat_id))
