"""Who has a message: who read it, who got it, who is waited for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import inf

from sqlalchemy import bindparam, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation, Membership, MembershipInterval
from app.db import Work
from app.errors import Forbidden
from app.messages import history
from app.messages.bubbles import Bubble, bubbles
from app.messages.models import Message
from app.receipts import log
from app.receipts.log import Times, moment
from app.users.models import Person, User

STATES = ("read", "delivered", "waiting")
NEVER = Times()

_LATER = aliased(MembershipInterval)
_STAY = MembershipInterval
# Whoever came again begins with new pointers, which tell nothing of what was said before.
_IS_LAST = ~exists().where(
    col(_LATER.chat_id) == col(_STAY.chat_id),
    col(_LATER.user_id) == col(_STAY.user_id),
    col(_LATER.from_seq) > col(_STAY.from_seq),
).correlate(_STAY)
# All others who were in the chat when it was said.
ADDRESSED = (
    select(User)
    .join(_STAY, col(_STAY.user_id) == col(User.id))
    .join(Membership, (col(Membership.chat_id) == col(_STAY.chat_id)) & (col(Membership.user_id) == col(User.id)))
    .where(col(_STAY.chat_id) == bindparam("chat"), col(User.id) != bindparam("sender"))
    .where(col(_STAY.from_seq) <= bindparam("seq"))
    .where(or_(col(_STAY.to_seq).is_(None), col(_STAY.to_seq) >= bindparam("seq")))
    .with_only_columns(
        *(col(column) for column in (User.id, User.username, User.display_name)),
        *(col(column) for column in (Membership.is_present, Membership.delivered_seq, Membership.read_seq)),
        _IS_LAST.label("has_pointers"),
    )
)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody to whom a message was said."""

    person: Person
    state: str
    is_present: bool
    times: Times

    @property
    def since(self) -> int:
        """When they came to their state, in milliseconds; 0 where that is not known."""
        return (self.times.read if self.state == "read" else self.times.delivered) or 0

    @property
    def delivered_at(self) -> datetime | None:
        return moment(self.times.delivered)

    @property
    def read_at(self) -> datetime | None:
        return moment(self.times.read)


@dataclass(frozen=True, slots=True)
class Info:
    """A message of one’s own and who has it: by state, the last first."""

    chat: Conversation
    message: Bubble
    recipients: dict[str, list[Recipient]]

    @property
    def ticks(self) -> str:
        """As far as all came who are still waited for."""
        states = {state for state in STATES for each in self.recipients[state] if each.is_present}
        return "sent" if "waiting" in states else "delivered" if "delivered" in states else "read"


def may_ask(chat: Conversation, message: Message, user: Person) -> bool:
    """Whoever sent it, as long as they are there and it stands."""
    is_own = message.sender_id == user.id and message.kind != "note" and message.deleted_at is None
    return is_own and chat.is_present and chat.kind != "self"


async def info(work: Work, user: Person, chat_id: int, seq: int) -> Info:
    """Raises NotFound for strangers and for what is not for their eyes, Forbidden for what others sent."""
    chat = await chats.require_member(work, chat_id, user)
    message = await history.require_visible(work, chat, user, seq)
    if not may_ask(chat, message, user):
        raise Forbidden("Only whoever sent a message sees who has it.")
    (bubble,) = await bubbles(work, chat, [message], {user.id: user}, user)
    return Info(chat, bubble, _by_state(await _recipients(work, chat, message)))


async def _recipients(work: Work, chat: Conversation, message: Message) -> list[Recipient]:
    values = {"chat": chat.id, "seq": message.seq, "sender": message.sender_id}
    rows = await work.rows(ADDRESSED, values)
    times = await log.times(work, chat.id, message.seq, message.created_at, chat.last_seq)
    found = []
    for id_, username, name, is_present, delivered, read, has_pointers in rows:
        at = times.get(id_, NEVER)
        reached = message.seq if has_pointers else inf
        is_read = at.read is not None or read >= reached
        is_delivered = at.delivered is not None or delivered >= reached
        state = "read" if is_read else "delivered" if is_delivered else "waiting"
        found.append(Recipient(Person(id_, username, name), state, is_present, at))
    return found


def _by_state(recipients: Sequence[Recipient]) -> dict[str, list[Recipient]]:
    found: dict[str, list[Recipient]] = {state: [] for state in STATES}
    for each in sorted(
        recipients, key=lambda each: (-each.since, each.person.display_name.casefold(), each.person.id)
    ):
        found[each.state].append(each)
    return found
