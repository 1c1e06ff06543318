"""Send, read, edit, delete, hide; and the one rule of who sees what."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, insert, or_, update
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.chats import service as chats
from app.chats.models import Conversation, MembershipInterval
from app.db import Work, now
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.messages import broadcasts, text
from app.messages.bubbles import Bubble, bubbles, moving
from app.messages.models import HiddenMessage, Message
from app.receipts import service as receipts
from app.users.models import Person

PAGE = 50
AROUND = 40
MOST_PAGE = 200
MOST_CHANGES = 200
UNREAD_MOST = 1000
RUN = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A message as its sender wrote it; `id` is made by the page that sends, so that a repeat is known."""

    body: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    seen: int = 0

    @classmethod
    def read(cls, fields: dict[str, str], longest: int) -> Draft:
        """Raises Invalid with a sentence for a wrong field."""
        seen = fields.get("seen", "")
        return cls(
            body=clean_body(fields.get("body", ""), longest),
            id=_uuid(fields["id"]) if fields.get("id") else str(uuid.uuid4()),
            seen=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 16 else 0,
        )

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.body.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a chat, oldest first, and whether there is more on either side."""

    messages: list[Bubble]
    has_older: bool
    has_newer: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a revision: messages as they are now, ids of those that are gone, the revision of now.

    `reload` says that there is too much of it, or that the view itself changed.
    """

    revision: int
    messages: list[Bubble]
    gone: Sequence[str]
    reload: bool = False


def clean_body(body: str, longest: int) -> str:
    """What is kept of a body. Raises Invalid when nothing is left, or too much."""
    cleaned = text.clean(body)
    if text.is_blank(cleaned):
        raise Invalid(body="There is nothing to send yet.")
    if len(cleaned) > longest:
        raise Invalid(body=f"That is {len(cleaned):,} characters; a message takes {longest:,}.")
    return cleaned


def _uuid(value: str) -> str:
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise Invalid(id="This must be a UUID.") from None


def visible(chat_id: Any, user_id: int) -> ColumnElement[bool]:
    """The condition that every query of messages carries: may this person see them?

    `chat_id` is a number, or the column of an outer query.

    Inside one of their stays in the chat, and not hidden by themselves.
    """
    stay = exists().where(
        col(MembershipInterval.chat_id) == chat_id,
        col(MembershipInterval.user_id) == user_id,
        col(Message.seq) >= col(MembershipInterval.from_seq),
        or_(col(MembershipInterval.to_seq).is_(None), col(Message.seq) <= col(MembershipInterval.to_seq)),
    )
    hidden = exists().where(
        col(HiddenMessage.user_id) == user_id,
        col(HiddenMessage.chat_id) == chat_id,
        col(HiddenMessage.seq) == col(Message.seq),
    )
    # By itself SQLAlchemy finds the table of `chat_id` one query out only, and else joins it here anew.
    stay, hidden = stay.correlate_except(MembershipInterval), hidden.correlate_except(HiddenMessage)
    return and_(col(Message.chat_id) == chat_id, stay, ~hidden)


def counts_as_unread(user_id: int) -> ColumnElement[bool]:
    """The condition of what a badge counts: others' messages that are neither deleted nor system lines."""
    return (col(Message.kind) != "note") & col(Message.deleted_at).is_(None) & (col(Message.sender_id) != user_id)


def seen_by(chat: Conversation, user: Person) -> SelectOfScalar[Message]:
    return select(Message).where(visible(chat.id, user.id))


async def send(work: Work, user: Person, chat_id: int, draft: Draft) -> tuple[Bubble, bool]:
    """Say something; answers the bubble and whether it is new.

    A repeat with the same id and body answers the first result. Raises NotFound for
    strangers, Invalid for who left, Conflict for an id that stands for something else.
    """
    chat = await chats.require_present(work, chat_id, user)
    if known := await work.first(select(Message).where(Message.chat_id == chat_id, Message.id == draft.id)):
        if (known.sender_id, known.fingerprint) != (user.id, draft.fingerprint):
            sentence = "Another message was sent from this form already. Send this one now if you still want to."
            raise Conflict(sentence, {"body": sentence})
        return (await bubbles(work, chat, [known]))[0], False
    step = await chats.advance(work, chat_id)
    values = {
        "chat_id": chat_id,
        "seq": step.seq,
        "revision": step.revision,
        "id": draft.id,
        "sender_id": user.id,
        "kind": "text",
        "body": draft.body,
        "fingerprint": draft.fingerprint,
        "created_at": now(),
    }
    message = await _add(work, values)
    if chat.draft:
        await chats.set_draft(work, chat_id, user.id, "")
    if draft.seen > chat.read_seq:
        await receipts.read(work, chat, user, min(draft.seen, step.seq - 1))
    bubble = (await bubbles(work, chat, [message], {user.id: user}))[0]
    work.announce(broadcasts.sent, bubble)
    chats.tell_newest(work, moving(bubble))
    return bubble, True


async def _add(work: Work, values: dict[str, Any]) -> Message:
    """Store a message that begins a run, or goes on with the one before it."""
    before = await work.first(
        select(Message).where(Message.chat_id == values["chat_id"], Message.seq == values["seq"] - 1)
    )
    at: datetime = values["created_at"]
    values["starts_run"] = starts_run(before, values["kind"], values["sender_id"], at)
    result = await work.execute(insert(Message).values(values).returning(*Message.__table__.columns))  # type: ignore[attr-defined]
    return result.one()  # type: ignore[return-value]


def starts_run(before: Message | None, kind: str, sender_id: int, at: datetime) -> bool:
    """Whether a message begins a run, or goes on with the one `before` it."""
    return not (
        before
        and before.kind == kind != "note"
        and before.sender_id == sender_id
        and at - before.created_at < RUN
        and at.date() == before.created_at.date()
    )


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
        "event": {"type": type_, "subjects": [person.id for person in subjects], "value": value},
        "created_at": now(),
    }
    message = await _add(work, values)
    people = {person.id: person for person in (actor, *subjects)}
    bubble = (await bubbles(work, chat, [message], people))[0]
    work.announce(broadcasts.sent, bubble)
    chats.tell_newest(work, moving(bubble))
    return step.seq


async def page(
    work: Work,
    chat: Conversation,
    user: Person,
    *,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = PAGE,
) -> Window:
    """A stretch of what `user` may see: the newest, or what lies before, after or around a seq."""
    limit = max(1, min(limit, MOST_PAGE))
    seen = seen_by(chat, user)
    if around is not None:
        older, has_older = await _older(work, seen, around, min(limit, AROUND))
        newer, has_newer = await _newer(work, seen, around - 1, min(limit, AROUND) + 1)
        found: Sequence[Message] = [*older, *newer]
    elif after is not None:
        found, has_newer = await _newer(work, seen, after, limit)
        has_older = await work.first(seen.where(Message.seq <= after).limit(1)) is not None
    else:
        found, has_older = await _older(work, seen, before, limit)
        has_newer = before is not None and await work.first(seen.where(Message.seq >= before).limit(1)) is not None
    return Window(await bubbles(work, chat, found), has_older, has_newer)


async def _older(
    work: Work, seen: SelectOfScalar[Message], before: int | None, limit: int
) -> tuple[Sequence[Message], bool]:
    """The last `limit` messages (before a seq, where given) in their order, and whether there are older ones."""
    statement = seen if before is None else seen.where(Message.seq < before)
    found = await work.all(statement.order_by(col(Message.seq).desc()).limit(limit + 1))
    return found[:limit][::-1], len(found) > limit


async def _newer(work: Work, seen: SelectOfScalar[Message], after: int, limit: int) -> tuple[Sequence[Message], bool]:
    """The first `limit` messages after a seq, and whether there are newer ones."""
    found = await work.all(seen.where(Message.seq > after).order_by(col(Message.seq)).limit(limit + 1))
    return found[:limit], len(found) > limit


async def since(work: Work, chat: Conversation, user: Person, revision: int, lowest: int = 0) -> Changes:
    """What changed after `revision` among the messages from seq `lowest` on."""
    if revision >= chat.revision:
        return Changes(chat.revision, [], [])
    statement = seen_by(chat, user).where(Message.revision > revision, Message.seq >= lowest)
    found = await work.all(statement.order_by(col(Message.seq)).limit(MOST_CHANGES + 1))
    if len(found) > MOST_CHANGES or await _stay_changed(work, chat, user, revision):
        return Changes(chat.revision, [], [], reload=True)
    gone = await work.all(
        select(Message.id)
        .join(
            HiddenMessage,
            (col(HiddenMessage.chat_id) == col(Message.chat_id)) & (col(HiddenMessage.seq) == col(Message.seq)),
        )
        .where(Message.chat_id == chat.id, HiddenMessage.user_id == user.id, HiddenMessage.revision > revision)
    )
    return Changes(chat.revision, await bubbles(work, chat, found), gone)


async def _stay_changed(work: Work, chat: Conversation, user: Person, revision: int) -> bool:
    """Whether somebody came or went after `revision`: the line of it is where their stay begins or ends."""
    line = or_(
        col(Message.seq) == col(MembershipInterval.from_seq),
        col(Message.seq) == col(MembershipInterval.to_seq),
    )
    statement = (
        select(Message.seq)
        .join(MembershipInterval, and_(col(MembershipInterval.chat_id) == col(Message.chat_id), line))
        .where(Message.chat_id == chat.id, MembershipInterval.user_id == user.id)
        .where(Message.kind == "note", Message.revision > revision)
    )
    return await work.first(statement) is not None


async def unread(work: Work, chat: Conversation, user: Person) -> tuple[int, int | None]:
    """How many messages are unread (counted up to UNREAD_MOST), and the seq of the first."""
    statement = seen_by(chat, user).where(Message.seq > chat.read_seq, counts_as_unread(user.id))
    rows = await work.rows(
        statement.with_only_columns(col(Message.seq)).order_by(col(Message.seq)).limit(UNREAD_MOST)
    )
    return len(rows), rows[0].seq if rows else None


async def require_visible(work: Work, chat: Conversation, user: Person, seq: int) -> Message:
    """Raises NotFound for a message that is absent or not for this person's eyes."""
    message = await work.first(seen_by(chat, user).where(Message.seq == seq))
    if not message:
        raise NotFound
    return message


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
    chat = await chats.require_member(work, chat_id, user)
    message = await work.first(select(Message).where(Message.chat_id == chat_id, Message.seq == seq))
    hidden = select(HiddenMessage.seq).where(HiddenMessage.user_id == user.id, HiddenMessage.chat_id == chat_id)
    if message and await work.first(hidden.where(HiddenMessage.seq == seq)) is not None:
        return message.id
    message = await require_visible(work, chat, user, seq)
    revision = await chats.revise(work, chat_id)
    await work.execute(insert(HiddenMessage).values(user_id=user.id, chat_id=chat_id, seq=seq, revision=revision))
    work.announce(broadcasts.hidden, chat_id, user.id, message.id, revision)
    return message.id
