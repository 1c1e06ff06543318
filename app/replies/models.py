"""What is quoted where, and which reply somebody has begun."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.db import Number
from app.users.models import hue


class Quote(SQLModel, table=True):
    """The message `seq` of `chat_id` quotes another one, mostly of the same chat.

    `excerpt` is what the original said, or says since it was edited; nothing is left of it when the original goes.
    """

    __tablename__ = "quotes"
    __table_args__ = (Index("ix_quotes_from_chat_id", "from_chat_id", "from_seq"),)

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    from_chat_id: int = Field(sa_type=Number, foreign_key="chats.id", ondelete="CASCADE")
    from_seq: int = Field(sa_type=Number)
    from_id: str
    sender_id: int = Field(sa_type=Number, foreign_key="users.id")
    kind: str
    excerpt: str
    is_gone: bool = False


class BegunReply(SQLModel, table=True):
    """Somebody's draft in `chat_id` answers the message `from_seq` of `from_chat_id`."""

    __tablename__ = "begun_replies"

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    from_chat_id: int = Field(sa_type=Number, foreign_key="chats.id", ondelete="CASCADE")
    from_seq: int = Field(sa_type=Number)


@dataclass(frozen=True, slots=True)
class Quoted:
    """A quote as it is shown.

    `state` is "shown"; "unlinked", when it is from a chat that the reader does not see; "withheld", when it is from
    before they came, or they do not see the original for another reason; or "gone", when that was deleted.
    """

    state: str
    chat_id: int = 0
    seq: int = 0
    id: str = ""
    sender_id: int = 0
    sender_name: str = ""
    icon: str = ""
    text: str = ""

    @property
    def hue(self) -> int:
        return hue(self.sender_id)


@dataclass(frozen=True, slots=True)
class Begun:
    """The reply that a composer is about to send."""

    chat_id: int
    from_chat_id: int | None
    quote: Quoted
    # From then on it cannot be answered any more.
    expires_at: datetime | None = None
