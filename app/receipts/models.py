"""When pointers moved."""

from __future__ import annotations

from sqlalchemy import SmallInteger
from sqlmodel import Field, SQLModel

from app.db import Number


class ReceiptLog(SQLModel, table=True):
    """A pointer that moved from `before_seq` to `seq`, at so many milliseconds since 1970; see log.py.

    There are many of these rows, so they are narrow, have no index but their key, and refer to nothing: they end by
    their day.
    """

    __tablename__ = "receipt_log"
    __table_args__ = {"sqlite_with_rowid": False}

    day: int = Field(sa_type=SmallInteger, primary_key=True)
    level: int = Field(sa_type=SmallInteger, primary_key=True)
    chat_id: int = Field(sa_type=Number, primary_key=True)
    seq: int = Field(sa_type=Number, primary_key=True)
    user_id: int = Field(sa_type=Number, primary_key=True)
    is_read: bool = Field(primary_key=True)
    before_seq: int = Field(sa_type=Number)
    at: int = Field(sa_type=Number)
