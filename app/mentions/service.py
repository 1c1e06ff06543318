"""Name people in a message, and know where somebody was named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, delete, func, insert
from sqlmodel import col, select

from app.chats.models import Chat, Conversation, Membership
from app.db import Work, by_name
from app.mentions import broadcasts
from app.mentions.models import ALL, EVERYBODY, Mention, Mentions, Named
from app.messages import history, text
from app.messages.models import Message
from app.messages.parts import Part
from app.users.models import Person, User
from app.users.names import key

MOST = 100  # names in one message; more stay plain
RECENT = 500  # messages that tell who is active in a chat
ADMINS = ("owner", "admin")

ROWS = (
    select(Mention)
    .outerjoin(User, col(User.id) == col(Mention.user_id))
    .order_by(col(Mention.seq), col(Mention.user_id))
    .with_only_columns(
        *(col(column) for column in (Mention.chat_id, Mention.seq, Mention.user_id)),
        *(col(column) for column in (User.username, User.display_name)),
    )
)
LOAD = ROWS.where(col(Mention.chat_id) == bindparam("chat"), col(Mention.seq).in_(bindparam("seqs", expanding=True)))
LOAD_SEVERAL = ROWS.where(
    col(Mention.chat_id).in_(bindparam("chats", expanding=True)),
    col(Mention.seq).in_(bindparam("seqs", expanding=True)),
)
_ME = bindparam("user", type_=Integer)
# The chats in which a message that names somebody is unread; written once, as lists of chats ask it each time.
WAITING = (
    select(Membership)
    .join(Mention, col(Mention.chat_id) == col(Membership.chat_id))
    .join(Message, (col(Message.chat_id) == col(Mention.chat_id)) & (col(Message.seq) == col(Mention.seq)))
    .where(
        col(Membership.user_id) == bindparam("user"),
        col(Membership.chat_id).in_(bindparam("chats", expanding=True)),
        col(Mention.user_id).in_((_ME, EVERYBODY)),
        col(Mention.seq) > col(Membership.read_seq),
        history.visible(col(Mention.chat_id), bindparam("user")),
        history.counts_as_unread(bindparam("user")),
    )
    .with_only_columns(col(Membership.chat_id))
    .distinct()
)


def read(fields: Mapping[str, str]) -> tuple[str, ...] | None:
    """The usernames that a message seems to name, or None for none."""
    return _names(fields.get("body", "")) or None


def _names(body: str) -> tuple[str, ...]:
    return tuple(sorted(text.named(text.clean(body)))[:MOST]) if "@" in body else ()


async def store(work: Work, parts: Sequence[Part]) -> None:
    """Keep whom messages name that were just sent: those who are in the chat, and no others."""
    rows = []
    for part in parts:
        ids = await _resolve(work, part.chat_id, part.sender_id, part.value)
        rows += [{"chat_id": part.chat_id, "seq": part.seq, "user_id": id_} for id_ in sorted(ids)]
    if rows:
        await work.execute(insert(Mention), rows)


async def _resolve(work: Work, chat_id: int, sender_id: int, names: Collection[str]) -> set[int]:
    """The ids of those among these who are in the chat; EVERYBODY, where an admin of a group says so."""
    present = col(Membership.chat_id) == chat_id, col(Membership.is_present)
    keys = {reading for name in names for reading in text.readings(name)} - {ALL}
    found: set[int] = set()
    if keys:
        mine = select(Membership).join(User, col(User.id) == col(Membership.user_id))
        mine = mine.where(*present, col(User.username_key).in_(keys))
        rows = await work.rows(mine.with_only_columns(col(User.username_key), col(User.id)))
        ids = {row.username_key: row.id for row in rows}
        meant = (next((ids[each] for each in text.readings(name) if each in ids), None) for name in names)
        found |= {id_ for id_ in meant if id_ is not None}
    if ALL in names:
        sender = select(Membership.role).join(Chat, col(Chat.id) == col(Membership.chat_id))
        sender = sender.where(*present, Membership.user_id == sender_id, Chat.kind == "group")
        found |= {EVERYBODY} if (await work.first(sender) or "") in ADMINS else set()
    return found


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, Mentions]:
    """Whom these messages of one chat name."""
    found = _gathered(await work.rows(LOAD, {"chat": chat_id, "seqs": list(seqs)}))
    return {seq: mentions for (_, seq), mentions in found.items()}


def _gathered(rows: Iterable[Any]) -> dict[tuple[int, int], Mentions]:
    people: dict[tuple[int, int], list[Named]] = {}
    everybody = set()
    for row in rows:
        place = row.chat_id, row.seq
        named = people.setdefault(place, [])
        if row.user_id == EVERYBODY:
            everybody.add(place)
        elif row.username:
            named.append(Named(row.user_id, row.username, row.display_name))
    return {place: Mentions(tuple(named), place in everybody) for place, named in people.items()}


async def of(work: Work, found: Sequence[Message]) -> dict[tuple[int, int], Mentions]:
    """Whom some messages name, by chat id and seq; of many chats in one query, and none when nobody is named."""
    named = [each for each in found if "mentions" in each.extras.split()]
    if not named:
        return {}
    # Some more than these, perhaps: of a list there are few.
    lists = {"chats": [each.chat_id for each in named], "seqs": [each.seq for each in named]}
    rows = await work.rows(LOAD_SEVERAL, lists)
    return _gathered(rows)


async def edited(work: Work, message: Message, body: str) -> Mapping[str, bool]:
    """Whom an edited message names now. Who is new to it gets their mark; who was named before hears nothing."""
    names = _names(body)
    ids = await _resolve(work, message.chat_id, message.sender_id, names) if names else set()
    before = await whom(work, message.chat_id, message.seq)
    await _drop(work, message.chat_id, [message.seq], before - ids)
    if new := ids - before:
        place = {"chat_id": message.chat_id, "seq": message.seq}
        await work.execute(insert(Mention), [{**place, "user_id": id_} for id_ in sorted(new)])
    if changed := ids ^ before:
        work.announce(broadcasts.changed, message.chat_id, frozenset(changed))
    return {"mentions": bool(ids)}


async def deleted(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    await work.execute(delete(Mention).where(col(Mention.chat_id) == chat_id, col(Mention.seq).in_(seqs)))


async def _drop(work: Work, chat_id: int, seqs: Sequence[int], user_ids: Iterable[int]) -> None:
    these = col(Mention.chat_id) == chat_id, col(Mention.seq).in_(seqs), col(Mention.user_id).in_(list(user_ids))
    await work.execute(delete(Mention).where(*these))


async def whom(work: Work, chat_id: int, seq: int) -> set[int]:
    """The ids of those whom a message names, EVERYBODY among them perhaps. What they hear of it breaks through what
    keeps a chat quiet.
    """
    return set(await work.all(select(Mention.user_id).where(Mention.chat_id == chat_id, Mention.seq == seq)))


async def waiting(work: Work, user: Person, chat_ids: Collection[int]) -> set[int]:
    """Those of these chats in which an unread message of somebody else names `user`."""
    rows = await work.rows(WAITING, {"user": user.id, "chats": list(chat_ids)})
    return {row.chat_id for row in rows}


async def candidates(work: Work, chat: Conversation, user: Person, typed: str, limit: int) -> list[Person]:
    """Whom one may name in a chat: its members but oneself whose name or username begins so, who spoke last first."""
    spoke = (
        select(Message)
        .where(Message.chat_id == chat.id, col(Message.seq) > chat.last_seq - RECENT, Message.kind != "note")
        .group_by(col(Message.sender_id))
        .with_only_columns(col(Message.sender_id), func.max(col(Message.seq)).label("seq"))
        .subquery()
    )
    like = key(typed).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    name = func.lower(col(User.display_name))
    statement = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .outerjoin(spoke, spoke.c.sender_id == col(User.id))
        .where(Membership.chat_id == chat.id, col(Membership.is_present), User.id != user.id)
        .where(
            col(User.username_key).like(like, escape="\\")
            | col(User.display_name).ilike(like, escape="\\")
            | name.like(f"% {like}", escape="\\")
        )
        .order_by(func.coalesce(spoke.c.seq, 0).desc(), by_name(User.display_name), col(User.id))
        .limit(limit)
    )
    return [Person.of(row) for row in await work.all(statement)]
