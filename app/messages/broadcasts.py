"""What a chat's members see after something was said or changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.db import Render
from app.messages.bubbles import Bubble
from app.realtime import topics
from app.realtime.frames import ASK_AGAIN, Frame, partial, signal


def item(render: Render, bubble: Bubble) -> str:
    """The one markup of a message, for pages, answers and frames alike."""
    return render("messages/_bubble.html", message=bubble)


def sent(render: Render, bubble: Bubble) -> Iterator[Frame]:
    """To go where its seq belongs."""
    yield from _aimed(render, bubble, "place")


def changed(render: Render, bubble: Bubble) -> Iterator[Frame]:
    """In place, where it is shown; nobody who does not see it gets to see it by this."""
    yield from _aimed(render, bubble, "renew")


def _aimed(render: Render, bubble: Bubble, swap: str) -> Iterator[Frame]:
    """A message aimed at its chat's list: one frame for all, or for each reader the one of what they may see."""
    target = f"#chat-{bubble.chat_id}-messages"
    readers = sorted(bubble.readers)
    if not readers:
        yield Frame(topics.chat(bubble.chat_id), partial(target, item(render, bubble), swap))
        return
    for user_id in readers:
        yield Frame(topics.user(user_id), partial(target, item(render, bubble.seen_by(user_id)), swap))
    # Who hears the chat and was not there when this was said has the number, too.
    yield Frame(topics.chat(bubble.chat_id), signal("chat.revised", chat=bubble.chat_id, revision=bubble.revision))


def outdated(_: Render, chat_id: int) -> Iterator[Frame]:
    """More has changed than is told one by one: pages ask for it."""
    yield Frame(topics.chat(chat_id), ASK_AGAIN)


def deleted(_: Render, chat_id: int, seq: int, sender_id: int) -> Iterator[Frame]:
    """For those who had it unread: it counts no more."""
    yield Frame(topics.chat(chat_id), signal("chat.deleted", chat=chat_id, seq=seq, sender=sender_id))


def expired(_: Render, chat_id: int, revision: int, last: int, at: datetime) -> Iterator[Frame]:
    """What was due then, up to the seq `last`, is gone from everybody's pages, which know themselves what that is."""
    yield Frame(topics.chat(chat_id), signal("chat.expired", chat=chat_id, last=last, at=at.isoformat()))
    yield Frame(topics.chat(chat_id), signal("chat.revised", chat=chat_id, revision=revision))


def hidden(_: Render, chat_id: int, user_id: int, message_ids: Sequence[str], revision: int) -> Iterator[Frame]:
    """Gone from one's own pages; the others only learn the number, so that they see no gap."""
    for message_id in message_ids:
        yield Frame(topics.user(user_id), partial(f"#message-{message_id}", "", "delete"))
    yield Frame(topics.user(user_id), signal("chat.row", chat=chat_id))
    yield Frame(topics.chat(chat_id), signal("chat.revised", chat=chat_id, revision=revision))
