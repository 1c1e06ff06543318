"""Say, edit, delete, hide."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, now
from app.errors import Conflict, Forbidden, Refused
from app.messages import broadcasts
from app.messages.bubbles import Bubble, bubbles, moving
from app.messages.drafts import Draft
from app.messages.history import require_visible
from app.messages.models import HiddenMessage, Message
from app.messages.sending import Repeat, Sending, repeated, send_all
from app.users.models import Person


async def send(work: Work, user: Person, chat_id: int, draft: Draft) -> tuple[Bubble, bool]:
    """Say something; answers the bubble and whether it is new.

    A repeat with the same id and body answers the first result. Raises NotFound for
    strangers, Invalid for who left, Conflict for an id that stands for something else.
    """
    (sent,) = await send_all(work, [Sending(user, chat_id, draft)])
    if isinstance(sent, Repeat):
        sent = await repeated(work, sent)
    if isinstance(sent, Refused):
        raise sent
    return sent.bubble, sent.is_new


async def _add(work: Work, values: dict[str, Any]) -> Message:
    result = await work.execute(insert(Message).values(values).returning(*Message.__table__.columns))  # type: ignore[attr-defined]
    return result.one()  # type: ignore[return-value]


async def note(
    work: Work,
    chat: Conversation,
    actor: Person,
    type_: str,
    subjects: Sequence[Person] = (),
    value: str = "",
) -> int:
    """Write a system line as a structured event; answers its seq."""
    step = await chats.advance(work, chat.id)
    values = {
        "chat_id": chat.id,
        "seq": step.seq,
        "revision": step.revision,
        "id": str(uuid.uuid4()),
        "sender_id": actor.id,
        "kind": "note",
        "body": "",
        "starts_run": True,
        "event": {"type": type_, "subjects": [person.id for person in subjects], "value": value},
        "created_at": now(),
    }
    message = await _add(work, values)
    people = {person.id: person for person in (actor, *subjects)}
    bubble = (await bubbles(work, chat, [message], people))[0]
    work.announce(broadcasts.sent, bubble)
    chats.tell_newest(work, moving(bubble))
    return step.seq


async def require_own(work: Work, user: Person, chat_id: int, seq: int) -> tuple[Conversation, Message]:
    """The chat, and a living text of `user` in it. Raises NotFound or Forbidden."""
    chat = await chats.require_present(work, chat_id, user)
    message = await require_visible(work, chat, user, seq)
    if message.sender_id != user.id or message.kind != "text" or message.deleted_at:
        raise Forbidden("Only a message of your own that still stands can be changed.")
    return chat, message


def may_edit(message: Message, chat: Conversation, user: Person, window: timedelta) -> bool:
    return _is_living_text(message) and chat.may_write and message.sender_id == user.id and _within(message, window)


def may_delete(message: Message, chat: Conversation, user: Person, window: timedelta) -> bool:
    """Authors for a while; a group's admins any time."""
    own = message.sender_id == user.id and _within(message, window)
    return _is_living_text(message) and chat.may_write and (own or chat.may_manage)


def _is_living_text(message: Message) -> bool:
    return message.kind == "text" and message.deleted_at is None


def _within(message: Message, window: timedelta) -> bool:
    return now() - message.created_at <= window


async def edit(work: Work, user: Person, chat_id: int, seq: int, body: str, window: timedelta) -> Bubble:
    """Change one's own words while the window is open. Raises NotFound, Forbidden or Conflict."""
    chat, message = await require_own(work, user, chat_id, seq)
    if not may_edit(message, chat, user, window):
        raise Conflict("It is too late to edit this message.")
    if message.body == body:
        return (await bubbles(work, chat, [message]))[0]
    return await _change(work, chat, seq, body=body, edited_at=now())


async def delete(work: Work, user: Person, chat_id: int, seq: int, window: timedelta) -> Bubble:
    """Take a message back for everyone; what stays is that there was one. Raises NotFound or Forbidden."""
    chat = await chats.require_present(work, chat_id, user)
    message = await require_visible(work, chat, user, seq)
    if message.deleted_at:
        return (await bubbles(work, chat, [message]))[0]
    if not may_delete(message, chat, user, window):
        raise Forbidden("This message can’t be deleted for everyone any more.")
    event = {"by": user.id} if message.sender_id != user.id else None
    work.announce(broadcasts.deleted, chat_id, seq, message.sender_id)
    return await _change(work, chat, seq, body="", event=event, edited_at=None, deleted_at=now())


async def _change(work: Work, chat: Conversation, seq: int, **values: Any) -> Bubble:
    revision = await chats.revise(work, chat.id)
    result = await work.execute(
        update(Message)
        .where(col(Message.chat_id) == chat.id, col(Message.seq) == seq)
        .values(revision=revision, **values)
        .returning(*Message.__table__.columns)  # type: ignore[attr-defined]
    )
    message: Message = result.one()  # type: ignore[assignment]
    bubble = (await bubbles(work, chat, [message]))[0]
    work.announce(broadcasts.changed, bubble)
    chats.tell_changed(work, moving(bubble))
    return bubble


async def hide(work: Work, user: Person, chat_id: int, seq: int) -> str:
    """Delete a message for oneself only, and answer its id; doing it twice is harmless. Raises NotFound."""
    chat = await chats.require_member(work, chat_id, user, locked=True)
    message = await work.first(select(Message).where(Message.chat_id == chat_id, Message.seq == seq))
    hidden = select(HiddenMessage.seq).where(HiddenMessage.user_id == user.id, HiddenMessage.chat_id == chat_id)
    if message and await work.first(hidden.where(HiddenMessage.seq == seq)) is not None:
        return message.id
    message = await require_visible(work, chat, user, seq)
    revision = await chats.revise(work, chat_id)
    await work.execute(insert(HiddenMessage).values(user_id=user.id, chat_id=chat_id, seq=seq, revision=revision))
    work.announce(broadcasts.hidden, chat_id, user.id, message.id, revision)
    return message.id
