"""Who is asking: signed-in devices and invitations."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from app.db import Number, identity, now


class Session(SQLModel, table=True):
    """A signed-in device. The token stands in its cookie, only the token's SHA-256 here."""

    __tablename__ = "sessions"

    id: int = Field(sa_column=identity())
    token_hash: str = Field(unique=True)
    user_id: int = Field(sa_type=Number, foreign_key="users.id", index=True, ondelete="CASCADE")
    user_agent: str = ""
    address: str = ""
    created_at: datetime = Field(default_factory=now)
    last_active_at: datetime = Field(default_factory=now)


class Invite(SQLModel, table=True):
    """A link by which a number of people may sign up until it expires."""

    __tablename__ = "invites"

    id: int = Field(sa_column=identity())
    token_hash: str = Field(unique=True)
    # Nobody's is the link by which the first admin of a public server signs up.
    created_by: int | None = Field(default=None, sa_type=Number, foreign_key="users.id", ondelete="CASCADE")
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime
    max_uses: int
    uses: int = 0
