"""The scripts of demo_world.toml: what their lines say, and how the services do it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select

from app.chats import service as chats
from app.db import Work
from app.groups import service as groups
from app.messages import service as messages
from app.messages.drafts import Draft
from app.messages.models import Message
from app.pins import service as pins
from app.polls import drafts as poll_drafts
from app.polls import service as polls
from app.reactions import service as reactions
from app.receipts import service as receipts
from app.users.models import Person

ROOM = 100
DAY = timedelta(days=1)

DAYS = re.compile(r"--- (\d+) days? ago, (\d\d):(\d\d)")
AGO = re.compile(r"--- (\d+) minutes ago")
LATER = re.compile(r"--- (\d+) minutes later")
LINE = re.compile(r"(?:\* (\w+) (\w+) ?|(\w+): )(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody does something."""

    at: datetime
    who: str
    verb: str
    text: str


def lines(script: str, present: datetime) -> Iterator[Line]:
    """What a script says, each line with its time; clock times are those of the zone of `present`."""
    at = present
    for entry in re.split(r"\n(?!\|)", script.strip()):
        if days := DAYS.fullmatch(entry):
            at = present - timedelta(days=int(days[1]))
            at = at.replace(hour=int(days[2]), minute=int(days[3]), second=0)
        elif ago := AGO.fullmatch(entry):
            at = present - timedelta(minutes=int(ago[1]))
        elif later := LATER.fullmatch(entry):
            at += timedelta(minutes=int(later[1]))
        elif line := LINE.fullmatch(entry):
            at += timedelta(seconds=10 + len(line[4]) // 3)
            text = re.sub(r"\n\| ?", "\n", line[4])
            yield Line(at.astimezone(UTC), line[1] or line[3], line[2] or "says", text)
        else:
            raise ValueError(f"not a line of a script: {entry}")


async def perform(work: Work, chat_id: int, line: Line, cast: Mapping[str, Person]) -> int:
    """Let a line of a chat's script happen; answers the chat's last seq then."""
    user = cast[line.who]
    match line.verb:
        case "says":
            bubble, _ = await messages.send(work, user, chat_id, Draft(body=line.text))
            return bubble.seq
        case "asks":
            question, *options = line.text.split(" / ")
            poll = poll_drafts.read({"question": question, "multiple": "1"}, options)
            bubble, _ = await messages.send(work, user, chat_id, poll)
            return bubble.seq
        case "votes":
            latest = select(func.max(col(Message.seq))).where(Message.chat_id == chat_id, Message.kind == "poll")
            seq = await work.first(latest) or 0
            await polls.vote(work, user, chat_id, seq, [int(number) - 1 for number in line.text.split(", ")], False)
        case "edits":
            seq = await _latest(work, chat_id, user)
            await messages.edit(work, user, chat_id, seq, line.text, DAY)
        case "deletes":
            await messages.delete(work, user, chat_id, [await _latest(work, chat_id, user)], DAY)
        case "reacts":
            last = (await chats.counters(work, chat_id)).seq
            await reactions.react(work, user, chat_id, last, reactions.read_emoji(line.text))
        case "pins":
            last = (await chats.counters(work, chat_id)).seq
            await pins.pin(work, user, chat_id, last, pins.DURATIONS[line.text][0])
        case "adds":
            await groups.add(work, user, chat_id, [cast[name] for name in line.text.split(", ")], ROOM)
        case "promotes":
            await groups.promote(work, user, chat_id, cast[line.text].id)
        case "joins":
            await groups.join(work, user, chat_id, ROOM)
        case "leaves":
            chat = await chats.require_member(work, chat_id, user, locked=True)
            await receipts.read(work, chat, user, chat.last_seq)
            await groups.leave(work, user, chat_id)
        case "renames" | "describes":
            chat = await chats.require_member(work, chat_id, user)
            name = line.text if line.verb == "renames" else chat.name
            description = line.text if line.verb == "describes" else chat.description
            draft = groups.Draft(name=name, description=description, is_public=chat.is_public)
            await groups.edit(work, user, chat_id, draft)
        case _:
            raise ValueError(f"not a verb of a script: {line.verb}")
    return (await chats.counters(work, chat_id)).seq


async def _latest(work: Work, chat_id: int, user: Person) -> int:
    """The seq of somebody's latest message."""
    mine = select(func.max(col(Message.seq))).where(Message.chat_id == chat_id, Message.sender_id == user.id)
    return await work.first(mine.where(Message.kind == "text")) or 0
