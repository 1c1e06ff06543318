"""The index of what was said: killed in the middle of its work, and with many hands at the messages at once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.search.folding import fold
from app.search.tokens import needle
from tests.cluster import Cluster, Row
from tests.torture.conftest import Machines
from tests.torture.judge import settle
from tests.torture.page import Page
from tests.waiting import until

pytestmark = pytest.mark.torture

KILLS = 3
SENDS = 150  # between two kills
FIRST_LETTER = 0x4E00  # Chinese: each message has a letter that no other has
HANDS = 6
DEEDS = 40  # of each hand
WORDS = ("apple", "orchard", "crème", "cremation", "天气", "天地", "дом", "домик", "🎉")


async def is_indexed(cluster: Cluster) -> bool:
    return not await cluster.select("SELECT id FROM search_texts WHERE is_stale LIMIT 1")


async def hits(page: Page, words: str) -> list[tuple[int, int]]:
    """All that a search finds, page by page: chat and seq."""
    found: list[tuple[int, int]] = []
    rest = None
    while True:
        query = {"q": words, **({"page": rest} if rest else {})}
        answer = (await page.http.get("/search", params=query)).json()
        found += [(hit["chat"]["id"], hit["seq"]) for hit in answer["messages"]]
        rest = answer["next"]
        if not rest:
            return found


async def test_every_message_has_its_hits_once_although_the_indexer_was_killed_again_and_again(
    tmp_path: Path,
) -> None:
    letters = map(chr, itertools.count(FIRST_LETTER))
    caught = 0
    async with Cluster(tmp_path) as cluster, contextlib.AsyncExitStack() as stack:
        people = await cluster.people(4)
        (chat_id,) = await cluster.groups_of([people])
        pages = [await stack.enter_async_context(Page(cluster.url, each, [chat_id])) for each in people]
        process = cluster.processes[0]
        said: list[str] = []
        for _ in range(KILLS):
            for page, letter in zip(itertools.cycle(pages), itertools.islice(letters, SENDS), strict=False):
                said.append(letter)
                page.send(chat_id, f"storm {letter}")
            few = random.randrange(SENDS)
            await until(lambda few=few: sum(len(page.waiting) for page in pages) <= few)  # type: ignore[misc]
            await cluster.kill(process)
            caught += not await is_indexed(cluster)
            await cluster.start(process)
            await settle(pages)
        await until(lambda: is_indexed(cluster), 60)
        assert caught, "the indexer was never killed in the middle of its work"
        rows = (await cluster.sound_messages())[chat_id]
        places = {row.body[-1]: (chat_id, row.seq) for row in rows if row.body}
        assert sorted(places) == said
        assert sorted(await hits(pages[0], "storm")) == sorted(places.values())
        for letter in random.sample(said, 30):
            assert await hits(pages[1], letter) == [places[letter]]
    with contextlib.closing(sqlite3.connect(tmp_path / "parley.db")) as database:
        database.execute("INSERT INTO search_tokens (search_tokens) VALUES ('integrity-check')")
        database.execute("CREATE VIRTUAL TABLE temp.known USING fts5vocab (main, search_tokens, row)")
        counts = dict(database.execute("SELECT term, doc FROM temp.known").fetchall())
    assert {letter: counts[letter] for letter in said} == dict.fromkeys(said, 1)
    assert counts["sto"] == len(said)


async def change(page: Page, chat_ids: Sequence[int], dice: random.Random) -> None:
    """Say, edit, delete and hide what one may, at random."""
    mine: list[tuple[int, int]] = []
    for _ in range(DEEDS):
        body = " ".join(dice.choices(WORDS, k=3))
        deed = dice.choice(["say", "say", "say", "edit", "delete", "hide"]) if mine else "say"
        if deed == "say":
            chat_id = dice.choice(chat_ids)
            answer = await page.http.post(f"/chats/{chat_id}/messages", data={"body": body})
            mine.append((chat_id, answer.json()["seq"]))
        else:
            chat_id, seq = dice.choice(mine) if deed == "edit" else mine.pop(dice.randrange(len(mine)))
            answer = await page.http.post(f"/chats/{chat_id}/messages/{seq}/{deed}", data={"body": body})
        assert answer.status_code < 400, (deed, answer.text)


def scan(rows: Sequence[Row], words: str) -> set[tuple[int, int]]:
    """What a look at each of these messages finds, past all indexes."""
    wanted = [each for word in fold(words).split() if (each := needle(word))]
    told = [(row, fold(row.body)) for row in rows]
    return {(row.chat_id, row.seq) for row, body in told if all(each.pattern.search(body) for each in wanted)}


async def test_hits_are_those_of_a_scan_after_many_hands_changed_things_in_several_processes(
    machines: Machines,
) -> None:
    cluster = machines.cluster
    people = await cluster.people(HANDS)
    groups = await cluster.groups(people, 6, size=6)
    dice = random.Random(7)
    async with contextlib.AsyncExitStack() as stack:
        urls = itertools.cycle(process.url for process in cluster.processes)
        pages = [await stack.enter_async_context(Page(next(urls), each, [])) for each in people]
        here = [[chat for chat, members in groups.items() if each in members] for each in people]
        hands = zip(pages, here, strict=True)
        await asyncio.gather(*[change(page, chats, random.Random(dice.random())) for page, chats in hands])
        await until(lambda: is_indexed(cluster), 60)
        messages = await cluster.messages()
        for page, chats in zip(pages, here, strict=True):
            hidden = await cluster.select(
                f"SELECT chat_id, seq FROM hidden_messages WHERE user_id = {page.member.id}"
            )
            rows = [row for chat_id in chats for row in messages[chat_id] if (chat_id, row.seq) not in hidden]
            for words in (*WORDS, "app", "rem", "creme apple", "天", "до", "д"):
                found = await hits(page, words)
                assert sorted(found) == sorted(scan(rows, words)), (page.member.username, words)
