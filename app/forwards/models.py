"""What was said elsewhere before."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from app.db import Number


class Forward(SQLModel, table=True):
    """That a message was forwarded, and how often on its way; from where, nobody learns."""

    __tablename__ = "forwards"
    __table_args__ = (
        ForeignKeyConstraint(["chat_id", "seq"], ["messages.chat_id", "messages.seq"], ondelete="CASCADE"),
    )

    chat_id: int = Field(sa_type=Number, primary_key=True)
    seq: int = Field(sa_type=Number, primary_key=True)
    hops: int
