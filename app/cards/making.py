"""The job that makes a card: asks for the page and its picture, and tells the messages that wait for it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from sqlalchemy import update
from sqlmodel import col, select
from starlette.applications import Starlette

from app.cards import service
from app.cards.apart import run
from app.cards.fetch import Answer, Fetcher, Unfit, Unreachable
from app.cards.models import LinkCard
from app.errors import NotFound
from app.jobs import Again
from app.messages import service as messages

PAGES = ("text/html", "application/xhtml+xml")
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PAGE_BYTES = 512 * 1024
PICTURE_BYTES = 5 * 2**20
SECONDS = 5.0  # for the page and its picture together
ATTEMPTS = 3
TITLE, DESCRIPTION = 200, 300
# Line ends and the like become spaces; what turns the direction of what follows is left away.
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_UNWANTED = re.compile("[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]")

log = logging.getLogger(__name__)


async def make(app: Starlette, card_id: int) -> None:
    """Fetch a card, once; a server that does not answer is asked again later, but not often."""
    database, settings = app.state.database, app.state.settings
    async with database.read() as work:
        card = await work.first(select(LinkCard).where(col(LinkCard.id) == card_id))
    if card is None or settings.link_cards == "off":
        return
    if card.done_at is None:
        try:
            values, picture = await find(app.state.fetcher, card.url, urlsplit(settings.base_url).hostname)
        except (Unfit, Unreachable) as error:
            log.info("no card of %s: %s", urlsplit(card.url).hostname, error)
            values, picture = {}, None
            if isinstance(error, Unreachable) and card.attempts + 1 < ATTEMPTS:
                async with database.write() as work:
                    await work.execute(
                        update(LinkCard).where(col(LinkCard.id) == card_id).values(attempts=card.attempts + 1)
                    )
                raise Again from error
        async with database.write() as work:
            await service.finish(work, card_id, values, picture)
    await _tell(app, card_id)


async def _tell(app: Starlette, card_id: int) -> None:
    """Let the messages that have the card show it: all of them, since `store` and `finish` lock it."""
    async with app.state.database.read() as work:
        card = await work.first(select(LinkCard).where(col(LinkCard.id) == card_id))
        places = await service.places(work, card_id) if card and card.title else []
    for chat_id, seq in places:
        async with app.state.database.write() as work:
            try:
                await messages.revise(work, chat_id, seq, add=[service.EXTRA])
            except NotFound:  # deleted meanwhile
                continue


async def find(fetcher: Fetcher, url: str, own_host: str | None) -> tuple[dict[str, str], dict[str, Any] | None]:
    """What a page says about itself, and its picture if that comes in time. Raises Unfit or Unreachable."""
    if urlsplit(url).hostname == own_host:
        raise Unfit("it is our own")
    picture: Answer | None = None
    try:
        async with asyncio.timeout(SECONDS):
            page = await fetcher.get(url, PAGES, PAGE_BYTES, end=b"</head")
            head = json.loads(await run("head", page.body, page.content_type))
            if head["title"] and head["image"]:
                picture = await _picture(fetcher, urljoin(page.url, head["image"]))
    except TimeoutError:
        raise Unreachable("it is too slow") from None
    title = tidy(head["title"], TITLE)
    if not title:
        raise Unfit("it has no title")
    return {"title": title, "description": tidy(head["description"], DESCRIPTION)}, await _made(picture)


async def _picture(fetcher: Fetcher, url: str) -> Answer | None:
    try:
        return await fetcher.get(url, PICTURES, PICTURE_BYTES)
    except (Unfit, Unreachable) as error:
        log.info("no picture from %s: %s", urlsplit(url).hostname, error)
        return None


async def _made(picture: Answer | None) -> dict[str, Any] | None:
    """The picture as it is kept."""
    if picture is None:
        return None
    try:
        made = await run("picture", picture.body)
    except Unfit as error:
        log.info("no picture: %s", error)
        return None
    size, _, data = made.partition(b"\n")
    width, height = map(int, size.split())
    return {"hash": hashlib.sha256(data).hexdigest(), "data": data, "width": width, "height": height}


def tidy(words: str, most: int) -> str:
    """One line of what a page says."""
    line = " ".join(_SPACES.split(_UNWANTED.sub("", words))).strip()
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
