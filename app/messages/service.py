"""Say, edit, delete, hide."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import case, insert, literal, null, update
from sqlalchemy import delete as delete_rows
from sqlmodel import col, select

from app.chats import places
from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, now
from app.errors import Conflict, Forbidden, NotFound, Refused
from app.messages import broadcasts, parts
from app.messages.bubbles import QUIET, Bubble, bubbles, moving
from app.messages.drafts import Draft
from app.messages.history import kept, require_visible, seen_by, some_visible, unexpired
from app.messages.models import HiddenMessage, KeptMessage, Message
from app.messages.parts import KINDS, WATCHERS
from app.messages.sending import Repeat, Sending, repeated, send_all
from app.users.models import Person

MOST_TOLD = 20
TOO_LATE = "This message can’t be deleted for everyone any more."
NOT_ALL = "Not all of these messages can be deleted for everyone any more."


async def send(work: Work, user: Person, chat_id: int, draft: Draft) -> tuple[Bubble, bool]:
    """Say something; answers the bubble and whether it is new.

    A repeat with the same id and body answers the first result. Raises NotFound for
    strangers, Invalid for who left, Conflict for an id that stands for something else.
    """
    (sent,) = await send_all(work, [Sending(user, chat_id, draft)])
    if isinstance(sent, Repeat):
        (sent,) = await repeated(work, [sent])
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
    if type_ in QUIET:
        await places.pass_over(work, chat.id, step.seq)
    else:
        chats.tell_newest(work, moving(bubble))
    return step.seq


async def require_own(work: Work, user: Person, chat_id: int, seq: int) -> tuple[Conversation, Message]:
    """The chat, and a living message of `user` in it whose words may change. Raises NotFound or Forbidden."""
    chat = await chats.require_present(work, chat_id, user)
    message = await require_visible(work, chat, user, seq)
    if message.sender_id != user.id or not KINDS[message.kind].may_edit or message.deleted_at:
        raise Forbidden("Only a message of your own that still stands can be changed.")
    return chat, message


def may_edit(message: Message, chat: Conversation, user: Person, window: timedelta) -> bool:
    mine = message.sender_id == user.id and _within(message, window)
    return mine and chat.may_write and KINDS[message.kind].may_edit and message.deleted_at is None


def may_delete(message: Message, chat: Conversation, user: Person, window: timedelta) -> bool:
    """Authors for a while; a group's admins any time."""
    own = message.sender_id == user.id and _within(message, window)
    is_living = message.kind != "note" and message.deleted_at is None
    return is_living and chat.may_write and (own or chat.may_manage)


def _within(message: Message, window: timedelta) -> bool:
    return now() - message.created_at <= window


async def edit(work: Work, user: Person, chat_id: int, seq: int, body: str, window: timedelta) -> Bubble:
    """Change one's own words while the window is open. Raises NotFound, Forbidden or Conflict."""
    chat, message = await require_own(work, user, chat_id, seq)
    if not may_edit(message, chat, user, window):
        raise Conflict("It is too late to edit this message.")
    if message.body == body:
        return (await bubbles(work, chat, [message]))[0]
    has: dict[str, bool] = {}
    for watcher in WATCHERS.values():
        if watcher.edited:
            has |= await watcher.edited(work, message, body)
    extras = parts.changed(message.extras, *([name for name in has if has[name] is on] for on in (True, False)))
    return await _change(work, chat, seq, body=body, extras=extras, edited_at=now())


async def delete(work: Work, user: Person, chat_id: int, seqs: Collection[int], window: timedelta) -> list[Bubble]:
    """Take messages back for everyone; what stays is that they were there. What is deleted already stays as it is.

    Raises NotFound when none of them can be seen, and Forbidden when one of them may not be deleted.
    """
    chat = await chats.require_present(work, chat_id, user)
    found = await some_visible(work, chat, user, seqs)
    standing = [message for message in found if not message.deleted_at]
    if not all(may_delete(message, chat, user, window) for message in standing):
        raise Forbidden(TOO_LATE if len(seqs) == 1 else NOT_ALL)
    if not standing:
        return await bubbles(work, chat, found)
    gone = [message.seq for message in standing]
    await forget(work, chat_id, gone)
    is_mine = col(Message.sender_id) == user.id
    by = literal({"by": user.id}, Message.__table__.c.event.type)  # type: ignore[attr-defined]
    values = {"body": "", "extras": "", "event": case((is_mine, null()), else_=by), "edited_at": None}
    deleted = await _write(work, chat, gone, revision=await chats.revise(work, chat_id), deleted_at=now(), **values)
    if len(deleted) > MOST_TOLD:
        work.announce(broadcasts.outdated, chat_id)
        return deleted
    for bubble in deleted:
        work.announce(broadcasts.deleted, chat_id, bubble.seq, bubble.sender.id)
        work.announce(broadcasts.changed, bubble)
        chats.tell_changed(work, moving(bubble))
    return deleted


async def forget(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Have all features drop what they keep about messages that are about to go."""
    for watcher in WATCHERS.values():
        if watcher.deleted:
            await watcher.deleted(work, chat_id, seqs)


async def expire(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Remove messages whose time is over, and all that is kept about them.

    Nothing needs to be kept for pages that are away: each bubble says until when it stands.
    """
    await chats.lock(work, [chat_id])
    here = col(Message.chat_id) == chat_id
    gone = await work.all(select(Message.seq).where(here, col(Message.seq).in_(seqs)))
    if not gone:
        return
    await forget(work, chat_id, gone)
    for model in (HiddenMessage, KeptMessage, Message):
        await work.execute(delete_rows(model).where(col(model.chat_id) == chat_id, col(model.seq).in_(gone)))
    revision = await chats.revise(work, chat_id)
    for bubble in await _begin_runs(work, chat_id, {seq + 1 for seq in gone}, revision):
        work.announce(broadcasts.changed, bubble)
    work.announce(broadcasts.expired, chat_id, revision, max(gone), now())


async def _begin_runs(work: Work, chat_id: int, seqs: Collection[int], revision: int) -> list[Bubble]:
    """Those of these messages that went on with a run which has lost its beginning: they begin it now."""
    these = col(Message.chat_id) == chat_id, col(Message.seq).in_(seqs), ~col(Message.starts_run), unexpired()
    result = await work.execute(
        update(Message).where(*these).values(starts_run=True, revision=revision).returning(*Message.__table__.columns)  # type: ignore[attr-defined]
    )
    if not (found := result.all()):
        return []
    return await bubbles(work, await chats.from_outside(work, chat_id), found)  # type: ignore[arg-type]


async def revise(
    work: Work, chat_id: int, seq: int, *, add: Collection[str] = (), remove: Collection[str] = ()
) -> Bubble:
    """Tell that what an extra of a message shows has changed, after its rows were; the chat list stays as it is.

    `add` and `remove` name extras that the message has from now on, or no more. Raises NotFound for a message that is
    absent or deleted.
    """
    revision = await chats.revise(work, chat_id)
    this = col(Message.chat_id) == chat_id, col(Message.seq) == seq, col(Message.deleted_at).is_(None), unexpired()
    message = await work.first(select(Message).where(*this))
    if not message:
        raise NotFound
    extras = parts.changed(message.extras, add, remove)
    chat = await chats.from_outside(work, chat_id)
    (bubble,) = await _write(work, chat, [seq], revision=revision, extras=extras)
    work.announce(broadcasts.changed, bubble)
    return bubble


async def revise_all(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """The same for many messages at once, which take one revision; of more than MOST_TOLD pages only hear to ask."""
    revision = await chats.revise(work, chat_id)
    these = col(Message.chat_id) == chat_id, col(Message.seq).in_(seqs), col(Message.deleted_at).is_(None)
    result = await work.execute(
        update(Message).where(*these).values(revision=revision).returning(*Message.__table__.columns)  # type: ignore[attr-defined]
    )
    changed: list[Message] = result.all()  # type: ignore[assignment]
    if len(changed) > MOST_TOLD:
        work.announce(broadcasts.outdated, chat_id)
        return
    for bubble in await bubbles(work, await chats.from_outside(work, chat_id), changed):
        work.announce(broadcasts.changed, bubble)


async def _change(work: Work, chat: Conversation, seq: int, **values: Any) -> Bubble:
    (bubble,) = await _write(work, chat, [seq], revision=await chats.revise(work, chat.id), **values)
    work.announce(broadcasts.changed, bubble)
    chats.tell_changed(work, moving(bubble))
    return bubble


async def _write(work: Work, chat: Conversation, seqs: Collection[int], **values: Any) -> list[Bubble]:
    """Change these messages alike; answers them in their order."""
    result = await work.execute(
        update(Message)
        .where(col(Message.chat_id) == chat.id, col(Message.seq).in_(seqs))
        .values(values)
        .returning(*Message.__table__.columns)  # type: ignore[attr-defined]
    )
    return await bubbles(work, chat, sorted(result.all(), key=lambda message: message.seq))  # type: ignore[arg-type]


async def hide(work: Work, user: Person, chat_id: int, seqs: Collection[int]) -> list[Message]:
    """Delete messages for oneself only, and answer them; doing it twice is harmless. Raises NotFound."""
    chat = await chats.require_member(work, chat_id, user, locked=True)
    these = (
        select(Message)
        .join(
            HiddenMessage,
            (col(HiddenMessage.chat_id) == col(Message.chat_id)) & (col(HiddenMessage.seq) == col(Message.seq)),
        )
        .where(HiddenMessage.user_id == user.id, Message.chat_id == chat_id, col(Message.seq).in_(seqs))
    )
    before = await work.all(these)
    found = await work.all(seen_by(chat, user).where(col(Message.seq).in_(seqs)))
    if not found:
        if not before:
            raise NotFound
        return [*before]
    revision = await chats.revise(work, chat_id)
    one = {"user_id": user.id, "chat_id": chat_id, "revision": revision}
    await work.execute(insert(HiddenMessage), [{**one, "seq": message.seq} for message in found])
    work.announce(broadcasts.hidden, chat_id, user.id, tuple(message.id for message in found), revision)
    return [*before, *found]


async def let_go(work: Work, user: Person, chat_id: int, seqs: Collection[int]) -> None:
    """Those of these messages that were kept when their chat was cleared go like the rest of it."""
    if found := await work.all(kept(chat_id, user.id).where(col(Message.seq).in_(seqs))):
        await hide(work, user, chat_id, [message.seq for message in found])
