"""Answer a message: who may quote what, who sees the quote, and when it goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, or_, tuple_, update
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Chat, Conversation, Membership, MembershipInterval
from app.db import Work, insert_if_new
from app.errors import Forbidden, Invalid, NotFound, Refused
from app.jobs import enqueue
from app.mentions import service as mentions
from app.messages import history
from app.messages import service as messages
from app.messages.models import Message
from app.messages.parts import KINDS, Part, Views
from app.replies.models import Begun, BegunReply, Quote, Quoted
from app.users import service as users
from app.users.models import Person, User

NO_REPLY = "This message can’t be replied to any more."
WITHHELD = Quoted("withheld")
GONE = Quoted("gone")
AT_ONCE = 5000  # messages in one statement

# A chat (None for the one that is written in) and the seq of the message there.
Origin = tuple[int | None, int]

_STAY = aliased(MembershipInterval)
_ORIGINAL = and_(col(Message.chat_id) == col(Quote.from_chat_id), col(Message.seq) == col(Quote.from_seq))
_THESE = col(Quote.chat_id) == bindparam("chat"), col(Quote.seq).in_(bindparam("seqs", expanding=True))
_SHOWN = (*Quote.__table__.columns, col(User.display_name))  # type: ignore[attr-defined]
ALL = select(Quote).join(User, col(User.id) == col(Quote.sender_id)).where(*_THESE).with_only_columns(*_SHOWN)
# The same, and whether one reader sees the original, by the one rule of who sees what.
FOR_ONE = ALL.outerjoin(
    Message, and_(_ORIGINAL, history.visible(col(Quote.from_chat_id), bindparam("reader")))
).add_columns(col(Message.seq).label("original"))
# Who hears of these quotes now: those in the chat who see the message; and whether they see the original.
READERS: Any = (
    select(Quote)
    .join(_STAY, col(_STAY.chat_id) == col(Quote.chat_id))
    .join(
        Membership,
        (col(Membership.chat_id) == col(_STAY.chat_id)) & (col(Membership.user_id) == col(_STAY.user_id)),
    )
    .outerjoin(Message, and_(_ORIGINAL, history.visible(col(Quote.from_chat_id), col(_STAY.user_id))))
    .where(*_THESE, col(Membership.is_present), col(_STAY.from_seq) <= col(Quote.seq), ~col(Quote.is_gone))
    .where(or_(col(_STAY.to_seq).is_(None), col(_STAY.to_seq) >= col(Quote.seq)))
    .with_only_columns(col(Quote.seq), col(_STAY.user_id), col(Message.seq).label("original"))
)
# The chats in which a message that answers one's own is unread.
WAITING = (
    select(Membership)
    .join(Quote, col(Quote.chat_id) == col(Membership.chat_id))
    .join(Message, (col(Message.chat_id) == col(Quote.chat_id)) & (col(Message.seq) == col(Quote.seq)))
    .where(
        col(Membership.user_id) == bindparam("user"),
        col(Membership.chat_id).in_(bindparam("chats", expanding=True)),
        col(Quote.sender_id) == bindparam("user"),
        col(Quote.seq) > col(Membership.read_seq),
        history.visible(col(Quote.chat_id), bindparam("user")),
        history.counts_as_unread(bindparam("user")),
    )
    .with_only_columns(col(Membership.chat_id))
    .distinct()
)
BLIND = READERS.where(col(Message.seq).is_(None)).with_only_columns(col(Quote.seq)).distinct()


async def load(work: Work, chat_id: int, seqs: Sequence[int], reader_id: int | None) -> dict[int, Quoted | Views]:
    """The quotes of these messages: for a reader what they may see of them, for all what each of them may."""
    these: dict[str, Any] = {"chat": chat_id, "seqs": list(seqs)}
    if reader_id is not None:
        rows = await work.rows(FOR_ONE, {**these, "reader": reader_id})
        return {row.seq: _quoted(row, row.original is not None) for row in rows}
    whole = {row.seq: _quoted(row, True) for row in await work.rows(ALL, these)}
    mixed = [row.seq for row in await work.rows(BLIND, these)]
    audience: dict[int, dict[bool, list[int]]] = {}
    for row in await work.rows(READERS, {**these, "seqs": mixed}) if mixed else ():
        audience.setdefault(row.seq, {}).setdefault(row.original is not None, []).append(row.user_id)
    return {seq: _views(chat_id, value, audience[seq]) if seq in audience else value for seq, value in whole.items()}


def _views(chat_id: int, value: Quoted, audience: Mapping[bool, list[int]]) -> Views:
    less = _less(value, chat_id)
    by_sight = {True: value, False: less}
    return Views(less, tuple((tuple(sorted(ids)), by_sight[sees]) for sees, ids in sorted(audience.items())))


def _quoted(row: Any, is_seen: bool) -> Quoted:
    if row.is_gone:
        return GONE
    kind = KINDS.get(row.kind)
    whole = Quoted(
        "shown", row.from_chat_id, row.from_seq, row.from_id, row.sender_id, row.display_name,
        kind.icon if kind else "", row.excerpt,
    )  # fmt: skip
    return whole if is_seen else _less(whole, row.chat_id)


def _less(quote: Quoted, chat_id: int) -> Quoted:
    """What is left for who does not see the original. A message of a group that is answered in private goes to its
    author, so there nothing but the way back is missing.
    """
    if quote.chat_id == chat_id:
        return WITHHELD
    return replace(quote, state="unlinked", chat_id=0, seq=0, id="")


def read(fields: Mapping[str, str]) -> Origin | None:
    """What a form or frame says it answers. Raises Invalid."""
    seq, chat_id = fields.get("reply_to", ""), fields.get("reply_from", "")
    if not seq:
        return None
    if not all(text.isascii() and text.isdigit() and len(text) < 16 for text in (seq, chat_id or "0")):
        raise Invalid(reply_to="This must be the number of a message.")
    return int(chat_id) if chat_id else None, int(seq)


async def check(work: Work, part: Part) -> Refused | None:
    """Why somebody may not answer this message here, if they may not."""
    message = await _original(work, part.chat_id, part.sender_id, part.value, locked=True)
    return None if message else Invalid(reply_to=NO_REPLY)


async def _original(
    work: Work, chat_id: int, user_id: int, origin: Origin, *, locked: bool = False
) -> Message | None:
    """The message that somebody wants to answer in a chat: one they see, in this chat, or in the direct chat with its
    author one of another. Where it is `locked` it stays as it is until this work ends.
    """
    from_chat_id, seq = origin[0] or chat_id, origin[1]
    statement = select(Message).where(history.visible(from_chat_id, user_id), Message.seq == seq)
    statement = statement.where(Message.kind != "note", col(Message.deleted_at).is_(None))
    if locked and from_chat_id != chat_id:  # in this chat it stays anyway, since the chat is locked
        statement = statement.with_for_update(read=True, of=Message)
    message = await work.first(statement)
    if not message:
        return None
    if from_chat_id != chat_id:
        pair = chats.pair_of(user_id, message.sender_id)
        if await work.first(select(Chat.id).where(Chat.pair == pair, Chat.id == chat_id)) is None:
            return None
    return message


async def store(work: Work, parts: Sequence[Part]) -> None:
    """Keep what messages that were just sent quote."""
    origins = {(part.value[0] or part.chat_id, part.value[1]) for part in parts}
    found = await work.all(select(Message).where(tuple_(col(Message.chat_id), col(Message.seq)).in_(origins)))
    originals = {(message.chat_id, message.seq): message for message in found}
    rows = [
        await _row(work, part, originals[origin])
        for part in parts
        if (origin := (part.value[0] or part.chat_id, part.value[1])) in originals
    ]
    if rows:
        await work.execute(insert(Quote), rows)
    for part in parts:
        await _forget_begun(work, part.chat_id, part.sender_id)


async def _excerpt(work: Work, message: Message, body: str) -> str:
    """What a quote tells of a message."""
    named = (await mentions.load(work, message.chat_id, [message.seq])).get(message.seq) if "@" in body else None
    return KINDS[message.kind].preview(named.plain(body) if named else body)


async def _row(work: Work, part: Part, original: Message) -> dict[str, Any]:
    return {
        "chat_id": part.chat_id,
        "seq": part.seq,
        "from_chat_id": original.chat_id,
        "from_seq": original.seq,
        "from_id": original.id,
        "sender_id": original.sender_id,
        "kind": original.kind,
        "excerpt": await _excerpt(work, original, original.body),
    }


async def edited(work: Work, message: Message, body: str) -> Mapping[str, bool]:
    """Quotes of an edited message say what it says now."""
    await _settle(work, message.chat_id, [message.seq])
    excerpt = await _excerpt(work, message, body)
    these = col(Quote.from_chat_id) == message.chat_id, col(Quote.from_seq) == message.seq, ~col(Quote.is_gone)
    other = update(Quote).where(*these, col(Quote.excerpt) != excerpt).values(excerpt=excerpt)
    await _change(work, message.chat_id, other)
    return {}


async def deleted(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """What was quoted of messages that go, goes; so does what they quoted themselves."""
    for first in range(0, len(seqs), AT_ONCE):
        some = seqs[first : first + AT_ONCE]
        await _settle(work, chat_id, some)
        await work.execute(delete(Quote).where(col(Quote.chat_id) == chat_id, col(Quote.seq).in_(some)))
        these = col(Quote.from_chat_id) == chat_id, col(Quote.from_seq).in_(some)
        gone = update(Quote).where(*these, ~col(Quote.is_gone)).values(excerpt="", is_gone=True)
        await _change(work, chat_id, gone)


async def _settle(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Wait for the answers to these messages that are under way in other chats; new ones wait for the end."""
    these = select(Message.seq).where(col(Message.chat_id) == chat_id, col(Message.seq).in_(seqs))
    await work.all(these.order_by(col(Message.seq)).with_for_update(key_share=True))


async def _change(work: Work, chat_id: int, statement: Any) -> None:
    """Change quotes of messages of a chat, and tell it where they are.

    Other chats are told by a job. Who holds this chat's lock must not wait for theirs: another work may hold one of
    them, and wait for this chat or for a quote.
    """
    places: dict[int, list[int]] = {}
    for row in (await work.execute(statement.returning(col(Quote.chat_id), col(Quote.seq)))).all():
        places.setdefault(row.chat_id, []).append(row.seq)
    for place, seqs in sorted(places.items()):
        for first in range(0, len(seqs), AT_ONCE):
            some = seqs[first : first + AT_ONCE]
            if place == chat_id:
                await messages.revise_all(work, place, some)
            else:
                await enqueue(work, "replies.tell", chat_id=place, seqs=some)


async def tell(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Tell a chat that quotes in these messages have changed."""
    await chats.lock(work, [chat_id])
    await messages.revise_all(work, chat_id, seqs)


async def begin(work: Work, user: Person, chat_id: int, origin: Origin | None) -> Begun | None:
    """Make what somebody writes in a chat the answer to a message, on all their devices; None for no message.

    Raises NotFound for strangers, Forbidden for who left, Invalid for a message that cannot be answered here.
    """
    chat = await chats.require_member(work, chat_id, user)
    if origin and not chat.may_write:
        raise Forbidden(chat.why_not)
    await _forget_begun(work, chat_id, user.id)
    if not origin:
        return None
    begun = await quoting(work, user, chat_id, origin)
    if not begun:
        raise Invalid(reply_to=NO_REPLY)
    keys = {"chat_id": chat_id, "user_id": user.id}
    values = {"from_chat_id": origin[0] or chat_id, "from_seq": origin[1]}
    await work.execute(insert_if_new(BegunReply).values(keys | values))
    return begun


async def _forget_begun(work: Work, chat_id: int, user_id: int) -> None:
    await work.execute(
        delete(BegunReply).where(col(BegunReply.chat_id) == chat_id, col(BegunReply.user_id) == user_id)
    )


# Asked whenever a chat is opened, so it is made once.
BEGUN = select(BegunReply).where(
    col(BegunReply.chat_id) == bindparam("chat"), col(BegunReply.user_id) == bindparam("user")
)


async def begun(work: Work, user: Person, chat_id: int) -> Begun | None:
    """The reply that somebody has begun, if its original can still be answered."""
    row = next(iter(await work.all(BEGUN, {"chat": chat_id, "user": user.id})), None)
    return await quoting(work, user, chat_id, (row.from_chat_id, row.from_seq)) if row else None


async def quoting(work: Work, user: Person, chat_id: int, origin: Origin) -> Begun | None:
    """The quote that an answer to this message would have."""
    message = await _original(work, chat_id, user.id, origin)
    if not message:
        return None
    sender = await users.get(work, message.sender_id)
    quote = Quoted(
        "shown", message.chat_id, message.seq, message.id, sender.id, sender.display_name,
        KINDS[message.kind].icon, await _excerpt(work, message, message.body),
    )  # fmt: skip
    return Begun(chat_id, message.chat_id if message.chat_id != chat_id else None, quote, message.expires_at)


def may_reply(chat: Conversation, message: Message) -> bool:
    return chat.may_write and message.kind != "note" and message.deleted_at is None


async def open_private(work: Work, user: Person, chat_id: int, seq: int) -> int:
    """Open the direct chat with the author of a group's message, and begin to answer it there; answers the chat's id.

    Raises NotFound, and Invalid for a message that cannot be answered.
    """
    chat = await chats.require_member(work, chat_id, user)
    message = await history.require_visible(work, chat, user, seq)
    author = await users.get(work, message.sender_id)
    if not chat.in_group or author.id == user.id:
        raise NotFound
    direct, _ = await chats.open_direct(work, user, author)
    await begin(work, user, direct, (chat_id, seq))
    return direct


async def waiting(work: Work, user: Person, chat_ids: Collection[int]) -> set[int]:
    """Those of these chats in which an unread message of somebody else answers one of `user`; like a mention, it
    breaks through a mute.
    """
    rows = await work.rows(WAITING, {"user": user.id, "chats": list(chat_ids)}) if chat_ids else ()
    return {row.chat_id for row in rows}
