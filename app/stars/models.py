"""What somebody keeps in sight."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.db import Number, now


class Star(SQLModel, table=True):
    """A message that somebody starred; nobody else knows."""

    __tablename__ = "stars"
    __table_args__ = (
        Index("ix_stars_user_id", "user_id", "created_at"),
        Index("ix_stars_chat_id", "chat_id", "seq"),
    )

    user_id: int = Field(sa_type=Number, foreign_key="users.id", primary_key=True, ondelete="CASCADE")
    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    created_at: datetime = Field(default_factory=now)
