"""A small believable world to look around in: the scripts of demo_world.toml, played and then back-dated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, update
from sqlmodel import col, select

from app.auth import service as auth
from app.auth.passwords import Passwords
from app.chats import service as chats
from app.chats.models import Chat, Membership, MembershipInterval
from app.db import Database, Work, now
from app.demo_script import ROOM, lines, perform
from app.errors import Conflict
from app.groups import service as groups
from app.messages.drafts import starts_run
from app.messages.models import Message
from app.polls.models import Vote
from app.reactions.models import Reaction
from app.receipts import log as receipt_log
from app.receipts import service as receipts
from app.receipts.marks import Mark
from app.search import index
from app.switches import service as switches
from app.users import service as users
from app.users.models import Contact, Person, User

WORLD = Path(__file__).with_name("demo_world.toml")
PASSWORD = "parley demo world"  # noqa: S105 – it is no secret
AGE = timedelta(days=15)
SOON = timedelta(seconds=40)  # after something was said the others read it

SWITCHES = {
    "pin": partial(switches.pin, on=True),
    "mute": partial(switches.mute, how_long="1w"),
    "favour": partial(switches.favour, on=True),
}

DONE = """The demo world is ready: {people} people, {chats} chats, {messages} messages.

    Username  amara
    Password  {password}

The others have the same password: {others}.
Start the server with scripts/run, and sign in. This world is for looking around only:
everybody knows its password, so let nobody else reach this server."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A chat of demo_world.toml, where the words are explained."""

    members: Sequence[str]
    script: str
    name: str = ""
    description: str = ""
    public: bool = False
    unread: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, int] = field(default_factory=dict)
    drafts: Mapping[str, str] = field(default_factory=dict)
    switched: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def mark(self, name: str, last: int) -> Mark:
        """How far somebody has come in the end."""
        delivered = last - self.undelivered.get(name, 0)
        return Mark(delivered, min(delivered, last - self.unread.get(name, 0)))


async def demo(database: Database) -> str:
    """Fill an empty server, all or nothing; answers what to tell whoever asked for it.

    Raises Conflict when somebody has an account already.
    """
    world = tomllib.loads(WORLD.read_text("utf-8"))
    scenes = [Scene(**table) for table in world["chats"]]
    password_hash = await Passwords().hash(PASSWORD)
    present = now().astimezone()
    async with database.write() as work:
        if not await auth.is_empty(work):
            raise Conflict("There are accounts on this server already, and the demo needs an empty one.")
        cast = await _arrive(work, world["people"], password_hash)
        told = [await _play(work, scene, cast, present) for scene in scenes]
        await _backdate_rest(work, present - AGE)
    others = ", ".join(name for name in cast if name != "amara")
    counts = {"people": len(cast), "chats": len(told), "messages": sum(told)}
    return DONE.format(**counts, password=PASSWORD, others=others)


async def _arrive(work: Work, people: Sequence[Mapping[str, Any]], password_hash: str) -> dict[str, Person]:
    """The accounts, by username."""
    cast: dict[str, Person] = {}
    for each in people:
        names = {name: each[name] for name in ("username", "display_name")}
        person = await auth.sign_up(work, auth.SignUp(**names, password_hash=password_hash).checked())
        cast[person.username] = await users.edit(work, person, person.display_name, each["about"])
    for each in people:
        for name in each["contacts"]:
            await users.add_contact(work, cast[each["username"]], name)
    return cast


async def _play(work: Work, scene: Scene, cast: Mapping[str, Person], present: datetime) -> int:
    """Let a chat happen; answers how many messages it has in the end."""
    chat_id = await _open(work, scene, [cast[name] for name in scene.members])
    times: list[datetime] = []
    for line in lines(scene.script, present):
        last = await perform(work, chat_id, line, cast)
        times += [line.at] * (last - len(times))
    await _backdate(work, chat_id, times)
    marks = {(chat_id, person.id): scene.mark(name, len(times)) for name, person in cast.items()}
    await receipts.store(work, marks)
    await receipt_log.backdate(work, chat_id, [at + SOON for at in times])
    for name, body in scene.drafts.items():
        await chats.save_draft(work, chat_id, cast[name], body)
    for name, switched in scene.switched.items():
        for each in switched:
            await SWITCHES[each](work, cast[name], chat_id)
    return len(times)


async def _open(work: Work, scene: Scene, members: Sequence[Person]) -> int:
    if not scene.name:
        return (await chats.open_direct(work, members[0], members[-1]))[0]
    draft = groups.Draft(name=scene.name, description=scene.description, is_public=scene.public)
    return await groups.create(work, members[0], draft, members[1:], ROOM)


async def _backdate(work: Work, chat_id: int, times: Sequence[datetime]) -> None:
    """Give the messages of a chat their times, in order, and runs that follow from them."""
    one = update(Message).where(col(Message.chat_id) == chat_id, col(Message.seq) == bindparam("number"))
    dated = [{"number": seq, "at": at} for seq, at in enumerate(times, 1)]
    await work.execute(one.values(created_at=bindparam("at")), dated)
    told = await work.all(select(Message).where(Message.chat_id == chat_id).order_by(col(Message.seq)))
    runs = [
        {"number": each.seq, "starts": starts_run(before, each.kind, each.sender_id, each.created_at)}
        for before, each in pairwise([None, *told])
        if each
    ]
    await work.execute(one.values(starts_run=bindparam("starts")), runs)


async def _backdate_rest(work: Work, arrived_at: datetime) -> None:
    """Everything else follows from when people arrived and what was said when."""
    for table in (User, Contact):
        await work.execute(update(table).values(created_at=arrived_at))
    for column in (Message.edited_at, Message.deleted_at):
        await work.execute(update(Message).where(col(column).is_not(None)).values({column: Message.created_at}))
    reacted_to = Message.chat_id == Reaction.chat_id, Message.seq == Reaction.seq
    at = select(Message.created_at).where(*reacted_to)
    await work.execute(update(Reaction).values(created_at=at.scalar_subquery()))
    asked = select(Message.created_at).where(Message.chat_id == Vote.chat_id, Message.seq == Vote.seq)
    await work.execute(update(Vote).values(voted_at=asked.scalar_subquery()))
    said = select(Message.created_at).where(Message.chat_id == Chat.id, Message.seq == 1)
    await work.execute(update(Chat).values(created_at=said.scalar_subquery()))
    spoke = select(func.max(col(Message.created_at))).where(Message.sender_id == User.id)
    await work.execute(update(User).values(last_seen_at=spoke.scalar_subquery()))
    stay = (
        MembershipInterval.chat_id == Membership.chat_id,
        MembershipInterval.user_id == Membership.user_id,
    )
    came = (
        select(func.max(col(Message.created_at)))
        .join(MembershipInterval, col(MembershipInterval.chat_id) == Message.chat_id)
        .where(*stay, MembershipInterval.from_seq == Message.seq)
    )
    await work.execute(update(Membership).values(joined_at=came.scalar_subquery()))
    await index.begin_anew(work)
