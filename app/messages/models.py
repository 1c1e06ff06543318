"""What is said: messages, which of them somebody hid from themselves, and which they kept of what they cleared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from app.db import Number, now


class Message(SQLModel, table=True):
    """One message, or a system line (`kind` note, its `event` structured, never prose).

    `kind` and the names in `extras`, with spaces between them, are those of `parts.py`.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("chat_id", "id"),
        Index("ix_messages_chat_id_revision", "chat_id", "revision"),
        Index(
            "ix_messages_expires_at",
            "expires_at",
            sqlite_where=text("expires_at IS NOT NULL"),
            postgresql_where=text("expires_at IS NOT NULL"),
        ),
        # What unread counts look through.
        Index(
            "ix_messages_counted",
            "chat_id",
            "seq",
            "sender_id",
            "expires_at",
            sqlite_where=text("kind <> 'note' AND deleted_at IS NULL"),
            postgresql_where=text("kind <> 'note' AND deleted_at IS NULL"),
        ),
    )

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    id: str
    sender_id: int = Field(sa_type=Number, foreign_key="users.id")
    kind: str = "text"
    body: str = Field(default="", sa_column=Column(Text, nullable=False))
    extras: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=text("''")))
    event: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    # Of the first body: a repeated send is recognised by it, also after an edit.
    fingerprint: str = ""
    revision: int = Field(sa_type=Number)
    starts_run: bool = True
    created_at: datetime = Field(default_factory=now)
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    # From then on nobody sees it; its row is removed soon after.
    expires_at: datetime | None = None


class HiddenMessage(SQLModel, table=True):
    """A message that somebody deleted for themselves, and the chat's revision of that moment."""

    __tablename__ = "hidden_messages"

    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    revision: int = Field(sa_type=Number)


class KeptMessage(SQLModel, table=True):
    """A message that somebody still sees of a chat that they cleared."""

    __tablename__ = "kept_messages"

    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
