"""Chats with many: who is in, who may what, and the lines that tell of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Chat, Conversation, Membership
from app.db import Work, by_name
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.groups import broadcasts
from app.messages import service as messages
from app.receipts import service as receipts
from app.users import service as users
from app.users.models import Person, hue, initials
from app.users.names import has_invisible

NAME = 100
DESCRIPTION = 2048
PUBLIC_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What somebody typed to make or change a group."""

    name: str
    description: str = ""
    is_public: bool = False
    # None for what stays as it is.
    members_pin: bool | None = None
    members_time: bool | None = None

    @classmethod
    def read(cls, fields: dict[str, str]) -> Draft:
        """Raises Invalid with a sentence for each wrong field."""
        name, description = " ".join(fields.get("name", "").split()), fields.get("description", "").strip()
        wrong = {}
        if not name:
            wrong["name"] = "Please give the group a name."
        elif len(name) > NAME:
            wrong["name"] = f"Please keep it to {NAME} characters."
        elif has_invisible(name):
            wrong["name"] = "There is an invisible character in this name; please type it anew."
        if len(description) > DESCRIPTION:
            wrong["description"] = f"Please keep it to {DESCRIPTION:,} characters."
        if wrong:
            raise Invalid(**wrong)
        may = {name: _is_on(fields[name]) for name in ("members_pin", "members_time") if name in fields}
        return cls(name=name, description=description, is_public=_is_on(fields.get("public", "")), **may)


def _is_on(value: str) -> bool:
    return value not in ("", "0", "false")


@dataclass(frozen=True, slots=True)
class PublicGroup:
    """A group that anybody may join, as the list of them shows it."""

    id: int
    title: str
    description: str
    member_count: int
    role: str | None

    @property
    def hue(self) -> int:
        return hue(self.id + 11)

    @property
    def initials(self) -> str:
        return initials(self.title)


async def create(work: Work, user: Person, draft: Draft, members: Collection[Person], most: int) -> int:
    """A new group with its first people; answers the chat's id. Raises Invalid when there are too many."""
    invited = [person for person in members if person.id != user.id]
    _require_room(len(invited) + 1, most)
    chat_id = await chats.create(
        work, user, kind="group", name=draft.name, description=draft.description, is_public=draft.is_public
    )
    await chats.join(work, chat_id, [user.id], 1, role="owner")
    if invited:
        await chats.join(work, chat_id, [person.id for person in invited], 1)
    chat = await chats.require_member(work, chat_id, user)
    await messages.note(work, chat, user, "created", value=draft.name)
    if invited:
        await messages.note(work, chat, user, "added", invited)
    return chat_id


def _require_room(count: int, most: int) -> None:
    if count > most:
        raise Invalid(members=f"A group takes {most:,} people; that would be {count:,}.")


async def require_group(work: Work, chat_id: int, user: Person, locked: bool = True) -> Conversation:
    """The group, locked for a change. Raises NotFound for strangers and for chats that are no groups."""
    chat = await chats.require_member(work, chat_id, user, locked)
    if not chat.in_group:
        raise NotFound
    return chat


async def require_manager(work: Work, chat_id: int, user: Person, locked: bool = True) -> Conversation:
    """The same. Raises NotFound, or Forbidden for members who are no admins."""
    chat = await require_group(work, chat_id, user, locked)
    if not chat.may_manage:
        raise Forbidden("Only the group’s admins can do that.")
    return chat


async def edit(work: Work, user: Person, chat_id: int, draft: Draft) -> None:
    """Change name, description, whether it is public, and what members may."""
    chat = await require_manager(work, chat_id, user)
    may = {"members_pin": draft.members_pin, "members_time": draft.members_time}
    may = {name: chosen for name, chosen in may.items() if chosen is not None}
    await work.execute(
        update(Chat)
        .where(col(Chat.id) == chat_id)
        .values(name=draft.name, description=draft.description, is_public=draft.is_public, **may)
    )
    if draft.name != chat.name:
        await messages.note(work, chat, user, "renamed", value=draft.name)
        work.announce(broadcasts.renamed, chat_id, draft.name)
    if draft.description != chat.description:
        await messages.note(work, chat, user, "described", value=draft.description)


async def add(work: Work, user: Person, chat_id: int, people: Collection[Person], most: int) -> None:
    """Let people in; they see what comes from their join line on. Who is in already stays as they are."""
    chat = await require_manager(work, chat_id, user)
    present = set(await chats.member_ids(work, chat_id))
    new = [person for person in people if person.id not in present]
    if not new:
        raise Invalid(members="Please choose somebody who is not in the group yet.")
    _require_room(len(present) + len(new), most)
    await _let_in(work, chat, user, "added", new)


async def _let_in(work: Work, chat: Conversation, actor: Person, type_: str, people: Sequence[Person]) -> None:
    """Join first and write the line then, so that it is the first thing that the newcomers hear."""
    first = (await chats.counters(work, chat.id)).seq + 1
    await chats.join(work, chat.id, [person.id for person in people], first)
    await messages.note(work, chat, actor, type_, people if type_ == "added" else ())
    await _count(work, chat.id)


async def _count(work: Work, chat_id: int) -> None:
    work.announce(broadcasts.counted, chat_id, await chats.member_count(work, chat_id))


async def join(work: Work, user: Person, chat_id: int, most: int) -> None:
    """Enter a public group; doing it twice is harmless. Raises NotFound for a group that is not public."""
    group = (await chats.lock(work, [chat_id])).get(chat_id)
    if not group or group.kind != "group" or not group.is_public:
        raise NotFound
    present = set(await chats.member_ids(work, chat_id))
    if user.id in present:
        return
    if len(present) >= most:
        raise Conflict("This group is full.")
    await _let_in(work, chats.seen_from_outside(group), user, "joined", [user])


async def leave(work: Work, user: Person, chat_id: int) -> None:
    """Go; the last admin's office passes to the longest-standing member."""
    chat = await require_group(work, chat_id, user)
    if not chat.is_present:
        return
    seq = await messages.note(work, chat, user, "left")
    await chats.leave(work, chat_id, user.id, seq)
    await receipts.tell_after_leaving(work, chat_id)
    await _count(work, chat_id)
    await _keep_an_owner(work, chat, user)


async def remove(work: Work, user: Person, chat_id: int, user_id: int) -> None:
    """Show somebody out. Raises Forbidden for the owner, NotFound for who is not in."""
    chat = await require_manager(work, chat_id, user)
    if user_id == user.id:
        raise Forbidden("To go yourself, leave the group.")
    person, role = await _member(work, chat_id, user_id)
    if role == "owner":
        raise Forbidden("The owner of a group can’t be removed.")
    seq = await messages.note(work, chat, user, "removed", [person])
    await chats.leave(work, chat_id, user_id, seq)
    await receipts.tell_after_leaving(work, chat_id)
    await _count(work, chat_id)


async def promote(work: Work, user: Person, chat_id: int, user_id: int) -> None:
    chat = await require_manager(work, chat_id, user)
    person, role = await _member(work, chat_id, user_id)
    if role == "member":
        await _set_role(work, chat_id, user_id, "admin")
        await messages.note(work, chat, user, "promoted", [person])


async def demote(work: Work, user: Person, chat_id: int, user_id: int) -> None:
    """Take an admin's office back. Raises Forbidden for the owner."""
    chat = await require_manager(work, chat_id, user)
    person, role = await _member(work, chat_id, user_id)
    if role == "owner":
        raise Forbidden("The owner of a group stays an admin.")
    if role == "admin":
        await _set_role(work, chat_id, user_id, "member")
        await messages.note(work, chat, user, "demoted", [person])


async def _member(work: Work, chat_id: int, user_id: int) -> tuple[Person, str]:
    """Somebody who is in the group now, and their role. Raises NotFound."""
    role = await work.first(
        select(Membership.role).where(
            Membership.chat_id == chat_id, Membership.user_id == user_id, col(Membership.is_present)
        )
    )
    if role is None:
        raise NotFound
    return await users.get(work, user_id), role


async def _set_role(work: Work, chat_id: int, user_id: int, role: str) -> None:
    await work.execute(
        update(Membership)
        .where(col(Membership.chat_id) == chat_id, col(Membership.user_id) == user_id)
        .values(role=role)
    )
    work.announce(broadcasts.role_changed, chat_id, user_id)


async def _keep_an_owner(work: Work, chat: Conversation, gone: Person) -> None:
    """A group with people in it has an owner: the longest-standing admin, else the longest-standing member."""
    if chat.role not in ("owner", "admin"):
        return
    statement = (
        select(Membership)
        .where(Membership.chat_id == chat.id, col(Membership.is_present))
        .order_by(col(Membership.role) == "member", col(Membership.joined_at), col(Membership.user_id))
    )
    left = await work.all(statement)
    if not left or any(membership.role == "owner" for membership in left):
        return
    heir = left[0]
    await _set_role(work, chat.id, heir.user_id, "owner")
    if heir.role == "member":
        await messages.note(work, chat, gone, "promoted", [await users.get(work, heir.user_id)])


async def public(work: Work, user: Person) -> list[PublicGroup]:
    """The groups that anybody may join, by name."""
    mine = (
        select(Membership.role)
        .where(col(Membership.chat_id) == col(Chat.id), Membership.user_id == user.id, col(Membership.is_present))
        .scalar_subquery()
    )
    count = (
        select(func.count())
        .select_from(Membership)
        .where(col(Membership.chat_id) == col(Chat.id), col(Membership.is_present))
        .scalar_subquery()
    )
    statement = (
        select(Chat)
        .where(col(Chat.is_public), Chat.kind == "group")
        .order_by(by_name(Chat.name), col(Chat.id))
        .limit(PUBLIC_SHOWN)
        .with_only_columns(
            col(Chat.id), col(Chat.name), col(Chat.description), count.label("count"), mine.label("role")
        )
    )
    return [PublicGroup(row.id, row.name, row.description, row.count, row.role) for row in await work.rows(statement)]
