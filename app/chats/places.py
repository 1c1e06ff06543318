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
from app.hot import Guard, Hot

# What a `Place` holds, in its order, and where it is found for `{rows}` with a chat and a member. The sum keeps
# PostgreSQL from looking up the membership by the chat that it found: it would take all of the chat's.
COLUMNS = "c.id, m.user_id, c.kind, c.last_seq, c.revision, m.is_present, m.read_seq, m.draft, c.lifetime"
FOUND = """{rows} JOIN memberships m ON m.chat_id = w.chat AND m.user_id = w.member
    JOIN chats c ON c.id = w.chat + 0"""
LOCK = Hot(
    f"SELECT c.id FROM {FOUND} ORDER BY c.id {{lock}}",  # noqa: S608
    lock="FOR NO KEY UPDATE OF c, m",
    chat="bigint",
    member="bigint",
)
ADVANCE = Guard(
    """UPDATE chats SET last_seq = w.seq, revision = w.revision
    FROM {rows} WHERE chats.id = w.chat AND chats.revision = w.before""",
    chat="bigint",
    before="bigint",
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


async def lock(work: Work, pairs: Collection[tuple[int, int]]) -> None:
    """Let nobody else change the chats of these (chat id, user id) until the work ends; an optimistic one will notice
    if somebody does.
    """
    await work.lock(LOCK, [{"chat": chat_id, "member": user_id} for chat_id, user_id in pairs])


async def advance(work: Work, before: Mapping[int, int], steps: Mapping[int, Step]) -> None:
    """Set the numbers of chats that were locked, so that their order is that of commits. `before` are the revisions
    that were seen.
    """
    rows = [
        {"chat": chat_id, "before": before[chat_id], "seq": step.seq, "revision": step.revision}
        for chat_id, step in steps.items()
    ]
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
