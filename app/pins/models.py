"""Which messages a chat keeps in everybody's sight, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from app.chats.models import Moving
from app.db import Number
from app.messages.bubbles import Bubble, moving
from app.users.models import Person


class Pin(SQLModel, table=True):
    """The message `seq` is pinned until `ends_at`; its row is removed soon after."""

    __tablename__ = "pins"
    __table_args__ = (
        ForeignKeyConstraint(["chat_id", "seq"], ["messages.chat_id", "messages.seq"], ondelete="CASCADE"),
    )

    chat_id: int = Field(sa_type=Number, primary_key=True)
    seq: int = Field(sa_type=Number, primary_key=True)
    user_id: int = Field(sa_type=Number, foreign_key="users.id")
    pinned_at: datetime
    ends_at: datetime = Field(index=True)


@dataclass(frozen=True, slots=True)
class Pinned:
    """A pinned message as somebody sees it, and who pinned it."""

    message: Bubble
    by: Person
    pinned_at: datetime
    ends_at: datetime

    @property
    def until(self) -> datetime:
        """When it goes from the banner, because the pin ends or the message."""
        return min(self.ends_at, self.message.expires_at or self.ends_at)

    @property
    def short(self) -> Moving:
        """The message in one line."""
        return moving(self.message)
