"""What each member chooses about a chat for themselves alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, func, update
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Membership
from app.db import Work, now
from app.errors import Conflict, Invalid
from app.messages.models import KeptMessage
from app.stars import service as stars
from app.switches import broadcasts
from app.users.models import Person, User

MOST_PINNED = 5
ALWAYS = datetime(9000, 1, 1, tzinfo=UTC)
MUTES = {"8h": timedelta(hours=8), "1w": timedelta(weeks=1)}


async def pin(work: Work, user: Person, chat_id: int, on: bool) -> None:
    """Keep a chat above the others, the one pinned last on top. Raises NotFound, and Conflict for one too many."""
    # Of two pins at the same moment the second counts the first.
    await work.first(select(User.id).where(col(User.id) == user.id).with_for_update(key_share=True))
    chat = await chats.require_member(work, chat_id, user)
    if on == (chat.pinned_at is not None):
        return
    if on and await _pinned(work, user) >= MOST_PINNED:
        raise Conflict(f"You can pin {MOST_PINNED} chats. Unpin one of them first.")
    values = {"pinned_at": now(), "archived_seq": None} if on else {"pinned_at": None}
    await chats.switch(work, chat_id, user.id, **values)


async def _pinned(work: Work, user: Person) -> int:
    pinned = select(func.count()).where(col(Membership.user_id) == user.id, col(Membership.pinned_at).is_not(None))
    return (await work.all(pinned))[0]


async def mute(work: Work, user: Person, chat_id: int, how_long: str) -> None:
    """Let a chat be silent for `8h`, `1w` or `always`, or no more (`off`). It ends by itself: whoever reads the time
    compares it with now. Raises NotFound or Invalid.
    """
    await chats.require_member(work, chat_id, user)
    if how_long not in (*MUTES, "always", "off"):
        raise Invalid(for_=f"This must be one of {', '.join(MUTES)}, always, off.")
    until = now() + MUTES[how_long] if how_long in MUTES else ALWAYS if how_long == "always" else None
    await chats.switch(work, chat_id, user.id, muted_until=until)


async def archive(work: Work, user: Person, chat_id: int, on: bool) -> None:
    """Put a chat away, or back into the list; what is pinned cannot be put away at once. Raises NotFound."""
    chat = await chats.require_member(work, chat_id, user)
    values = {"archived_seq": chat.last_seq, "pinned_at": None} if on else {"archived_seq": None}
    await chats.switch(work, chat_id, user.id, **values)


async def keep_archived(work: Work, user: Person, on: bool) -> None:
    """Whether archived chats stay so when something is said in them."""
    await work.execute(update(User).where(col(User.id) == user.id).values(keeps_archived=on))
    work.announce(broadcasts.changed, user.id)


async def keeps_archived(work: Work, user: Person) -> bool:
    return (await work.all(select(User.keeps_archived).where(col(User.id) == user.id)))[0]


async def favour(work: Work, user: Person, chat_id: int, on: bool) -> None:
    """Count a chat among the favourites. Raises NotFound."""
    await chats.require_member(work, chat_id, user)
    await chats.switch(work, chat_id, user.id, is_favourite=on)


async def mark_unread(work: Work, user: Person, chat_id: int, on: bool) -> None:
    """Remember to come back to a chat, until it is opened; nobody else learns of it. Raises NotFound."""
    chat = await chats.require_member(work, chat_id, user)
    if chat.is_marked_unread != on:
        await chats.switch(work, chat_id, user.id, is_marked_unread=on)


async def clear(work: Work, user: Person, chat_id: int, keep_starred: bool = False) -> None:
    """Empty a chat for oneself, but for what one starred in it where that is to be kept. Raises NotFound."""
    await _clear(work, user, chat_id, keep_starred, is_removed=False)


async def remove(work: Work, user: Person, chat_id: int) -> None:
    """The same, and take it off the list until something is said in it again. Raises NotFound."""
    chosen = {"pinned_at": None, "archived_seq": None, "is_favourite": False}
    await _clear(work, user, chat_id, False, is_removed=True, draft="", **chosen)


async def _clear(work: Work, user: Person, chat_id: int, keep_starred: bool, **values: object) -> None:
    chat = await chats.require_member(work, chat_id, user, locked=True)
    if keep_starred:
        await stars.keep(work, user, chat_id)
    else:
        mine = col(KeptMessage.user_id) == user.id, col(KeptMessage.chat_id) == chat_id
        await work.execute(delete(KeptMessage).where(*mine))
    revision = await chats.revise(work, chat_id)
    floor = {"cleared_seq": chat.last_seq, "cleared_revision": revision, "cleared_at": now()}
    await chats.switch(work, chat_id, user.id, is_marked_unread=False, **floor, **values)
    work.announce(broadcasts.cleared, chat_id, user.id, revision)
