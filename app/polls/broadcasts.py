"""What is told beside the bubble, which all see anew after a vote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, signal


def voted(_: Render, chat_id: int, user_id: int, seq: int, options: Sequence[int]) -> Iterator[Frame]:
    """For one's own pages: a poll with many votes does not name all who gave them."""
    yield Frame(topics.user(user_id), signal("poll.voted", chat=chat_id, seq=seq, options=options))
