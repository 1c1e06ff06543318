"""Reactions: one emoji a person a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Field, SQLModel

from app.db import Number, now


class Reaction(SQLModel, table=True):
    """What somebody thinks of a message; another emoji takes its place."""

    __tablename__ = "reactions"

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    emoji: str
    created_at: datetime = Field(default_factory=now)


def short(count: int) -> str:
    """A number in as little room as there is at the edge of a bubble: 999, 1.2K, 15K."""
    if count < 1000:
        return str(count)
    return f"{count // 100 / 10:g}K" if count < 10_000 else f"{count // 1000}K"


@dataclass(frozen=True, slots=True)
class Chip:
    """An emoji, all who chose it by their ids, and the first of them by their names, too."""

    emoji: str
    users: tuple[int, ...]
    names: tuple[tuple[int, str], ...]

    @property
    def count(self) -> int:
        return len(self.users)

    @property
    def short(self) -> str:
        return short(self.count)

    @property
    def more(self) -> int:
        return self.count - len(self.names)


@dataclass(frozen=True, slots=True)
class Reactions:
    """What a bubble shows of its reactions: the emoji that were there first, and who chose one of the others."""

    chips: tuple[Chip, ...]
    rest: tuple[int, ...] = ()

    @property
    def short_rest(self) -> str:
        return short(len(self.rest))
