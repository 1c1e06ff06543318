"""What moves in chat lists, and who hears a chat."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from app.chats.models import Moving
from app.db import Render
from app.realtime import topics
from app.realtime.frames import Announcement, Control, Frame, partial, signal


def advanced(render: Render, moving: Moving) -> Iterator[Frame]:
    """Something new: the row changes and rises."""
    html = render("chats/_moving.html", moving=moving)
    yield Frame(topics.chat(moving.chat_id), partial("#chats", html, "promote"))


def noted(_: Render, chat_id: int, seq: int) -> Iterator[Frame]:
    """Something that is no news: rows stay as they are, unless they have nothing else to show."""
    yield Frame(topics.chat(chat_id), signal("chat.noted", chat=chat_id, seq=seq))


def revised(render: Render, moving: Moving) -> Iterator[Frame]:
    """The newest message was changed: rows that show it change where they are."""
    html = render("chats/_moving.html", moving=moving)
    target = f"#chat-{moving.chat_id}-moving[data-seq='{moving.seq}']"
    yield Frame(topics.chat(moving.chat_id), partial(target, html, "outerHTML"))


def joined(_: Render, chat_id: int, user_ids: Collection[int], unaware: Collection[int]) -> Iterator[Announcement]:
    """Their pages hear the chat; who is `unaware` learns of it by the first message only."""
    for user_id in user_ids:
        then = "" if user_id in unaware else signal("chat.joined", chat=chat_id)
        yield Control(topics.user(user_id), "join", topics.chat(chat_id), then)


def left(_: Render, chat_id: int, user_id: int) -> Iterator[Announcement]:
    for topic in (topics.chat(chat_id), topics.receipts(chat_id)):
        yield Control(topics.user(user_id), "leave", topic)
    yield Frame(topics.user(user_id), signal("chat.left", chat=chat_id))


def switched(_: Render, chat_id: int, user_id: int) -> Iterator[Frame]:
    """One's pages ask for the row anew."""
    yield Frame(topics.user(user_id), signal("chat.row", chat=chat_id))


def drafted(_: Render, chat_id: int, user_id: int, body: str) -> Iterator[Frame]:
    """One's other pages show the draft, too."""
    yield Frame(topics.user(user_id), signal("chat.drafted", chat=chat_id, body=body[:200]))
