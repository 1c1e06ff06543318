"""The list of somebody's chats: one constant set of queries, whatever its length."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import bindparam, func
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation, Membership, Moving
from app.db import Work
from app.mentions import service as mentions
from app.mentions.models import Mentions
from app.messages import history
from app.messages.bubbles import bubble, mentioned, moving
from app.messages.models import KeptMessage, Message
from app.receipts import service as receipts
from app.receipts.marks import Mark
from app.replies import service as replies
from app.users import service as users
from app.users.models import Person
from app.users.names import key

# Of some chats of one person; written once, as making such statements takes longer than SQLite takes to answer them.
MINE = select(Membership).where(
    col(Membership.user_id) == bindparam("user"), col(Membership.chat_id).in_(bindparam("chats", expanding=True))
)
_HERE: Any = col(Membership.chat_id), bindparam("user")
_LAST = (
    select(Message.seq)
    .where(history.visible_after(*_HERE))
    .order_by(col(Message.seq).desc())
    .limit(1)
    .correlate(Membership)
)
_KEPT = history.kept(*_HERE).with_only_columns(col(KeptMessage.seq)).order_by(col(KeptMessage.seq).desc())
# Where nothing is left but lines that are no news, the row tells of them; who emptied the chat has it empty, but for
# what they kept.
LAST = MINE.with_only_columns(
    col(Membership.chat_id),
    func.coalesce(
        _LAST.where(history.is_news()).scalar_subquery(),
        _KEPT.limit(1).correlate(Membership).scalar_subquery(),
        _LAST.where(col(Membership.cleared_at).is_(None)).scalar_subquery(),
    ).label("seq"),
).subquery()
NEWEST = select(Message).join(LAST, (LAST.c.chat_id == col(Message.chat_id)) & (LAST.c.seq == col(Message.seq)))
COUNTED = (
    select(Message.seq)
    .where(history.visible_after(col(Membership.chat_id), bindparam("user"), col(Membership.read_seq)))
    .where(history.counts_as_unread(bindparam("user")))
    .limit(history.UNREAD_MOST)
    .correlate(Membership)
    .subquery()
)
UNREAD = MINE.with_only_columns(
    col(Membership.chat_id), select(func.count()).select_from(COUNTED).scalar_subquery().label("unread")
)


@dataclass(frozen=True, slots=True)
class Row:
    """A chat as its line in the list."""

    chat: Conversation
    unread: int
    delivered: int
    read: int
    moving: Moving | None
    mentioned: bool = False
    # Asked of muted chats only, where it makes a difference.
    replied: bool = False
    online: bool = False
    is_open: bool = False

    @property
    def chat_id(self) -> int:
        return self.chat.id

    @property
    def kind(self) -> str:
        return self.chat.kind

    @property
    def title(self) -> str:
        return self.chat.title

    @property
    def hue(self) -> int:
        return self.chat.hue

    @property
    def initials(self) -> str:
        return self.chat.initials

    @property
    def partner_id(self) -> int | None:
        return self.chat.partner.id if self.chat.partner else None

    @property
    def read_seq(self) -> int:
        return self.chat.read_seq

    @property
    def draft(self) -> str:
        return self.chat.draft

    @property
    def present(self) -> bool:
        return self.chat.is_present

    @property
    def is_unread(self) -> bool:
        return bool(self.unread) or self.chat.is_marked_unread

    @property
    def calls(self) -> bool:
        """Whether it is one of those that the title counts: who is named or answered there hears of a
        muted chat, too.
        """
        is_heard = self.mentioned or self.replied or not self.chat.is_muted
        return self.is_unread and not self.chat.is_archived and is_heard


async def rows(work: Work, user: Person, chat_ids: Collection[int] | None = None) -> list[Row]:
    """The chats of `user` (those of `chat_ids`, where given): pinned ones, then the latest first."""
    found = await chats.conversations(work, user, chat_ids)
    ids = [chat.id for chat in found]
    newest = await _newest(work, user, found)
    unread = await _unread(work, user, ids)
    marks = await receipts.others(work, user, ids)
    mentioned = await mentions.waiting(work, user, ids)
    replied = await replies.waiting(work, user, [chat.id for chat in found if chat.is_muted and unread.get(chat.id)])
    listed = [
        Row(
            chat, unread.get(chat.id, 0), mark.delivered, mark.read, newest.get(chat.id),
            mentioned=chat.id in mentioned, replied=chat.id in replied,
        )
        for chat in found
        for mark in [marks.get(chat.id, Mark(chat.last_seq, chat.last_seq))]
    ]  # fmt: skip
    return sorted(listed, key=_place, reverse=True)


def _place(row: Row) -> tuple[float, float, int]:
    """Pinned chats stay as they were pinned; those without a message yet come first: they were just opened."""
    pinned = row.chat.pinned_at.timestamp() if row.chat.pinned_at else 0.0
    at = row.moving.at if row.moving else row.chat.cleared_at
    return (pinned, at.timestamp() if at and not pinned else float("inf"), row.chat_id)


async def _newest(work: Work, user: Person, found: Sequence[Conversation]) -> dict[int, Moving]:
    """For each chat the newest message that `user` may see, looked up from the chat's end."""
    groups = {chat.id: chat.in_group for chat in found}
    newest = await work.all(NEWEST, {"user": user.id, "chats": list(groups)})
    known = [user, *(chat.partner for chat in found if chat.partner)]
    people = await users.several(work, {id_ for message in newest for id_ in mentioned(message)}, known)
    named = await mentions.of(work, newest)
    return {
        message.chat_id: _short(message, groups[message.chat_id], people, named.get((message.chat_id, message.seq)))
        for message in newest
    }


def _short(message: Message, in_group: bool, people: Mapping[int, Person], named: Mentions | None) -> Moving:
    """A message as a row tells of it, with the names that people have now."""
    shown = bubble(message, in_group, people)
    return moving(replace(shown, body=named.plain(shown.body)) if named else shown)


async def _unread(work: Work, user: Person, chat_ids: Collection[int]) -> dict[int, int]:
    """For each chat how many messages are unread, counted up to UNREAD_MOST."""
    rows = await work.rows(UNREAD, {"user": user.id, "chats": list(chat_ids)})
    return {row.chat_id: row.unread for row in rows}


def chosen(listed: Sequence[Row], shown: str, query: str) -> list[Row]:
    """The rows that a filter and a search leave; a search finds archived ones, too."""
    kept = [row for row in listed if query or row.chat.is_archived == (shown == "archived")]
    kept = [row for row in kept if shown != "groups" or row.kind == "group"]
    kept = [row for row in kept if shown != "unread" or row.is_unread]
    kept = [row for row in kept if shown != "favourites" or row.chat.is_favourite]
    return [row for row in kept if key(query) in key(row.title)] if query else kept


async def with_state(listed: Sequence[Row], online: chats.Online, open_chat: int | None) -> list[Row]:
    """The rows with what only this moment knows."""
    here = await online([row.partner_id for row in listed if row.kind == "direct" and row.partner_id is not None])
    return [
        replace(row, online=row.partner_id in here, is_open=row.chat_id == open_chat)
        if row.chat_id == open_chat or row.partner_id in here
        else row
        for row in listed
    ]
