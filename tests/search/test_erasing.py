"""What was deleted, edited away or has expired is nowhere any more: not in the index, and not in the file either."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlmodel import col
from starlette.applications import Starlette

from app.db import now
from app.expiry.routes import sweep
from app.messages.models import Message
from app.search import index
from app.settings import Settings
from tests.make import Member, make_messages
from tests.search.conftest import Indexed

# Three letters that nothing else has: a token of the index, of which the file may leave out the beginning.
WORDS = {"deleted": "ꔀꔐꔠ", "edited": "ꔰꕀꕐ", "expired": "ꕠꕰꖀ", "kept": "ꖐꖠꖰ"}


async def say_all(app: Starlette, ann: Member, chat_id: int, indexed: Indexed) -> None:
    """Each word in a message of its own, behind 40 others; those that should go have gone."""
    await make_messages(app, ann, chat_id, 40)
    for word in WORDS.values():
        await ann.say(chat_id, word)
    await indexed()
    place = f"/chats/{chat_id}/messages"
    await ann.post(f"{place}/41/delete")
    await ann.post(f"{place}/42/edit", data={"body": "nothing"})
    async with app.state.database.write() as work:
        past = now() - timedelta(seconds=1)
        await work.execute(update(Message).where(col(Message.seq) == 43).values(expires_at=past))
    await sweep(app)
    await indexed()


async def test_no_table_of_the_index_has_it(app: Starlette, ann: Member, chat_id: int, indexed: Indexed) -> None:
    await say_all(app, ann, chat_id, indexed)
    sqlite, postgres = (
        "search_tokens WHERE search_tokens MATCH",
        "search_texts WHERE tokens @@ CAST(:word AS tsquery) --",
    )
    match = text(f"SELECT 1 FROM {postgres if app.state.database.is_shared else sqlite} :word")
    async with app.state.database.read() as work:
        texts = " ".join(row.text for row in await work.rows(text("SELECT text FROM search_texts")))
        found = {what: (word in texts, len(await work.rows(match, {"word": word}))) for what, word in WORDS.items()}
    assert found == {"deleted": (False, 0), "edited": (False, 0), "expired": (False, 0), "kept": (True, 1)}


@pytest.mark.sqlite
async def test_the_file_has_no_byte_of_it_once_it_was_swept(
    app: Starlette, settings: Settings, ann: Member, chat_id: int, indexed: Indexed
) -> None:
    async def written() -> set[str]:
        """The words of which the files have something."""
        async with app.state.database.read() as work:
            await work.rows(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        files = b"".join(path.read_bytes() for path in settings.data.glob("parley.db*"))
        return {what for what, word in WORDS.items() if word[1:].encode() in files}

    async with app.state.database.write() as work:  # or parts of it may be merged already
        await work.execute(text("INSERT INTO search_tokens (search_tokens, rank) VALUES ('automerge', 0)"))
    await say_all(app, ann, chat_id, indexed)
    assert await written() == set(WORDS)
    async with app.state.database.read() as work:
        (job,) = await work.rows(text("SELECT due_at FROM jobs WHERE name = 'search.erase'"))
    assert job.due_at > f"{now().replace(tzinfo=None)}"
    await app.state.worker.handlers[index.ERASE](app)
    assert await written() == {"kept"}


@pytest.mark.sqlite
async def test_a_large_index_is_erased_in_small_steps(
    app: Starlette, ann: Member, chat_id: int, indexed: Indexed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "PAGES", 1)
    await say_all(app, ann, chat_id, indexed)
    assert await index.erase(app.state.database)
    monkeypatch.setattr(index, "ERASING", 0)
    assert not await index.erase(app.state.database)
