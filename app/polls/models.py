"""Questions with answers to choose from, and who chose what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Column, Index, text
from sqlmodel import Field, SQLModel

from app.db import Number, now


class Poll(SQLModel, table=True):
    """What may be answered to a message of kind `poll`, whose body is the question."""

    __tablename__ = "polls"

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    options: list[str] = Field(sa_column=Column(JSON, nullable=False))
    multiple: bool = False


class Vote(SQLModel, table=True):
    """Somebody chose an option, by its place among them; `is_only` where a person may choose but one."""

    __tablename__ = "poll_votes"
    __table_args__ = (
        # However two votes race, one of them is refused.
        Index(
            "uq_poll_votes_only",
            "chat_id",
            "seq",
            "user_id",
            unique=True,
            sqlite_where=text("is_only"),
            postgresql_where=text("is_only"),
        ),
    )

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True)
    option: int = Field(primary_key=True)
    is_only: bool
    voted_at: datetime = Field(default_factory=now)
