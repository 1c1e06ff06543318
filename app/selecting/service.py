"""What is done with several messages at once, in one work, by the rules of doing it with each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from app.chats import service as chats
from app.db import Work
from app.errors import Invalid
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import Bubble, bubbles
from app.messages.models import Message
from app.messages.parts import KINDS
from app.settings import Settings
from app.users.models import Person


@dataclass(frozen=True, slots=True)
class Deletable:
    """Which messages somebody may delete for themselves, and whether all of them for everyone, too."""

    seqs: list[int]
    for_everyone: bool


def may_select(message: Message) -> bool:
    """What stands and was said by somebody; neither system lines nor what is left of deleted messages."""
    return message.kind != "note" and message.deleted_at is None


async def transcript(work: Work, user: Person, chat_id: int, seqs: Collection[int], zone: ZoneInfo) -> str:
    """Messages as lines `[date, time] Name: text`, those further on of a text as they are.

    Deleted ones and what is no text are left out. Raises NotFound when none can be seen, Invalid when nothing is
    left.
    """
    chat = await chats.require_member(work, chat_id, user)
    found = await history.some_visible(work, chat, user, seqs)
    said = [each for each in found if may_select(each) and KINDS[each.kind].may_copy]
    if not said:
        raise Invalid(seq="There is no text in what you chose.")
    return "\n".join(_line(each, zone) for each in await bubbles(work, chat, said, {user.id: user}, user))


def _line(message: Bubble, zone: ZoneInfo) -> str:
    return f"[{message.at.astimezone(zone):%d/%m/%Y, %H:%M:%S}] {message.sender.display_name}: {message.plain}"


def zone_of(name: str, otherwise: str) -> ZoneInfo:
    """The time zone of this name, or another where there is none of it."""
    return ZoneInfo(name if name in _zones() else otherwise)


@cache
def _zones() -> set[str]:
    return available_timezones()


async def deletable(work: Work, user: Person, chat_id: int, seqs: Sequence[int], settings: Settings) -> Deletable:
    """What may be deleted of these. Raises NotFound when none can be seen."""
    chat = await chats.require_member(work, chat_id, user)
    found = await history.some_visible(work, chat, user, seqs)
    standing = [each for each in found if may_select(each)]
    may = [messages.may_delete(each, chat, user, settings.delete_window) for each in standing]
    return Deletable([each.seq for each in found], bool(may) and all(may))
