"""What the pages of a device hear when it is signed out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Control

SESSION_OVER = 4401


def revoked(_: Render, session_ids: Iterable[int]) -> Iterator[Control]:
    for session_id in session_ids:
        yield Control(topics.session(session_id), "close", str(SESSION_OVER))
