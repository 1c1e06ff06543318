"""The hot path: what waits to be said goes into the database together, in a handful of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import col, select

from app.chats import places
from app.chats import service as chats
from app.chats.models import GONE
from app.chats.places import Place
from app.chats.service import Step
from app.db import Work, now
from app.errors import Conflict, Invalid, NotFound, Refused
from app.hot import Hot, moment
from app.messages import broadcasts, parts
from app.messages.bubbles import Bubble, bubble, mentioned, moving
from app.messages.drafts import Draft, starts_run
from app.messages.history import unexpired
from app.messages.models import Message
from app.messages.parts import Part
from app.receipts import service as receipts
from app.receipts.marks import Mark
from app.users import service as users
from app.users.models import Person

USED = "Another message was sent from this form already. Send this one now if you still want to."

# For each of them its place, the message that has its id already, and the newest one of its chat.
NEAR = Hot(
    f"""SELECT {places.COLUMNS}, known.id, newest.kind, newest.sender_id, newest.created_at FROM {places.FOUND}
    LEFT JOIN messages known ON known.chat_id = w.chat AND known.id = w.id
    LEFT JOIN messages newest ON newest.chat_id = c.id AND newest.seq = c.last_seq""",  # noqa: S608
    chat="bigint",
    member="bigint",
    id="text",
)
COLUMNS = {
    "chat_id": "bigint",
    "seq": "bigint",
    "id": "text",
    "sender_id": "bigint",
    "kind": "text",
    "body": "text",
    "extras": "text",
    "fingerprint": "text",
    "revision": "bigint",
    "starts_run": "boolean",
    "created_at": "timestamptz",
    "expires_at": "timestamptz",
}
STORE = Hot(
    f"""INSERT INTO messages ({", ".join(COLUMNS)})
    SELECT {", ".join(f"w.{name}" for name in COLUMNS)} FROM {{rows}} WHERE true""",  # noqa: S608
    **COLUMNS,
)


@dataclass(frozen=True, slots=True)
class Sending:
    """Somebody's wish to say something in a chat."""

    user: Person
    chat_id: int
    draft: Draft


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it: the message, and whether it is new or was there from an earlier attempt."""

    bubble: Bubble
    is_new: bool


@dataclass(frozen=True, slots=True)
class Repeat:
    """A message with the id of this wish was there before; `repeated` knows what that means."""

    wish: Sending
    place: Place | None


Answer = Sent | Refused | Repeat


@dataclass(frozen=True, slots=True)
class Newest:
    """The message after which the next one stands."""

    kind: str
    sender_id: int
    created_at: datetime


async def send_all(work: Work, wishes: Sequence[Sending]) -> list[Answer]:
    """Say all of this; answers for each wish, in their order, what became of it or why not.

    Where no draft brings something for extras, it does as `Database.optimistic` wants it.
    """
    await places.lock(work, {(each.chat_id, each.user.id) for each in wishes})
    near = [{"chat": each.chat_id, "member": each.user.id, "id": each.draft.id} for each in wishes]
    found: dict[tuple[int, int], Place] = {}
    known: set[tuple[int, str]] = set()
    newest: dict[int, Newest] = {}
    for *there, id_, kind, sender_id, at in await work.many(NEAR, near):
        chat_id, user_id = there[:2]
        found[chat_id, user_id] = Place(*there)
        known.add((chat_id, id_))
        if kind:
            newest[chat_id] = Newest(kind, sender_id, moment(at))
    batch = _Batch(found, newest)
    answers: list[Answer] = []
    for each in wishes:
        place = found.get((each.chat_id, each.user.id))
        if (each.chat_id, each.draft.id) in known:
            answers.append(Repeat(each, place))
        elif each.draft.brings and (refused := await _refused(work, each, place)):
            answers.append(refused)
        else:
            answers.append(batch.say(each))
    await batch.store(work)
    return [batch.as_stored(answer) for answer in answers]


async def _refused(work: Work, wish: Sending, place: Place | None) -> Refused | None:
    return _refusal(place) or await parts.refusal(work, wish.chat_id, wish.user.id, wish.draft.brings)


def _refusal(place: Place | None) -> Refused | None:
    if place is None:
        return NotFound()
    return None if place.is_present else Invalid(body=GONE)


async def repeated(work: Work, repeats: Sequence[Repeat]) -> list[Sent | Refused]:
    """The messages that are there are the answers, where they were these wishes."""
    found: dict[tuple[int, str], Bubble | Refused] = {}
    for chat_id in {each.wish.chat_id for each in repeats}:
        found |= await _known(work, chat_id, [each for each in repeats if each.wish.chat_id == chat_id])
    answers = (found[each.wish.chat_id, each.wish.draft.id] for each in repeats)
    return [each if isinstance(each, Refused) else Sent(each, False) for each in answers]


async def _known(work: Work, chat_id: int, repeats: Sequence[Repeat]) -> dict[tuple[int, str], Bubble | Refused]:
    """The same for the wishes of one person in one chat, by their ids."""
    place, user = repeats[0].place, repeats[0].wish.user
    if refusal := _refusal(place):
        return {(chat_id, each.wish.draft.id): refusal for each in repeats}
    assert place
    these = Message.chat_id == chat_id, col(Message.id).in_([each.wish.draft.id for each in repeats])
    known = {message.id: message for message in await work.all(select(Message).where(*these, unexpired()))}
    people = await users.several(work, {id_ for message in known.values() for id_ in mentioned(message)})
    extras = await parts.load(work, chat_id, {each.seq: each.extras.split() for each in known.values()}, user.id)
    answers: dict[tuple[int, str], Bubble | Refused] = {}
    for draft in (each.wish.draft for each in repeats):
        there = known.get(draft.id)
        is_same = there and (there.sender_id, there.fingerprint) == (user.id, draft.fingerprint)
        answers[chat_id, draft.id] = (
            bubble(there, place.kind == "group", people, extras.get(there.seq, ()))
            if there and is_same
            else Conflict(USED, {"body": USED})
        )
    return answers


class _Batch:
    """Messages that are on their way into the database together."""

    def __init__(self, found: Mapping[tuple[int, int], Place], newest: dict[int, Newest]) -> None:
        self.places = found
        self.newest = newest
        self.steps: dict[int, Step] = {}
        self.sent: dict[tuple[int, str], tuple[Sending, Bubble]] = {}

    def say(self, wish: Sending) -> Sent | Refused:
        place = self.places.get((wish.chat_id, wish.user.id))
        if refusal := _refusal(place):
            return refusal
        if twin := self.sent.get((wish.chat_id, wish.draft.id)):
            is_same = twin[0].user.id == wish.user.id and twin[0].draft.fingerprint == wish.draft.fingerprint
            return Sent(twin[1], False) if is_same else Conflict(USED, {"body": USED})
        assert place
        shown = self._shown(wish, place)
        self.sent[wish.chat_id, wish.draft.id] = wish, shown
        return Sent(shown, True)

    def _shown(self, wish: Sending, place: Place) -> Bubble:
        """The message, with the next numbers of its chat."""
        before, at = self.steps.get(place.chat_id, Step(place.last_seq, place.revision)), now()
        step = self.steps[place.chat_id] = Step(before.seq + 1, before.revision + 1)
        kind = wish.draft.kind
        begins = starts_run(self.newest.get(place.chat_id), kind, wish.user.id, at)
        self.newest[place.chat_id] = Newest(kind, wish.user.id, at)
        return Bubble(
            id=wish.draft.id, chat_id=place.chat_id, seq=step.seq, revision=step.revision, sender=wish.user,
            kind=kind, body=wish.draft.body, at=at, starts_run=begins, edited=False, deleted=False,
            in_group=place.kind == "group",
            expires_at=at + timedelta(seconds=place.lifetime) if place.lifetime else None,
        )  # fmt: skip

    async def store(self, work: Work) -> None:
        if not self.sent:
            return
        if marks := self._marks():
            await work.require_lock()  # pointers move without a revision
            await receipts.store_locked(work, marks)
        await places.advance(work, {place.chat_id: place.revision for place in self.places.values()}, self.steps)
        await work.change(STORE, [_row(wish, shown) for wish, shown in self.sent.values()])
        if any(wish.draft.brings for wish, _ in self.sent.values()):
            await self._add_extras(work)
        for _, shown in self.sent.values():
            work.announce(broadcasts.sent, shown)
            chats.tell_newest(work, moving(shown))
        drafts = {(wish.chat_id, wish.user.id) for wish, _ in self.sent.values()}
        if drafts := {key for key in drafts if self.places[key].draft}:
            await places.drop_drafts(work, drafts)

    def _marks(self) -> dict[tuple[int, int], Mark]:
        """How far senders have read, where that is news."""
        marks: dict[tuple[int, int], Mark] = {}
        for wish, shown in self.sent.values():
            key = wish.chat_id, wish.user.id
            if wish.draft.seen > self.places[key].read_seq:
                marks[key] = marks.get(key, Mark()).raised(Mark(0, min(wish.draft.seen, shown.seq - 1)))
        return marks

    async def _add_extras(self, work: Work) -> None:
        """Let features store what messages bring for them, and show it."""
        bringing = [(key, wish, shown) for key, (wish, shown) in self.sent.items() if wish.draft.brings]
        await parts.store(work, [
            (name, Part(shown.chat_id, shown.seq, wish.user.id, value))
            for _, wish, shown in bringing
            for name, value in wish.draft.brings.items()
        ])  # fmt: skip
        for chat_id in {key[0] for key, *_ in bringing}:
            here = [each for each in bringing if each[0][0] == chat_id]
            extras = await parts.load(work, chat_id, {shown.seq: wish.draft.brings for _, wish, shown in here})
            for key, wish, shown in here:
                self.sent[key] = wish, replace(shown, extras=extras.get(shown.seq, ()))

    def as_stored(self, answer: Answer) -> Answer:
        """The answer with the extras that the message got after it was made."""
        if not isinstance(answer, Sent) or not (found := self.sent.get((answer.bubble.chat_id, answer.bubble.id))):
            return answer
        return replace(answer, bubble=found[1])


def _row(wish: Sending, shown: Bubble) -> dict[str, Any]:
    names = ("chat_id", "seq", "id", "kind", "body", "revision", "starts_run", "expires_at")
    values = {name: getattr(shown, name) for name in names}
    return {
        **values,
        "sender_id": wish.user.id,
        "extras": parts.changed("", wish.draft.brings),
        "fingerprint": wish.draft.fingerprint,
        "created_at": shown.at,
    }
