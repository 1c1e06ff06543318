"""What those see whom an edit named, or named no more."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from app.db import Render
from app.mentions.models import EVERYBODY
from app.realtime import topics
from app.realtime.frames import Frame, signal


def changed(_: Render, chat_id: int, user_ids: Collection[int]) -> Iterator[Frame]:
    """Their row of the chat says something else."""
    for topic in [topics.chat(chat_id)] if EVERYBODY in user_ids else [topics.user(id_) for id_ in sorted(user_ids)]:
        yield Frame(topic, signal("chat.row", chat=chat_id))
