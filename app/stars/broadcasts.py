"""One's own pages hear of one's stars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, signal


def starred(_: Render, user_id: int, chat_id: int, seqs: Sequence[int], on: bool) -> Iterator[Frame]:
    yield Frame(topics.user(user_id), signal("chat.starred", chat=chat_id, seqs=seqs, on=on))
