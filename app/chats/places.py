"""The hot path's look at chats: who may say something there, and which numbers come next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import col

from app.chats import broadcasts
from app.chats.models import Membership
from app.chats.service import Step
from app.db import Work
from app.hot import Hot

# The membership is locked, too: of rows that it locks PostgreSQL shows the newest state, of others an older one.
PLACES = Hot(
    """SELECT c.id, m.user_id, c.kind, c.last_seq, c.revision, m.is_present, m.read_seq, m.draft, c.lifetime
    FROM {rows} JOIN chats c ON c.id = w.chat JOIN memberships m ON m.chat_id = w.chat AND m.user_id = w.member
    ORDER BY c.id {lock}""",
    lock="FOR NO KEY UPDATE OF c, m",
    chat="bigint",
    member="bigint",
)
ADVANCE = Hot(
    "UPDATE chats SET last_seq = w.seq, revision = w.revision FROM {rows} WHERE chats.id = w.chat",
    chat="bigint",
    seq="bigint",
    revision="bigint",
)
EMPTY = Hot(
    """UPDATE memberships SET draft = ''
    FROM {rows} WHERE memberships.chat_id = w.chat AND memberships.user_id = w.member""",
    chat="bigint",
    member="bigint",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A chat and somebody's membership in it."""

    chat_id: int
    user_id: int
    kind: str
    last_seq: int
    revision: int
    is_present: bool
    read_seq: int
    draft: str
    lifetime: int


async def lock(work: Work, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    """The places of these (chat id, user id) that exist; their chats stay locked until the work ends."""
    rows = await work.many(PLACES, [{"chat": chat_id, "member": user_id} for chat_id, user_id in pairs])
    found = {(row[0], row[1]): Place(*row) for row in rows}
    work.hold({chat_id for chat_id, _ in found})
    return found


async def advance(work: Work, steps: Mapping[int, Step]) -> None:
    """Set the numbers of chats that are locked: nobody else takes any meanwhile, so the order of numbers is that of
    commits.
    """
    rows = [{"chat": chat_id, "seq": step.seq, "revision": step.revision} for chat_id, step in steps.items()]
    await work.change(ADVANCE, rows)


async def drop_drafts(work: Work, pairs: Collection[tuple[int, int]]) -> None:
    """What these (chat id, user id) had begun to write was sent."""
    await work.change(EMPTY, [{"chat": chat_id, "member": user_id} for chat_id, user_id in pairs])
    for chat_id, user_id in pairs:
        work.announce(broadcasts.drafted, chat_id, user_id, "")


async def pass_over(work: Work, chat_id: int, seq: int) -> None:
    """Let the newest message be no news in lists of chats: rows stay where they are, and what is put away
    stays so.
    """
    here = update(Membership).where(col(Membership.chat_id) == chat_id)
    archived, removed = col(Membership.archived_seq), col(Membership.cleared_seq)
    await work.execute(here.where(archived == seq - 1).values(archived_seq=seq))
    await work.execute(here.where(removed == seq - 1, col(Membership.is_removed)).values(cleared_seq=seq))
    work.announce(broadcasts.noted, chat_id, seq)
