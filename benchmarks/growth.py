"""What grows: what a send, a chat and the list of chats cost, against how much there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from app.__main__ import offline
from app.messages.models import Message
from app.settings import Settings
from benchmarks import report
from benchmarks.load import read, repeat
from benchmarks.plot import Series, plot
from benchmarks.served import Served
from benchmarks.tally import Figures
from benchmarks.wire import body_of, request
from benchmarks.world import Talk, World, add_chats, message, prolong, put

MEMBERS = (10, 32, 100, 320, 1024)
LENGTHS = (100, 1_000, 10_000, 100_000, 1_000_000)
CHATS = (10, 32, 100, 320, 1_000, 2_000)
PEOPLE = 2000
LEAST_PEOPLE = 100
FIRST = 10_000  # ids of the chats made for this


@dataclass(frozen=True)
class Sizes:
    members: Sequence[int] = MEMBERS
    lengths: Sequence[int] = LENGTHS
    chats: Sequence[int] = CHATS

    def first(self, count: int) -> Sizes:
        """Only the smallest."""
        return Sizes(self.members[:count], self.lengths[:count], self.chats[:count])


async def fill(settings: Settings, world: World, sizes: Sizes) -> None:
    """Groups of all sizes, chats of all lengths, and people with many chats."""
    database = offline(settings)
    async with database.write() as work:
        await add_chats(work, (Talk(group_id(n), range(1, count + 1)) for n, count in enumerate(sizes.members)))
        await add_chats(work, (Talk(long_id(n), [1, 2, 3], count) for n, count in enumerate(sizes.lengths)))
        lists = list(_lists(world, sizes))
        await add_chats(work, lists)
        await put(work, Message, (message(talk.id, 1, talk.members[0]) for talk in lists))
    await database.close()
    for number, length in enumerate(sizes.lengths):
        prolong(str(settings.data / "parley.db"), long_id(number), length, (1, 2))


def group_id(number: int) -> int:
    return FIRST + number


def long_id(number: int) -> int:
    return FIRST + 100 + number


def owner(world: World, number: int) -> int:
    """Who has the list number `number`; they are in no pair that is used otherwise."""
    return world.people - 10 - number


def _lists(world: World, sizes: Sizes) -> Iterator[Talk]:
    chat_id = FIRST + 1000
    for number, count in enumerate(sizes.chats):
        for _ in range(count - _already(owner(world, number))):
            yield Talk(chat_id, [owner(world, number), 4, 5], 1)
            chat_id += 1


def _already(person: int) -> int:
    """In how many chats somebody is by the seed: a pair, and maybe the group."""
    return 1 + (person <= 1000)


async def grow(
    served: Served, world: World, sizes: Sizes, seconds: float, tell: Callable[[str], None]
) -> dict[str, Figures]:
    """Measure each for so long; the results are named like `members-1024`."""
    results: dict[str, Figures] = {}
    for number, count in enumerate(sizes.members):
        tell(f"send to {count:,} members")
        results[f"members-{count}"] = await _sends(served, world, group_id(number), seconds)
    for number, count in enumerate(sizes.lengths):
        tell(f"open a chat of {count:,} messages")
        results[f"length-{count}"] = await read(served, f"/chats/{long_id(number)}", world.cookie(3), seconds, 1)
    for number, count in enumerate(sizes.lengths):
        tell(f"catch up in a chat of {count:,} messages")
        path = f"/chats/{long_id(number)}/messages?since={count - 1}"
        results[f"since-{count}"] = await read(served, path, world.cookie(3), seconds, 1)
    for number, count in enumerate(sizes.chats):
        tell(f"list {count:,} chats")
        results[f"chats-{count}"] = await read(served, "/chats", world.cookie(owner(world, number)), seconds, 1)
    return results


async def _sends(served: Served, world: World, chat_id: int, seconds: float) -> Figures:
    """One sender, one message after another, nobody listens."""
    headers = {"Cookie": f"__Host-sid={world.cookie(1)}", "HX-Request": "true"}
    url = f"{served.url}/chats/{chat_id}/messages"
    return await repeat(served, request("POST", url, headers, urlencode({"body": body_of(0)}).encode()), seconds)


PLOTS = {
    "members": ("A send, by members of the chat", "members, nobody listening"),
    "length": ("Opening a chat, by its length", "messages in the chat"),
    "since": ("Catching up on the last message, by the chat’s length", "messages in the chat"),
    "chats": ("The list of chats, by their number", "chats of one person"),
}


def draw(results: dict[str, Figures], folder: Path) -> list[Path]:
    """Write docs/grow-….svg; answers the files."""
    files = []
    for kind, (title, under) in PLOTS.items():
        rows = {int(name.rpartition("-")[2]): each for name, each in results.items() if name.startswith(f"{kind}-")}
        answered = Series("until the answer, median", [(count, each["p50_ms"]) for count, each in rows.items()])
        cpu = Series("CPU of the server", [(count, each["cpu_ms_per_request"]) for count, each in rows.items()])
        file = folder / f"grow-{kind}.svg"
        file.write_text(plot(title, under, "ms", [answered, cpu]))
        files.append(file)
    return files


def table(results: dict[str, Figures]) -> str:
    """All of it, in Markdown."""
    rows = [["", "how many", "median ms", "p99 ms", "CPU ms"]]
    for name, each in results.items():
        kind, _, count = name.rpartition("-")
        figures = [f"{each[figure]:.2f}" for figure in ("p50_ms", "p99_ms", "cpu_ms_per_request")]
        rows.append([PLOTS[kind][0], f"{int(count):,}", *figures])
    return report.markdown(rows)
