"""How soon the first page of a search is there, among a million messages."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from app.__main__ import offline
from app.db import now
from app.messages.models import Message
from app.search.index import step
from app.settings import Settings
from benchmarks import report
from benchmarks.load import read
from benchmarks.served import Served
from benchmarks.tally import Figures
from benchmarks.world import Talk, World, add_chats, message, put

MESSAGES = 1_000_000
LEAST = 2_000
PEOPLE = 100
FIRST = 20_000  # ids of the chats made for this
SMALL = 200  # messages in the small chat
MEDIUM = 40  # chats between small and huge
AT_ONCE = 5_000  # messages in a work
INDEXED = 1_000
WORDS = 30_000
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]
CHINESE = [chr(0x4E00 + 7 * number) for number in range(1500)]
# Each message has it, one in a hundred, one in two hundred thousand.
FREQUENT, USUAL, RARE = "morning", "invoice", "xylophone"
HUGE, LITTLE, LURKER = 5, 6, 7  # who is in the huge chat alone, in the small one alone, in all but the huge one

CASES = {
    "a rare word": {"q": RARE},
    "a usual word": {"q": USUAL},
    "a frequent word": {"q": FREQUENT},
    "a word nobody said": {"q": "qqqqqqqq"},
    "a prefix": {"q": "xylo"},
    "two letters": {"q": "mo"},
    "a substring": {"q": "loph"},
    "two Chinese letters": {"q": CHINESE[3] + CHINESE[4]},
    "three words": {"q": f"{FREQUENT} {USUAL} {SYLLABLES[3]}"},
    "words of one person": {"q": f"from:person2 {FREQUENT}"},
    "words before a day": {"q": f"{USUAL} before:{{day}}"},
}
READERS = {"huge": HUGE, "small": LITTLE, "many": LURKER}


async def fill(settings: Settings, count: int, tell: Callable[[str], None]) -> None:
    """A huge chat with half of the messages, many others, a small one; all indexed."""
    database = offline(settings)
    medium = range(FIRST + 2, FIRST + 2 + MEDIUM)
    async with database.write() as work:
        await add_chats(work, [
            Talk(FIRST, [1, 2, 3, HUGE], count // 2), Talk(FIRST + 1, [1, 2, LITTLE], SMALL),
            *(Talk(chat_id, [1, 2, 4, LURKER], count // 2 // MEDIUM) for chat_id in medium),
        ])  # fmt: skip
    rows = _messages(count, medium)
    while some := list(itertools.islice(rows, AT_ONCE)):
        async with database.write() as work:
            await put(work, Message, some)
    tell("Indexing them")
    while await step(database, INDEXED):
        pass
    await database.close()


def _messages(count: int, medium: range) -> Iterator[dict[str, Any]]:
    dice = random.Random(5)  # noqa: S311
    words = ["".join(dice.choices(SYLLABLES, k=dice.randint(1, 4))) for _ in range(WORDS)]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(WORDS)))
    seqs: dict[int, int] = {}
    began = now() - timedelta(days=700)
    for number in range(count):
        # The small one was talked in once in a while, the huge one half of the time.
        is_small = number % max(1, count // SMALL) == 0
        chat_id = FIRST + 1 if is_small else FIRST if number % 2 else medium[dice.randrange(MEDIUM)]
        seqs[chat_id] = seqs.get(chat_id, 0) + 1
        said = dice.choices(words, cum_weights=weights, k=dice.randint(3, 14))
        if number % 10 == 0:
            said = ["".join(dice.choices(CHINESE, k=20))]
        extra = [FREQUENT] * (number % 3 == 0) + [USUAL] * (number % 100 == 7) + [RARE] * (number % (count // 5) == 9)
        at = began + timedelta(days=700) * (number / count)
        sender = 1 + number % 2
        yield {**message(chat_id, seqs[chat_id], sender), "body": " ".join([*said, *extra]), "created_at": at}


async def measure(served: Served, world: World, seconds: float, tell: Callable[[str], None]) -> dict[str, Figures]:
    """Each case by each reader, for so long; one request at a time."""
    results: dict[str, Figures] = {}
    day = f"{now() - timedelta(days=350):%Y-%m-%d}"
    for name, query in CASES.items():
        for reader, person in READERS.items():
            tell(f"{name}, {reader}")
            path = "/search?" + urlencode({"q": query["q"].format(day=day)})
            results[f"{name}, {reader}"] = await read(served, path, world.cookie(person), seconds, 1)
    return results


def table(results: dict[str, Figures]) -> str:
    """All of it, in Markdown."""
    rows = [
        ["a search for …", *(f"{reader} chat{'s' * (reader == 'many')}: median, p99, CPU ms" for reader in READERS)]
    ]
    for name in CASES:
        figures = [results[f"{name}, {reader}"] for reader in READERS]
        rows.append([name, *(_figures(each) for each in figures)])
    return report.markdown(rows)


def _figures(each: Figures) -> str:
    return ", ".join(f"{each[figure]:.1f}" for figure in ("p50_ms", "p99_ms", "cpu_ms_per_request"))
