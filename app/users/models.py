"""Who exists: accounts, and whom they keep as contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import regex
from sqlalchemy import true
from sqlmodel import Field, SQLModel

from app.db import Number, identity, now

HUES = 24


class User(SQLModel, table=True):
    """Somebody with an account. Names are compared by their `_key`, shown as they were typed."""

    __tablename__ = "users"

    id: int = Field(sa_column=identity())
    username: str
    username_key: str = Field(unique=True)
    display_name: str
    about: str = ""
    email: str | None = None
    email_key: str | None = Field(default=None, unique=True)
    password_hash: str
    is_admin: bool = False
    # Only the first account has a value here, so two first visitors cannot both be it.
    founder: int | None = Field(default=None, unique=True)
    created_at: datetime = Field(default_factory=now)
    last_seen_at: datetime | None = None
    # Whether chats that they archived stay there when something is said in them.
    keeps_archived: bool = Field(default=True, sa_column_kwargs={"server_default": true()})


class Contact(SQLModel, table=True):
    """`user_id` keeps `contact_id` among their contacts."""

    __tablename__ = "contacts"

    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    contact_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    created_at: datetime = Field(default_factory=now)


@lru_cache(4096)
def initials(name: str) -> str:
    """One or two graphemes that stand for a name."""
    words = [word for word in regex.split(r"[\s\-]+", name) if word]
    firsts = [regex.match(r"\X", word).group() for word in words]
    letters = [first for first in firsts if regex.match(r"[\p{L}\p{N}]", first)] or firsts
    return "".join([letters[0], letters[-1]] if len(letters) > 1 else letters[:1]).upper()


def hue(number: int) -> int:
    """One of the avatar colours, the same for ever for the same id; neighbours differ clearly."""
    return number * 7 % HUES


@dataclass(frozen=True, slots=True)
class Person:
    """What pages show of a user."""

    id: int
    username: str
    display_name: str
    about: str = ""
    is_admin: bool = False
    online: bool = False
    last_seen_at: datetime | None = None

    @classmethod
    def of(cls, user: User, online: bool = False) -> Person:
        """The person behind a row of users, or of a query that selects the same columns."""
        return cls(user.id, user.username, user.display_name, user.about, user.is_admin, online, user.last_seen_at)

    @property
    def key(self) -> tuple[int, str]:
        """What tells them in a text that is kept: not whether they are online."""
        return self.id, self.display_name

    @property
    def hue(self) -> int:
        return hue(self.id)

    @property
    def initials(self) -> str:
        return initials(self.display_name)
