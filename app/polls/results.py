"""What a poll shows: how many chose what, and who."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, func
from sqlmodel import col, select

from app.db import Work
from app.polls.models import Poll, Vote
from app.users.models import Person, User, hue, initials

FACES = 3
# Up to so many votes a bubble names all who gave them; with more it would become a book.
NAMED = 200
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Face:
    """Somebody who chose an option, as their initials."""

    id: int
    name: str

    @property
    def initials(self) -> str:
        return initials(self.name)

    @property
    def hue(self) -> int:
        return hue(self.id)


@dataclass(frozen=True, slots=True)
class Choice:
    """An option: how many chose it, the last of them, and the ids of all while the poll has few votes."""

    text: str
    count: int = 0
    faces: tuple[Face, ...] = ()
    users: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A poll as its bubble shows it; `is_big` when nobody but the last voters is named."""

    multiple: bool
    choices: tuple[Choice, ...]
    voters: int = 0
    is_big: bool = False


@dataclass(frozen=True, slots=True)
class Voter:
    """Somebody who chose an option, and when."""

    user: Person
    at: datetime


@dataclass(frozen=True, slots=True)
class Answers:
    """A poll with who chose what, as one member sees it: `mine` are the options of their own."""

    result: Result
    mine: tuple[int, ...]
    voters: dict[int, list[Voter]]


_IN_POLL = [col(Vote.seq)]
_IN_OPTION = [col(Vote.seq), col(Vote.option)]
LATEST = [col(Vote.voted_at).desc(), col(Vote.user_id)]
# How many different ones there are: from each end its rank among them.
_people = (
    func.dense_rank().over(partition_by=_IN_POLL, order_by=col(Vote.user_id))
    + func.dense_rank().over(partition_by=_IN_POLL, order_by=col(Vote.user_id).desc())
    - 1
)
# Each vote with its place among those of its option, and what it adds up to: with how many other votes, and people.
RANKED = (
    select(Vote)
    .join(User, col(User.id) == col(Vote.user_id))
    .where(col(Vote.chat_id) == bindparam("chat"), col(Vote.seq).in_(bindparam("seqs", expanding=True)))
    .with_only_columns(
        col(Vote.seq),
        col(Vote.option),
        col(Vote.user_id),
        col(User.display_name),
        func.row_number().over(partition_by=_IN_OPTION, order_by=LATEST).label("place"),
        func.count().over(partition_by=_IN_OPTION).label("count"),
        func.count().over(partition_by=_IN_POLL).label("votes"),
        _people.label("voters"),
    )
    .subquery()
)
SEEN = (
    RANKED.select()
    .where((RANKED.c.place <= FACES) | (RANKED.c.votes <= NAMED))
    .order_by(RANKED.c.seq, RANKED.c.option, RANKED.c.place)
)
ASKED = select(Poll).where(
    col(Poll.chat_id) == bindparam("chat"), col(Poll.seq).in_(bindparam("seqs", expanding=True))
)


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, Result]:
    """The polls of these messages with what was answered: two queries, however many there are."""
    values = {"chat": chat_id, "seqs": list(seqs)}
    polls = await work.all(ASKED, values)
    votes: dict[int, list[Any]] = {}
    for row in await work.rows(SEEN, values):
        votes.setdefault(row.seq, []).append(row)
    return {poll.seq: _result(poll, votes.get(poll.seq, [])) for poll in polls}


def _result(poll: Poll, votes: Sequence[Any]) -> Result:
    is_big = bool(votes) and votes[0].votes > NAMED
    by_option = {option: list(rows) for option, rows in groupby(votes, key=lambda row: row.option)}
    choices = [_choice(text, by_option.get(option, []), is_big) for option, text in enumerate(poll.options)]
    return Result(poll.multiple, tuple(choices), votes[0].voters if votes else 0, is_big)


def _choice(text: str, votes: Sequence[Any], is_big: bool) -> Choice:
    if not votes:
        return Choice(text)
    faces = tuple(Face(row.user_id, row.display_name) for row in votes[:FACES])
    return Choice(text, votes[0].count, faces, () if is_big else tuple(sorted(row.user_id for row in votes)))


async def voters(work: Work, chat_id: int, seq: int, option: int | None) -> dict[int, list[Voter]]:
    """Who chose what: of each option the last few, or of one `option` all."""
    ranked = (
        select(Vote)
        .where(Vote.chat_id == chat_id, Vote.seq == seq)
        .with_only_columns(
            *Vote.__table__.columns,  # type: ignore[attr-defined]
            func.row_number().over(partition_by=_IN_OPTION, order_by=LATEST).label("place"),
        )
        .subquery()
    )
    chosen = ranked.c.place <= SHOWN if option is None else ranked.c.option == option
    columns = (*User.__table__.columns, ranked.c.option, ranked.c.voted_at)  # type: ignore[attr-defined]
    statement = select(User).join(ranked, col(User.id) == ranked.c.user_id).where(chosen).order_by(ranked.c.place)
    found: dict[int, list[Voter]] = {}
    for row in await work.rows(statement.with_only_columns(*columns)):
        found.setdefault(row.option, []).append(Voter(Person.of(row), row.voted_at))
    return found
