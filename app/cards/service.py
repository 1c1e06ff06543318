"""Which messages have a card, and what it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import delete, exists, insert, update
from sqlmodel import col, select

from app.cards.models import CardImage, LinkCard, MessageCard
from app.chats import service as chats
from app.db import Work, insert_if_new, now
from app.errors import Forbidden, NotFound
from app.jobs import enqueue
from app.messages import history, text
from app.messages import service as messages
from app.messages.bubbles import Bubble
from app.messages.models import Message
from app.messages.parts import Part
from app.users.models import Person

EXTRA = "card"
LONGEST_URL = 2_000
KEPT = timedelta(days=2)  # a card that no message shows


@dataclass(frozen=True, slots=True)
class Card:
    """A link's card as a bubble shows it; `image` names its picture, "" for none."""

    url: str
    host: str
    title: str
    description: str
    image: str = ""
    width: int = 0
    height: int = 0

    @property
    def is_wide(self) -> bool:
        """Whether the picture stands above the text, and not small beside it."""
        return self.width >= 300 and self.width >= 1.25 * self.height


def link_of(body: str) -> str | None:
    """The link of a text that gets a card: the first web address."""
    url = text.web_address(body)
    return url if url and len(url) <= LONGEST_URL else None


def read(fields: Mapping[str, str]) -> str | None:
    return link_of(text.clean(fields.get("body", "")))


def _key(url: str) -> str:
    return hashlib.sha256(f"{now():%Y-%m-%d} {url}".encode()).hexdigest()


async def store(work: Work, parts: Sequence[Part]) -> None:
    """Note the links of messages that were just stored; those that nobody wrote today are to be fetched.

    The cards stay locked until this work ends: whoever fetches one tells all messages that have it then.
    """
    urls = sorted({part.value for part in parts})
    keys = {url: _key(url) for url in urls}
    rows = [{"key": keys[url], "url": url} for url in urls]
    new = await work.execute(insert_if_new(LinkCard).values(rows).returning(col(LinkCard.id)))
    for card_id in new.scalars().all():
        await enqueue(work, "cards.fetch", card_id=card_id)
    known = select(LinkCard).where(col(LinkCard.key).in_(keys.values())).order_by(col(LinkCard.id)).with_for_update()
    ids = {card.key: card.id for card in await work.all(known)}
    values = [{"chat_id": part.chat_id, "seq": part.seq, "card_id": ids[keys[part.value]]} for part in parts]
    await work.execute(insert(MessageCard), values)


async def load(work: Work, chat_id: int, seqs: Sequence[int]) -> dict[int, Card]:
    """The cards of those messages that have one by now."""
    statement = (
        select(LinkCard, MessageCard, CardImage)
        .join(MessageCard, col(MessageCard.card_id) == col(LinkCard.id))
        .outerjoin(CardImage, col(CardImage.hash) == col(LinkCard.image_hash))
        .where(MessageCard.chat_id == chat_id, col(MessageCard.seq).in_(seqs), LinkCard.title != "")
        .with_only_columns(
            *(col(column) for column in (MessageCard.seq, LinkCard.url, LinkCard.title, LinkCard.description)),
            *(col(column) for column in (LinkCard.image_hash, CardImage.width, CardImage.height)),
        )
    )
    return {
        row.seq: Card(
            row.url, urlsplit(row.url).hostname or "", row.title, row.description,
            row.image_hash or "", row.width or 0, row.height or 0,
        )
        for row in await work.rows(statement)
    }  # fmt: skip


async def edited(work: Work, message: Message, body: str) -> dict[str, bool]:
    """Another link gets another card, or none; a card that was removed comes back with another link only."""
    url = link_of(body)
    if url == link_of(message.body):
        return {}
    await deleted(work, message.chat_id, [message.seq])
    if url:
        await store(work, [Part(message.chat_id, message.seq, message.sender_id, url)])
    return {EXTRA: url is not None}


async def deleted(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    await work.execute(delete(MessageCard).where(col(MessageCard.chat_id) == chat_id, col(MessageCard.seq).in_(seqs)))


async def remove(work: Work, user: Person, chat_id: int, seq: int) -> Bubble:
    """Take the card off a message of one's own. Raises NotFound, Forbidden for who left and for others'."""
    chat = await chats.require_present(work, chat_id, user)
    message = await history.require_visible(work, chat, user, seq)
    if message.sender_id != user.id:
        raise Forbidden("Only who sent a message can remove its card.")
    here = col(MessageCard.chat_id) == chat_id, col(MessageCard.seq) == seq
    await work.execute(update(MessageCard).where(*here).values(card_id=None))
    return await messages.revise(work, chat_id, seq, remove=[EXTRA])


async def image(work: Work, user: Person, chat_id: int, seq: int, hash_: str) -> bytes:
    """The picture of a message's card. Raises NotFound for who may not see the message."""
    chat = await chats.require_member(work, chat_id, user)
    await history.require_visible(work, chat, user, seq)
    statement = (
        select(CardImage.data)
        .join(LinkCard, col(LinkCard.image_hash) == col(CardImage.hash))
        .join(MessageCard, col(MessageCard.card_id) == col(LinkCard.id))
        .where(MessageCard.chat_id == chat_id, MessageCard.seq == seq, CardImage.hash == hash_)
    )
    data = await work.first(statement)
    if data is None:
        raise NotFound
    return data


async def finish(work: Work, card_id: int, values: Mapping[str, Any], picture: Mapping[str, Any] | None) -> None:
    """Keep what was found of a card."""
    if picture:
        await work.execute(insert_if_new(CardImage).values(picture))
    image_hash = picture["hash"] if picture else None
    done = {**values, "image_hash": image_hash, "done_at": now()}
    await work.execute(update(LinkCard).where(col(LinkCard.id) == card_id).values(done))


async def places(work: Work, card_id: int) -> list[tuple[int, int]]:
    """The (chat id, seq) of the messages that show a card."""
    statement = select(MessageCard.chat_id, MessageCard.seq).where(MessageCard.card_id == card_id)
    return [(row.chat_id, row.seq) for row in await work.rows(statement.order_by("chat_id", "seq"))]


async def sweep(work: Work) -> None:
    """Forget what no message shows any more."""
    shown = exists().where(col(MessageCard.card_id) == col(LinkCard.id))
    await work.execute(delete(LinkCard).where(col(LinkCard.created_at) < now() - KEPT, ~shown))
    used = exists().where(col(LinkCard.image_hash) == col(CardImage.hash))
    await work.execute(delete(CardImage).where(~used))
