"""What must be true after everything: nothing lost, nothing twice, one order for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from tests.cluster import Cluster, Row
from tests.torture.page import Page
from tests.waiting import until

PATIENCE = 30  # seconds in which the last page must have caught up


def differences(page: Page, messages: Mapping[int, Sequence[Row]]) -> list[str]:
    """Where a page shows anything but the database's messages, from the lowest that it shows on."""
    found = []
    for chat_id, shown in page.shown.items():
        kept = {row.seq: row.id for row in messages[chat_id] if row.seq >= shown.lowest}
        if shown.ids != kept:
            odd = sorted(set(shown.ids.items()) ^ set(kept.items()))[:3]
            found.append(f"{page.member.username} in chat {chat_id}, knowing {shown.known}: {odd}")
    return found


async def settle(pages: Iterable[Page]) -> None:
    """Until nothing is on its way; who gave up presses "Try again". Raises AssertionError after PATIENCE."""
    pages = list(pages)
    try:
        await until(lambda: all(map(_is_through, pages)), PATIENCE)
    except TimeoutError:
        left = {page.member.username: (len(page.waiting), page.refusals[-1:]) for page in pages if page.waiting}
        raise AssertionError(f"still on their way: {left}") from None


def _is_through(page: Page) -> bool:
    if any(message.has_failed for message in page.waiting):
        page.retry_failed()
    return not page.waiting


async def require_agreement(cluster: Cluster, pages: Sequence[Page]) -> dict[int, list[Row]]:
    """Every page comes to show what the database has, and what was acknowledged is in it once."""
    messages = await cluster.sound_messages()
    stored = {row.id: (row.chat_id, row.seq) for rows in messages.values() for row in rows}
    for page in pages:
        lost = {id_: at for id_, at in page.acknowledged.items() if stored.get(id_) != at}
        assert not lost, f"acknowledged to {page.member.username}, but not stored so: {lost}"
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while found := [each for page in pages for each in differences(page, messages)]:
        assert asyncio.get_running_loop().time() < deadline, "\n".join(found[:10])
        await asyncio.sleep(0.1)
    return messages
