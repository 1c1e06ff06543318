"""What a chat's members see after something was said or changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from app.db import Render
from app.messages.bubbles import Bubble
from app.realtime import topics
from app.realtime.frames import Frame, partial, signal


def item(render: Render, bubble: Bubble) -> str:
    """The one markup of a message, for pages, answers and frames alike."""
    return render("messages/_bubble.html", message=bubble)


def placed(render: Render, bubble: Bubble) -> str:
    """A message aimed at its chat's list, to go where its seq belongs."""
    return partial(f"#chat-{bubble.chat_id}-messages", item(render, bubble), "place")


def sent(render: Render, bubble: Bubble) -> Iterator[Frame]:
    yield Frame(topics.chat(bubble.chat_id), placed(render, bubble))


def changed(render: Render, bubble: Bubble) -> Iterator[Frame]:
    """In place, where it is shown; nobody who does not see it gets to see it by this."""
    html = partial(f"#chat-{bubble.chat_id}-messages", item(render, bubble), "renew")
    yield Frame(topics.chat(bubble.chat_id), html)


def deleted(_: Render, chat_id: int, seq: int, sender_id: int) -> Iterator[Frame]:
    """For those who had it unread: it counts no more."""
    yield Frame(topics.chat(chat_id), signal("chat.deleted", chat=chat_id, seq=seq, sender=sender_id))


def expired(_: Render, chat_id: int, revision: int, last: int, at: datetime) -> Iterator[Frame]:
    """What was due then, up to the seq `last`, is gone from everybody's pages, which know themselves what that is."""
    yield Frame(topics.chat(chat_id), signal("chat.expired", chat=chat_id, last=last, at=at.isoformat()))
    yield Frame(topics.chat(chat_id), signal("chat.revised", chat=chat_id, revision=revision))


def hidden(_: Render, chat_id: int, user_id: int, message_id: str, revision: int) -> Iterator[Frame]:
    """Gone from one's own pages; the others only learn the number, so that they see no gap."""
    yield Frame(topics.user(user_id), partial(f"#message-{message_id}", "", "delete"))
    yield Frame(topics.user(user_id), signal("chat.row", chat=chat_id))
    yield Frame(topics.chat(chat_id), signal("chat.revised", chat=chat_id, revision=revision))
