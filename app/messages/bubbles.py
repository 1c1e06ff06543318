"""Rows of messages made ready to be shown: the same for every reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from markupsafe import Markup

from app.chats.models import Conversation, Moving
from app.db import Work
from app.messages import parts, text
from app.messages.emoji import emoji_count
from app.messages.models import Message
from app.messages.parts import EXTRAS, KINDS, Shown
from app.users import service as users
from app.users.models import Person

UNKNOWN = Person(0, "", "Somebody")
DELETED = "This message was deleted"
# System lines that are no news: they raise no chat in any list, and take no preview.
QUIET = ("lifetime", "pinned")


@dataclass(frozen=True, slots=True)
class Note:
    """A system line: who did what to whom."""

    type: str
    actor: Person
    subjects: tuple[Person, ...] = ()
    value: str = ""


@dataclass(slots=True)  # frozen, it would take four times as long to make
class Bubble:
    """A message as its partial shows it. Never changed: `replace` makes another."""

    id: str
    chat_id: int
    seq: int
    revision: int
    sender: Person
    kind: str
    body: str
    at: datetime
    starts_run: bool
    edited: bool
    deleted: bool
    in_group: bool
    note: Note | None = None
    deleted_by: Person | None = None
    expires_at: datetime | None = None
    extras: tuple[Shown, ...] = ()

    @property
    def html(self) -> Markup:
        return text.render(self.body)

    @property
    def plain(self) -> str:
        """The body as previews tell of it."""
        body = self.body
        for extra in self.extras:
            tell = EXTRAS[extra.name].plain
            body = tell(extra.value, body) if tell else body
        return body

    @property
    def emoji(self) -> int:
        return emoji_count(self.body) if self.kind == "text" else 0

    @property
    def long(self) -> bool:
        return text.is_long(self.body)

    @property
    def slots(self) -> set[str]:
        """Where extras stand in it."""
        return {extra.slot for extra in self.extras}

    @property
    def key(self) -> tuple[object, ...]:
        """What tells its markup from any other: a change to a message takes a revision, but not a name's, nor a time
        that is set later, as by an import.
        """
        names: tuple[object, ...] = (self.sender.key,)
        if self.note or self.deleted_by:
            named = (*(self.note.subjects if self.note else ()), self.deleted_by)
            names = (*names, *(person.key for person in named if person))
        return self.chat_id, self.id, self.revision, self.at, self.starts_run, self.expires_at, names, self.extras

    @property
    def readers(self) -> set[int]:
        """Those who see different things in it, or nobody where all see the same."""
        return {id_ for extra in self.extras for readers, _ in extra.views for id_ in readers}

    def seen_by(self, user_id: int) -> Bubble:
        """The same with nothing that this person may not see."""
        if not any(extra.views for extra in self.extras):
            return self
        return replace(self, extras=tuple(extra.seen_by(user_id) for extra in self.extras))

    @property
    def counts(self) -> bool:
        """Whether it makes a chat unread."""
        return self.kind != "note" and not self.deleted


async def bubbles(
    work: Work,
    chat: Conversation,
    messages: Sequence[Message],
    people: Mapping[int, Person] | None = None,
    reader: Person | None = None,
) -> list[Bubble]:
    """Bubbles for messages of one chat, for one reader or for all; `people` who are known already need not be looked
    up.
    """
    known = [*(people or {}).values(), *((chat.partner,) if chat.partner else ())]
    found = await users.several(work, {id_ for message in messages for id_ in mentioned(message)}, known)
    named = {each.seq: each.extras.split() for each in messages if each.extras}
    extras = await parts.load(work, chat.id, named, reader.id if reader else None)
    return [bubble(message, chat.in_group, found, extras.get(message.seq, ())) for message in messages]


def bubble(message: Message, in_group: bool, people: Mapping[int, Person], extras: tuple[Shown, ...] = ()) -> Bubble:
    """One of them, when all that it shows is known."""
    sender = people.get(message.sender_id, UNKNOWN)
    event = message.event or {}
    return Bubble(
        id=message.id,
        chat_id=message.chat_id,
        seq=message.seq,
        revision=message.revision,
        sender=sender,
        kind=message.kind,
        body=message.body,
        at=message.created_at,
        starts_run=message.starts_run,
        edited=message.edited_at is not None,
        deleted=message.deleted_at is not None,
        in_group=in_group,
        note=_note(event, sender, people) if message.kind == "note" else None,
        deleted_by=people.get(event["by"]) if "by" in event else None,
        expires_at=message.expires_at,
        extras=extras,
    )


def mentioned(message: Message) -> set[int]:
    """The ids of the people whose names a message shows."""
    event = message.event or {}
    return {message.sender_id, *event.get("subjects", ()), *((event["by"],) if "by" in event else ())}


def _note(event: dict[str, object], actor: Person, people: Mapping[int, Person]) -> Note:
    subjects = event["subjects"]
    assert isinstance(subjects, list)
    return Note(str(event["type"]), actor, tuple(people.get(id_, UNKNOWN) for id_ in subjects), str(event["value"]))


def moving(shown: Bubble) -> Moving:
    """What a message is in the chat list."""
    kind = KINDS[shown.kind]
    tone = "note" if shown.kind == "note" else "deleted" if shown.deleted else "text"
    return Moving(
        chat_id=shown.chat_id,
        kind="group" if shown.in_group else "direct",
        seq=shown.seq,
        revision=shown.revision,
        sender_id=shown.sender.id,
        sender_name=shown.sender.display_name,
        preview=DELETED if shown.deleted else kind.preview(shown.plain),
        icon="" if shown.deleted else kind.icon,
        tone=tone,
        counts=shown.counts,
        at=shown.at,
        expires_at=shown.expires_at,
        note=shown.note,
        extras=tuple((extra.name, row(extra.value)) for extra in shown.extras if (row := EXTRAS[extra.name].row)),
    )


def message_data(bubble: Bubble) -> dict[str, Any]:
    """A message for programs."""
    note = bubble.note
    return {
        "id": bubble.id,
        "seq": bubble.seq,
        "revision": bubble.revision,
        "sender": {
            "id": bubble.sender.id,
            "username": bubble.sender.username,
            "display_name": bubble.sender.display_name,
        },
        "kind": bubble.kind,
        "body": bubble.body,
        "at": bubble.at,
        "expires_at": bubble.expires_at,
        "edited": bubble.edited,
        "deleted": bubble.deleted,
        "event": {"type": note.type, "subjects": [each.id for each in note.subjects], "value": note.value}
        if note
        else None,
        "extras": {extra.name: extra.value for extra in bubble.extras},
    }
