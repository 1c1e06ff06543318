"""Cards of links, their pictures, and which messages show them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field, SQLModel

from app.db import Number, identity, now


class CardImage(SQLModel, table=True):
    """A picture of a card, made anew as WebP and named by the SHA-256 of its bytes."""

    __tablename__ = "card_images"

    hash: str = Field(primary_key=True)
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    width: int
    height: int


class LinkCard(SQLModel, table=True):
    """What a page said about itself on one day; without a title there is nothing to show, yet or at all."""

    __tablename__ = "link_cards"

    id: int = Field(sa_column=identity())
    # Of the address and the day: who writes the same link again on that day gets the same card.
    key: str = Field(unique=True)
    url: str
    title: str = ""
    description: str = ""
    image_hash: str | None = Field(default=None, foreign_key="card_images.hash", index=True)
    attempts: int = 0
    created_at: datetime = Field(default_factory=now, index=True)
    done_at: datetime | None = None


class MessageCard(SQLModel, table=True):
    """That a message has a link; `card_id` is None once its sender has removed the card."""

    __tablename__ = "message_cards"

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    card_id: int | None = Field(default=None, sa_type=Number, foreign_key="link_cards.id", index=True)
