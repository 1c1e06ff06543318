"""What was said: the one rule of who sees what, and every way to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, ScalarSelect, and_, bindparam, case, exists, literal_column, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.chats.models import Conversation, Membership, MembershipInterval
from app.db import Work, now
from app.errors import NotFound
from app.messages.bubbles import QUIET, Bubble, bubbles
from app.messages.models import HiddenMessage, KeptMessage, Message
from app.users.models import Person

PAGE = 50
AROUND = 40
MOST_PAGE = 200
MOST_CHANGES = 200
MOST_CHOSEN = 100
UNREAD_MOST = 1000


# The moment at which a statement is run, not that at which it was written.
_PRESENT = bindparam("present", callable_=now, type_=Message.__table__.c.expires_at.type)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a chat, oldest first, and whether there is more on either side."""

    messages: list[Bubble]
    has_older: bool
    has_newer: bool


def ends(messages: Sequence[Bubble], **marks: int) -> dict[int, list[tuple[str, int]]]:
    """Behind which message each mark stands: the last of those here that it has reached, or 0 for before all."""
    found: dict[int, list[tuple[str, int]]] = {}
    for name, upto in marks.items():
        last = max((message.seq for message in messages if message.seq <= upto), default=0)
        found.setdefault(last, []).append((name, upto))
    return found


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a revision: messages as they are now, ids of those that are gone, the revision of now.

    `reload` says that there is too much of it, or that the view itself changed.
    """

    revision: int
    messages: list[Bubble]
    gone: Sequence[str]
    reload: bool = False


# The seq where it must not lead a query to the index of seqs; a sum has no index.
UNORDERED_SEQ: ColumnElement[int] = col(Message.seq) + literal_column("0", Integer)
_OWN = aliased(Membership)  # also where the query around is one of memberships


def unexpired() -> ColumnElement[bool]:
    """The condition of messages whose time is not over."""
    return or_(col(Message.expires_at).is_(None), col(Message.expires_at) > _PRESENT)


def visible(chat_id: Any, user_id: Any) -> ColumnElement[bool]:
    """The condition that every query of messages carries: may this person see them?

    They may see what lies inside one of their stays in the chat, what came after they cleared it or what they kept
    then, what they did not hide themselves, and what has not expired. Each is a number or a bound parameter,
    `chat_id` also the column of an outer query. It draws no query to an index: what walks through a chat takes
    `visible_after`.
    """
    is_kept = exists().where(
        col(KeptMessage.user_id) == user_id,
        col(KeptMessage.chat_id) == col(Message.chat_id),
        col(KeptMessage.seq) == col(Message.seq),
    )
    after = _cleared(chat_id, user_id) < UNORDERED_SEQ
    return and_(or_(after, is_kept.correlate_except(KeptMessage)), _let_in(chat_id, user_id))


def visible_after(chat_id: Any, user_id: Any, seq: Any = None) -> ColumnElement[bool]:
    """The same for a query that walks through a chat, which begins after what this person cleared, and after `seq`
    where given. What they kept of that comes from `kept`.

    One bound for both: of two, SQLite takes one for its index, and reads all that the other one rules out.
    """
    cleared = _cleared(chat_id, user_id)
    bound = cleared if seq is None else case((cleared > seq, cleared), else_=seq)
    return and_(col(Message.seq) > bound, _let_in(chat_id, user_id))


def kept(chat_id: Any, user_id: Any) -> SelectOfScalar[Message]:
    """What this person may still see of what they cleared: they are few, and read by themselves."""
    return (
        select(Message)
        .join(KeptMessage, col(KeptMessage.seq) == col(Message.seq))
        .where(col(KeptMessage.user_id) == user_id, col(KeptMessage.chat_id) == chat_id, _let_in(chat_id, user_id))
    )


def _let_in(chat_id: Any, user_id: Any) -> ColumnElement[bool]:
    """All of it but what was cleared."""
    stay = exists().where(
        col(MembershipInterval.chat_id) == col(Message.chat_id),
        col(MembershipInterval.user_id) == user_id,
        col(Message.seq) >= col(MembershipInterval.from_seq),
        or_(col(MembershipInterval.to_seq).is_(None), col(Message.seq) <= col(MembershipInterval.to_seq)),
    )
    hidden = exists().where(
        col(HiddenMessage.user_id) == user_id,
        col(HiddenMessage.chat_id) == col(Message.chat_id),
        col(HiddenMessage.seq) == col(Message.seq),
    )
    # Said, so that neither table can ever be taken for one of the query around.
    stay, hidden = stay.correlate_except(MembershipInterval), hidden.correlate_except(HiddenMessage)
    return and_(col(Message.chat_id) == chat_id, unexpired(), stay, ~hidden)


def _cleared(chat_id: Any, user_id: Any) -> ScalarSelect[int]:
    cleared = select(_OWN.cleared_seq).where(_OWN.chat_id == chat_id, _OWN.user_id == user_id)
    return cleared.correlate_except(_OWN).scalar_subquery()


def counts_as_unread(user_id: Any) -> ColumnElement[bool]:
    """The condition of what a badge counts: others' messages that are neither deleted nor system lines.

    The kind is spelled out: with a parameter no plan that is kept may use the index of what counts.
    """
    others = and_(col(Message.sender_id) != user_id)
    return others & (col(Message.kind) != literal_column("'note'")) & col(Message.deleted_at).is_(None)


def is_news() -> ColumnElement[bool]:
    """The condition of what raises a chat in the list: all but the QUIET system lines."""
    return or_(col(Message.kind) != literal_column("'note'"), col(Message.event)["type"].as_string().not_in(QUIET))


# Written once: making such a statement takes longer than SQLite takes to answer it.
_CHAT: Any = bindparam("chat")
_USER: Any = bindparam("user")
_MOST = bindparam("most", type_=Integer)
SEEN = select(Message).where(visible(_CHAT, _USER))
NEWEST = select(Message).where(visible_after(_CHAT, _USER)).order_by(col(Message.seq).desc()).limit(_MOST)
OLDER = NEWEST.where(col(Message.seq) < bindparam("seq"))
_AFTER = visible_after(_CHAT, _USER, bindparam("seq", type_=Integer))
NEWER = select(Message).where(_AFTER).order_by(col(Message.seq)).limit(_MOST)
_KEPT = kept(_CHAT, _USER).limit(_MOST)
KEPT_OLDER = _KEPT.where(col(KeptMessage.seq) < bindparam("seq")).order_by(col(KeptMessage.seq).desc())
KEPT_NEWER = _KEPT.where(col(KeptMessage.seq) > bindparam("seq")).order_by(col(KeptMessage.seq))
UNREAD = NEWER.where(counts_as_unread(_USER)).limit(UNREAD_MOST).with_only_columns(col(Message.seq))

_LATER = bindparam("revision", type_=Integer)
_LOWEST = bindparam("lowest", type_=Integer)
_CHANGED = SEEN.where(col(Message.revision) > _LATER, _LOWEST <= UNORDERED_SEQ)
CHANGED = _CHANGED.order_by(col(Message.seq)).limit(MOST_CHANGES + 1)
_HIDDEN = (col(HiddenMessage.chat_id) == col(Message.chat_id)) & (col(HiddenMessage.seq) == col(Message.seq))
GONE = (
    select(Message.id)
    .join(HiddenMessage, _HIDDEN)
    .where(col(Message.chat_id) == _CHAT, col(HiddenMessage.user_id) == _USER)
    .where(col(HiddenMessage.revision) > _LATER)
)
# Whether somebody came or went: the line of it is where their stay begins or ends.
_LINE = or_(
    col(Message.seq) == col(MembershipInterval.from_seq),
    col(Message.seq) == col(MembershipInterval.to_seq),
)
STAY_CHANGED = (
    select(Message.seq)
    .join(MembershipInterval, and_(col(MembershipInterval.chat_id) == col(Message.chat_id), _LINE))
    .where(col(Message.chat_id) == _CHAT, col(MembershipInterval.user_id) == _USER)
    .where(col(Message.kind) == literal_column("'note'"), col(Message.revision) > _LATER)
    .limit(1)
)


def seen_by(chat: Conversation, user: Person) -> SelectOfScalar[Message]:
    return select(Message).where(visible(chat.id, user.id))


async def require_visible(work: Work, chat: Conversation, user: Person, seq: int) -> Message:
    """Raises NotFound for a message that is absent or not for this person's eyes."""
    message = await work.first(seen_by(chat, user).where(Message.seq == seq))
    if not message:
        raise NotFound
    return message


async def some_visible(work: Work, chat: Conversation, user: Person, seqs: Collection[int]) -> Sequence[Message]:
    """Those of these messages that this person may see, in their order. Raises NotFound when there is none."""
    found = await work.all(seen_by(chat, user).where(col(Message.seq).in_(seqs)).order_by(col(Message.seq)))
    if not found:
        raise NotFound
    return found


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
    if around is not None:
        older, has_older = await _older(work, chat, user, around, min(limit, AROUND))
        newer, has_newer = await _newer(work, chat, user, around - 1, min(limit, AROUND) + 1)
        found: Sequence[Message] = [*older, *newer]
    elif after is not None:
        found, has_newer = await _newer(work, chat, user, after, limit)
        has_older = bool((await _older(work, chat, user, after + 1, 1))[0])
    else:
        found, has_older = await _older(work, chat, user, before, limit)
        has_newer = before is not None and bool((await _newer(work, chat, user, before - 1, 1))[0])
    return Window(await bubbles(work, chat, found, {user.id: user}, user), has_older, has_newer)


async def _older(
    work: Work, chat: Conversation, user: Person, before: int | None, limit: int
) -> tuple[Sequence[Message], bool]:
    """The last `limit` messages (before a seq, where given) in their order, and whether there are older ones."""
    values = {"chat": chat.id, "user": user.id, "most": limit + 1}
    found = await work.all(NEWEST, values) if before is None else await work.all(OLDER, {**values, "seq": before})
    if chat.cleared_revision and (room := limit + 1 - len(found)):
        values |= {"seq": chat.last_seq + 1 if before is None else before, "most": room}
        found = [*found, *await work.all(KEPT_OLDER, values)]
    return found[:limit][::-1], len(found) > limit


async def _newer(
    work: Work, chat: Conversation, user: Person, after: int, limit: int
) -> tuple[Sequence[Message], bool]:
    """The first `limit` messages after a seq, and whether there are newer ones."""
    values = {"chat": chat.id, "user": user.id, "seq": after, "most": limit + 1}
    found = await work.all(NEWER, values)
    if chat.cleared_revision:
        found = [*await work.all(KEPT_NEWER, values), *found]
    return found[:limit], len(found) > limit


async def since(work: Work, chat: Conversation, user: Person, revision: int, lowest: int = 0) -> Changes:
    """What changed after `revision` among the messages from seq `lowest` on."""
    if revision >= chat.revision:
        return Changes(chat.revision, [], [])
    who = {"chat": chat.id, "user": user.id, "revision": revision}
    found = await work.all(CHANGED, {**who, "lowest": lowest})
    is_cleared = revision < chat.cleared_revision
    if len(found) > MOST_CHANGES or is_cleared or await work.all(STAY_CHANGED, who):
        return Changes(chat.revision, [], [], reload=True)
    return Changes(chat.revision, await bubbles(work, chat, found, reader=user), await work.all(GONE, who))


async def unread(work: Work, chat: Conversation, user: Person) -> tuple[int, int | None]:
    """How many messages are unread (counted up to UNREAD_MOST), and the seq of the first."""
    rows = await work.rows(UNREAD, {"chat": chat.id, "user": user.id, "seq": chat.read_seq})
    return len(rows), rows[0].seq if rows else None
