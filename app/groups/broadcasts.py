"""What members see when the group itself changes."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import escape

from app.db import Render
from app.realtime import topics
from app.realtime.frames import Frame, partial, signal


def renamed(_: Render, chat_id: int, name: str) -> Iterator[Frame]:
    """Every place that shows the group's name."""
    yield Frame(topics.chat(chat_id), partial(f"[data-title-of='{chat_id}']", str(escape(name)), "innerHTML"))


def counted(render: Render, chat_id: int, count: int) -> Iterator[Frame]:
    """How many are in the group, where it is open."""
    html = render("chats/_count.html", count=count)
    yield Frame(topics.chat(chat_id), partial(f"#chat-{chat_id}-status .topbar__presence", html, "innerHTML"))


def role_changed(_: Render, chat_id: int, user_id: int) -> Iterator[Frame]:
    """What may be done here has changed for somebody."""
    yield Frame(topics.user(user_id), signal("chat.role", chat=chat_id))
