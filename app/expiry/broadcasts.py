"""What shows for how long a chat keeps what is said."""

from __future__ import annotations

from collections.abc import Iterator

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, partial


def chosen(render: Render, chat_id: int, lifetime: str) -> Iterator[Frame]:
    """In the chat's header, and in its info."""
    html = render("expiry/_timer.html", lifetime=lifetime)
    yield Frame(topics.chat(chat_id), partial(f"#chat-{chat_id}-timer", html, "innerHTML"))
    yield Frame(topics.chat(chat_id), partial(f"#chat-{chat_id}-lifetime", lifetime or "Off", "innerHTML"))
