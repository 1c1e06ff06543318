"""Finds messages, chats and people; nothing that somebody may not see."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import regex
from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, now
from app.errors import Invalid, NotFound
from app.inbox import service as inbox
from app.mentions import service as mentions
from app.mentions.models import Mentions
from app.messages import history, text
from app.messages.models import Message
from app.messages.parts import KINDS
from app.search import tokens
from app.search.folding import Piece, fold, snippet
from app.search.query import Asked
from app.search.walk import Place, Walked, Wanted, walk
from app.users import service as users
from app.users.models import Person

PAGE = 20
COUNTED = 1000  # hits inside one chat that are counted and gone through
TITLES = 6
SWITCHED = 12
# For more chats than these a look at each hit is cheaper than to ask the index for them all.
MOST_CHATS = 200
DAY = timedelta(days=1)
FIRST_DAY = date(1970, 1, 1)
NOWHERE = tokens.in_chat(0)  # no message has it
PLAIN = 2000  # characters of a message that is shown without its marks
NOBODY = "Nobody here is called “{}”."
NO_CHAT = "You have no chat called “{}”."
NO_SORT = "No message has “{}”; has: takes one of {}."


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that was found."""

    number: int  # in the index
    chat: Conversation
    id: str
    seq: int
    sender: Person
    at: datetime
    icon: str
    snippet: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search answers. `rest` is where its next page begins; `problem` a sentence on why there is nothing."""

    hits: Sequence[Hit] = ()
    rest: int | None = None
    chats: Sequence[Conversation] = ()
    people: Sequence[Person] = ()
    places: Sequence[Place] = ()
    problem: str = ""


def has_names() -> list[str]:
    """What `has:` may ask for."""
    return ["link", *sorted(set(KINDS) - {"text", "note"})]


async def search(work: Work, user: Person, asked: Asked, zone: ZoneInfo, before: int | None = None) -> Found:
    """A page of messages, and on the first one the chats and people of that name, too."""
    if asked.problem or asked.is_empty:
        return Found(problem=asked.problem)
    mine = await chats.conversations(work, user)
    found = await _names(work, user, asked, mine) if not asked.filters and before is None else Found()
    try:
        wanted = await _wanted(work, user, asked, mine, zone)
    except Invalid as refusal:
        return Found(problem=refusal.message)
    walked = await walk(work, user.id, wanted, PAGE + 1, before)
    places = walked.places[:PAGE]
    return replace(found, hits=await _hits(work, asked, mine, places), rest=_rest(walked))


def _rest(walked: Walked) -> int | None:
    """Where the next page begins."""
    return walked.places[PAGE - 1].number if len(walked.places) > PAGE else walked.rest


async def inside(
    work: Work, user: Person, chat: Conversation, asked: Asked, zone: ZoneInfo, before: int | None = None
) -> Found:
    """All hits in one chat as places, up to COUNTED, and the newest of them as hits."""
    if asked.problem or asked.is_empty:
        return Found(problem=asked.problem)
    try:
        wanted = await _wanted(work, user, asked, [chat], zone)
    except Invalid as refusal:
        return Found(problem=refusal.message)
    walked = await walk(work, user.id, wanted, COUNTED, before)
    hits = await _hits(work, asked, [chat], walked.places[:PAGE])
    return Found(hits, walked.rest, places=walked.places)


async def _names(work: Work, user: Person, asked: Asked, mine: Sequence[Conversation]) -> Found:
    """The chats and people whose names hold what is looked for."""
    named = [chat for chat in mine if all(each.pattern.search(fold(chat.title)) for each in asked.needles)]
    people = await users.directory(work, asked.words, TITLES + 1)
    partners = {chat.partner.id for chat in named if chat.partner}
    strangers = [person for person in people if person.id not in partners | {user.id}]
    return Found(chats=named[:TITLES], people=strangers[:TITLES])


async def _wanted(work: Work, user: Person, asked: Asked, mine: Sequence[Conversation], zone: ZoneInfo) -> Wanted:
    """Raises Invalid for a person or chat that is nobody's and none."""
    filters, groups = asked.filters, list[Sequence[str]]()
    here = _chats_called(filters["in"], mine) if "in" in filters else mine
    people = await _people_called(work, user, filters["from"]) if "from" in filters else []
    has_chats = "in" in filters or len(here) <= MOST_CHATS
    if has_chats and len(people) == 1:
        groups.append([tokens.by_in(people[0], chat.id) for chat in here] or [NOWHERE])
    else:
        if has_chats:
            groups.append([tokens.in_chat(chat.id) for chat in here] or [NOWHERE])
        if people:
            groups.append([tokens.by(id_) for id_ in people])
    if "has" in filters:
        groups.append([tokens.has(_known_has(filters["has"]))])
    since = _midnight(asked.after + DAY, zone) if asked.after else None
    until = _midnight(asked.before, zone) if asked.before else None
    if since or until:
        first = since.astimezone(UTC).date() if since else FIRST_DAY
        last = until.astimezone(UTC).date() if until else now().date() + DAY
        groups.append(tokens.of_days(first, last) or [NOWHERE])
    return Wanted(tuple(map(tuple, groups)), asked.needles, since, until)


def _known_has(name: str) -> str:
    """Raises Invalid."""
    if name.casefold() not in has_names():
        raise Invalid(has=NO_SORT.format(name, ", ".join(has_names())))
    return name.casefold()


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _chats_called(name: str, mine: Sequence[Conversation]) -> Sequence[Conversation]:
    """Those of exactly that title, else those whose title holds it. Raises Invalid."""
    wanted = fold(name.lstrip("#"))
    exact = [chat for chat in mine if fold(chat.title) == wanted]
    found = exact or [chat for chat in mine if wanted in fold(chat.title)]
    if not found:
        raise Invalid(**{"in": NO_CHAT.format(name)})
    return found


async def _people_called(work: Work, user: Person, name: str) -> Sequence[int]:
    """Whose username it is, else those whose name holds it; `me` is oneself. Raises Invalid."""
    if name.casefold() == "me":
        return [user.id]
    found = await users.directory(work, name)
    wanted = fold(name.lstrip("@"))
    exact = [person for person in found if wanted in (person.username.casefold(), fold(person.display_name))]
    if not found or (name.startswith("@") and not exact):
        raise Invalid(**{"from": NOBODY.format(name)})
    return [person.id for person in exact or found]


async def switcher(work: Work, user: Person, words: str) -> Found:
    """Where somebody may want to go: chats, the latest first, and people; those whose names hold all the words."""
    rows = await inbox.rows(work, user)
    wanted = [each for word in fold(words).split() if (each := tokens.needle(word))]
    named = [row.chat for row in rows if all(each.pattern.search(fold(row.title)) for each in wanted)]
    partners = {row.chat.partner.id for row in rows if row.chat.partner}
    people = await users.directory(work, words, TITLES) if words else []
    return Found(
        chats=named[:SWITCHED], people=[person for person in people if person.id not in partners | {user.id}]
    )


async def _hits(work: Work, asked: Asked, mine: Sequence[Conversation], places: Sequence[Place]) -> Sequence[Hit]:
    """These messages with what is shown of them."""
    if not places:
        return []
    # Not a tuple in a list of tuples: SQLite would read all messages for that.
    each_place = [(col(Message.chat_id) == place.chat_id) & (col(Message.seq) == place.seq) for place in places]
    messages = await work.all(select(Message).where(or_(*each_place)))
    known = {(each.chat_id, each.seq): each for each in messages}
    here = {chat.id: chat for chat in mine}
    people = await users.several(work, {each.sender_id for each in messages})
    named = await mentions.of(work, messages)
    patterns = [each.pattern for each in asked.needles]
    return [
        Hit(
            number, here[each.chat_id], each.id, each.seq, people[each.sender_id], each.created_at,
            KINDS[each.kind].icon,
            snippet(_shown(each.body, named.get((each.chat_id, each.seq)), patterns), patterns),
        )
        for number, *key in places
        for each in [known[key[0], key[1]]]
    ]  # fmt: skip


def _shown(body: str, named: Mentions | None, patterns: Collection[regex.Pattern[str]]) -> str:
    """A text as previews tell of it: with the names that people have now, and without its marks; nearer to how it was
    written where what was looked for is seen only there, as a username is.
    """
    if len(body) > PLAIN and not named:
        return body
    forms = (form for form in _forms(body, named) if _holds(form, patterns))
    return next(forms, body)


def _forms(body: str, named: Mentions | None) -> Iterator[str]:
    for told in (named.plain(body), body) if named else (body,):
        yield told if len(body) > PLAIN else text.plain(told, PLAIN)


def _holds(shown: str, patterns: Collection[regex.Pattern[str]]) -> bool:
    folded = fold(shown)
    return all(pattern.search(folded) for pattern in patterns)


async def on_day(work: Work, user: Person, chat: Conversation, day: date, zone: ZoneInfo) -> tuple[int, str]:
    """The first message that `user` may see from that day on, else the last one before it, as seq and id. Raises
    NotFound where there is none.

    Later messages have higher numbers, so halving finds it, however long the chat is.
    """
    after = partial(history.visible_after, chat.id, user.id)
    wanted, low, high = _midnight(day, zone), 1, chat.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        near = await work.first(_first(after(middle - 1)))
        if near is None or near.created_at >= wanted:
            high = middle
        else:
            low = near.seq + 1
    kept, by_seq = history.kept(chat.id, user.id).limit(1), col(Message.seq)
    ways = [
        _first(after(low - 1)),
        select(Message).where(after()).order_by(by_seq.desc()).limit(1),
        kept.order_by(by_seq.desc()),
    ]
    if chat.cleared_revision:  # what was kept of that lies before all else
        ways.insert(0, kept.where(col(Message.created_at) >= wanted).order_by(by_seq))
    for way in ways:
        if found := await work.first(way):
            return found.seq, found.id
    raise NotFound


def _first(condition: ColumnElement[bool]) -> SelectOfScalar[Message]:
    """The first message of those."""
    return select(Message).where(condition).order_by(col(Message.seq)).limit(1)
