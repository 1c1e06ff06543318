"""The scripts of demo_world.toml: what their lines say, and how the services do it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import col, select

from app.cards import service as cards
from app.cards.models import LinkCard, MessageCard
from app.chats import service as chats
from app.db import Work, now
from app.forwards import service as forwards
from app.groups import service as groups
from app.mentions import service as mentions
from app.messages import service as messages
from app.messages.drafts import Draft
from app.messages.models import Message
from app.pins import service as pins
from app.polls import drafts as poll_drafts
from app.polls import service as polls
from app.reactions import service as reactions
from app.receipts import service as receipts
from app.stars import service as stars
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
    user, last = cast[line.who], (await chats.counters(work, chat_id)).seq
    match line.verb:
        case "says" | "asks" | "replies" | "forwards":
            bubble, _ = await messages.send(work, user, chat_id, _draft(line, last))
            return bubble.seq
        case "shows":
            await _show(work, chat_id, last, *line.text.split(" / "))
        case "votes":
            latest = select(func.max(col(Message.seq))).where(Message.chat_id == chat_id, Message.kind == "poll")
            seq = await work.first(latest) or 0
            await polls.vote(work, user, chat_id, seq, [int(number) - 1 for number in line.text.split(", ")], False)
        case "edits":
            seq = await _latest(work, chat_id, user)
            await messages.edit(work, user, chat_id, seq, line.text, DAY)
        case "deletes":
            await messages.delete(work, user, chat_id, [await _latest(work, chat_id, user)], DAY)
        case "stars":
            await stars.star(work, user, chat_id, [last])
        case "reacts":
            await reactions.react(work, user, chat_id, last, reactions.read_emoji(line.text))
        case "pins":
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


def _draft(line: Line, last: int) -> Draft:
    """What somebody sends; an answer begins with how far back its original is."""
    if line.verb == "asks":
        question, *options = line.text.split(" / ")
        return poll_drafts.read({"question": question, "multiple": "1"}, options)
    brings: dict[str, Any] = {}
    body = line.text
    if line.verb == "replies":
        back, _, body = line.text.partition(" ")
        brings["quote"] = (None, last + 1 - int(back))
    if line.verb == "forwards":
        brings[forwards.EXTRA] = 1
    if named := mentions.read({"body": body}):
        brings["mentions"] = named
    return Draft(body=body, brings=brings)


async def _show(work: Work, chat_id: int, seq: int, title: str, description: str) -> None:
    """Give a message the card that its link might have, without asking the network."""
    message = (await work.all(select(Message).where(Message.chat_id == chat_id, Message.seq == seq)))[0]
    card = {"url": cards.link_of(message.body), "title": title, "description": description, "done_at": now()}
    added = insert(LinkCard).values(key=f"demo {chat_id} {seq}", created_at=now(), **card).returning(col(LinkCard.id))
    card_id = (await work.execute(added)).scalar_one()
    await work.execute(insert(MessageCard).values(chat_id=chat_id, seq=seq, card_id=card_id))
    await messages.revise(work, chat_id, seq, add=["card"])


async def _latest(work: Work, chat_id: int, user: Person) -> int:
    """The seq of somebody's latest message."""
    mine = select(func.max(col(Message.seq))).where(Message.chat_id == chat_id, Message.sender_id == user.id)
    return await work.first(mine.where(Message.kind == "text")) or 0
