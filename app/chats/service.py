"""Open chats, find who is in them, raise their counters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, update
from sqlmodel import col, select

from app.chats import broadcasts
from app.chats.models import Chat, Conversation, Member, Membership, MembershipInterval, Moving
from app.chats.statements import COUNT, LISTED, LOCKED, PERSON, SOME
from app.db import Work, insert_if_new, now
from app.errors import Forbidden, NotFound
from app.users.models import Person, User

# Who of some people is here now.
Online = Callable[[Collection[int]], Awaitable[set[int]]]

DRAFT = 20_000
ROLES = ("owner", "admin", "member")


@dataclass(frozen=True, slots=True)
class Step:
    """The numbers that a new message takes."""

    seq: int
    revision: int


async def lock(work: Work, chat_ids: Collection[int]) -> dict[int, Chat]:
    """Let no other work change these chats until this one ends; answers those that exist.

    Whatever changes a chat, its numbers or who is in it locks it first and looks then: what it saw before might
    not hold any more. Several are locked in the order of their ids, so that no two works wait for each other.
    """
    ordered = select(Chat).where(col(Chat.id).in_(chat_ids)).order_by(col(Chat.id))
    found = {chat.id: chat for chat in await work.all(ordered.with_for_update(key_share=True))}
    work.hold(found)
    return found


async def require_member(work: Work, chat_id: int, user: Person, locked: bool = False) -> Conversation:
    """The chat as `user` sees it, also after they left it. Raises NotFound for everybody else.

    `locked` for who will change it, as `lock` says, and without the partner, whom no change needs.
    """
    found = await conversations(work, user, [chat_id], locked)
    if not found:
        raise NotFound
    return found[0]


async def require_present(work: Work, chat_id: int, user: Person) -> Conversation:
    """The same, locked, for who is in it. Raises NotFound for strangers, Forbidden for who left."""
    chat = await require_member(work, chat_id, user, locked=True)
    if not chat.may_write:
        raise Forbidden(chat.why_not)
    return chat


async def conversations(
    work: Work, user: Person, chat_ids: Collection[int] | None = None, locked: bool = False
) -> list[Conversation]:
    """The chats of `user` (those of `chat_ids`, where given), with the partners of direct ones unless `locked`."""
    values: dict[str, Any] = {"user": user.id}
    if chat_ids is None:
        statement = LISTED
    else:
        statement = LOCKED if locked else SOME
        values["chats"] = list(chat_ids)
    rows = await work.rows(statement, values)
    if locked:
        work.hold([row.id for row in rows])
    return [
        Conversation(
            **{key: value for key, value in row._mapping.items() if not key.startswith("user_")},
            partner=None if locked else _partner(row, user),
        )
        for row in rows
    ]


def _partner(row: Any, user: Person) -> Person | None:
    if row.kind == "direct":
        return Person(**{name: getattr(row, f"user_{name}") for name in PERSON})
    return user if row.kind == "self" else None


async def with_count(work: Work, chat: Conversation) -> Conversation:
    """A group with how many are in it."""
    return replace(chat, member_count=await member_count(work, chat.id)) if chat.in_group else chat


async def with_online(chat: Conversation, online: Online) -> Conversation:
    """A direct chat with whether the partner is here."""
    if not chat.partner:
        return chat
    is_online = bool(await online([chat.partner.id]))
    return replace(chat, partner=replace(chat.partner, online=is_online))


def seen_from_outside(group: Chat) -> Conversation:
    """A group as somebody sees it who is not in it yet."""
    names = ("id", "kind", "name", "description", "is_public", "last_seq", "revision", "lifetime")
    values = {name: getattr(group, name) for name in names}
    return Conversation(**values, role=None, is_present=False, read_seq=0, delivered_seq=0, draft="")


async def from_outside(work: Work, chat_id: int) -> Conversation:
    """A chat as it is for what shows nothing about its reader. Raises NotFound."""
    chat = await work.first(select(Chat).where(Chat.id == chat_id))
    if not chat:
        raise NotFound
    return seen_from_outside(chat)


async def counters(work: Work, chat_id: int) -> Step:
    """Where the chat stands."""
    chat = await work.first(select(Chat).where(Chat.id == chat_id))
    if not chat:
        raise NotFound
    return Step(chat.last_seq, chat.revision)


def partner_id(pair: str, user_id: int) -> int:
    """The other one of a pair; oneself in the chat with oneself."""
    first, second = map(int, pair.split(":"))
    return second if first == user_id else first


def pair_of(one: int, other: int) -> str:
    return f"{min(one, other)}:{max(one, other)}"


async def find_direct(work: Work, user: Person, other: Person) -> int | None:
    return await work.first(select(Chat.id).where(Chat.pair == pair_of(user.id, other.id)))


async def open_direct(work: Work, user: Person, other: Person) -> tuple[int, bool]:
    """The chat of two people (or of one with themselves), and whether it is new."""
    known = await find_direct(work, user, other)
    if known is not None:
        return known, False
    kind = "self" if user.id == other.id else "direct"
    values = {"created_by": user.id, "kind": kind, "pair": pair_of(user.id, other.id)}
    result = await work.execute(insert_if_new(Chat).values(values).returning(col(Chat.id)))
    chat_id = result.scalar_one_or_none()
    if chat_id is None:  # the other one was faster by a moment
        return await open_direct(work, user, other)
    await join(work, chat_id, {user.id, other.id}, 1, unaware={other.id} - {user.id})
    return chat_id, True


async def create(work: Work, user: Person, **values: object) -> int:
    """A new chat without anybody in it."""
    result = await work.execute(insert(Chat).values(created_by=user.id, **values).returning(col(Chat.id)))
    return int(result.scalar_one())


async def join(
    work: Work,
    chat_id: int,
    user_ids: Collection[int],
    from_seq: int,
    role: str = "member",
    unaware: Collection[int] = (),
) -> None:
    """Let people in who may see the chat from `from_seq` on, for the first time or again."""
    before = from_seq - 1
    again = await work.all(
        select(Membership.user_id).where(Membership.chat_id == chat_id, col(Membership.user_id).in_(user_ids))
    )
    if again:
        await work.execute(
            update(Membership)
            .where(col(Membership.chat_id) == chat_id, col(Membership.user_id).in_(again))
            .values(is_present=True, role=role, joined_at=now(), read_seq=before, delivered_seq=before)
        )
    base = {"chat_id": chat_id, "role": role, "read_seq": before, "delivered_seq": before}
    if new := [{"user_id": user_id, **base} for user_id in user_ids if user_id not in set(again)]:
        await work.execute(insert(Membership), new)
    await work.execute(
        insert(MembershipInterval),
        [{"chat_id": chat_id, "user_id": user_id, "from_seq": from_seq} for user_id in user_ids],
    )
    work.announce(broadcasts.joined, chat_id, list(user_ids), unaware)


async def leave(work: Work, chat_id: int, user_id: int, to_seq: int) -> None:
    """End somebody's stay with the message `to_seq`; what they had they keep."""
    await work.execute(
        update(Membership)
        .where(col(Membership.chat_id) == chat_id, col(Membership.user_id) == user_id)
        .values(is_present=False, role="member", draft="")
    )
    await work.execute(
        update(MembershipInterval)
        .where(col(MembershipInterval.chat_id) == chat_id, col(MembershipInterval.user_id) == user_id)
        .where(col(MembershipInterval.to_seq).is_(None))
        .values(to_seq=to_seq)
    )
    work.announce(broadcasts.left, chat_id, user_id)


async def advance(work: Work, chat_id: int) -> Step:
    """Take the next number; the row stays locked until the work ends, so numbers are the order of commits."""
    result = await work.execute(
        update(Chat)
        .where(col(Chat.id) == chat_id)
        .values(last_seq=Chat.last_seq + 1, revision=Chat.revision + 1)
        .returning(col(Chat.last_seq), col(Chat.revision))
    )
    row = result.one()
    return Step(row.last_seq, row.revision)


async def revise(work: Work, chat_id: int) -> int:
    """Raise the revision for a change to a message; answers the new one."""
    result = await work.execute(
        update(Chat).where(col(Chat.id) == chat_id).values(revision=Chat.revision + 1).returning(col(Chat.revision))
    )
    return int(result.scalar_one())


def tell_newest(work: Work, moving: Moving) -> None:
    """Announce a new message's short form to chat lists; the row rises."""
    work.announce(broadcasts.advanced, moving)


def tell_changed(work: Work, moving: Moving) -> None:
    """Announce it where a row shows this very message."""
    work.announce(broadcasts.revised, moving)


async def member_ids(work: Work, chat_id: int) -> Sequence[int]:
    """Who is in the chat now."""
    return await work.all(select(Membership.user_id).where(Membership.chat_id == chat_id, col(Membership.is_present)))


async def member_count(work: Work, chat_id: int) -> int:
    return (await work.all(COUNT, {"chat": chat_id}))[0]


async def members(work: Work, chat_id: int, user: Person) -> list[Member]:
    """Who is in the chat now: owner, admins, members, each by name."""
    statement = (
        select(User)
        .join(Membership, col(Membership.user_id) == col(User.id))
        .where(Membership.chat_id == chat_id, col(Membership.is_present))
        .with_only_columns(*User.__table__.columns, col(Membership.role))  # type: ignore[attr-defined]
    )
    found = [Member(Person.of(row), row.role, row.id == user.id) for row in await work.rows(statement)]
    return sorted(found, key=lambda member: (ROLES.index(member.role), member.user.display_name.lower()))


async def topic_ids(work: Work, user_id: int) -> Sequence[int]:
    """The chats whose topics somebody's sockets hear."""
    return await work.all(select(Membership.chat_id).where(Membership.user_id == user_id, col(Membership.is_present)))


async def topic_ids_of(work: Work, user_ids: Collection[int]) -> dict[int, set[int]]:
    """The same for many people at once."""
    statement = (
        select(Membership)
        .where(col(Membership.user_id).in_(user_ids), col(Membership.is_present))
        .with_only_columns(col(Membership.user_id), col(Membership.chat_id))
    )
    found: dict[int, set[int]] = {}
    for row in await work.rows(statement):
        found.setdefault(row.user_id, set()).add(row.chat_id)
    return found


async def direct_partner_ids(work: Work, user_ids: Collection[int]) -> dict[int, list[int]]:
    """For each of these people with whom they have a direct chat."""
    statement = (
        select(Chat)
        .join(Membership, col(Membership.chat_id) == col(Chat.id))
        .where(col(Membership.user_id).in_(user_ids), Chat.kind == "direct")
        .with_only_columns(col(Chat.pair), col(Membership.user_id))
    )
    found: dict[int, list[int]] = {}
    for row in await work.rows(statement):
        found.setdefault(row.user_id, []).append(partner_id(row.pair, row.user_id))
    return found


async def switch(work: Work, chat_id: int, user_id: int, **values: Any) -> None:
    """Change what somebody chose about a chat, columns of their membership; all their pages ask for its row."""
    here = col(Membership.chat_id) == chat_id, col(Membership.user_id) == user_id
    await work.execute(update(Membership).where(*here).values(values))
    work.announce(broadcasts.switched, chat_id, user_id)


async def save_draft(work: Work, chat_id: int, user: Person, body: str) -> None:
    """Keep what somebody began to write, for all their devices; an empty text forgets it."""
    chat = await require_member(work, chat_id, user)
    if chat.draft == body.strip()[:DRAFT]:
        return
    await set_draft(work, chat_id, user.id, body.strip()[:DRAFT])


async def set_draft(work: Work, chat_id: int, user_id: int, body: str) -> None:
    work.announce(broadcasts.drafted, chat_id, user_id, body)
    await work.execute(
        update(Membership)
        .where(col(Membership.chat_id) == chat_id, col(Membership.user_id) == user_id)
        .values(draft=body)
    )
