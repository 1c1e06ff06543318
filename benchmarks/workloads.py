"""The workloads by their names, and one run of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from benchmarks.browser import WATCHES, watch
from benchmarks.first_paint import first_paint
from benchmarks.floor import NAMES as FLOORS
from benchmarks.floor import floor
from benchmarks.load import Load, idle, read, storm, talk
from benchmarks.served import Served
from benchmarks.tally import Figures
from benchmarks.world import World
from tests.backing import Postgres

STARTS = 3
IDLE = Load(sockets=2000, senders=0)
TALKS = {
    "W1s8": Load(sockets=100, senders=8),
    "W1s8post": Load(sockets=100, senders=8, by_post=True),
    "W1s8w4": Load(sockets=100, senders=8, window=4),
    "W2": Load(sockets=1000, senders=4),
    "W3max": Load(sockets=1000, senders=32, in_pairs=True),
    "W3maxpost": Load(sockets=1000, senders=32, in_pairs=True, by_post=True),
    "W3b": Load(sockets=1000, senders=500, in_pairs=True, rate=400),
}
# In this order: memory is measured in a fresh process.
NAMES = ("start", "W4", *TALKS, "storm", "W5", *FLOORS, "paint", *WATCHES)
STEADY = Load(sockets=200, senders=100, in_pairs=True, rate=100)
PEOPLE = 2000


@dataclass
class Run:
    """A server over a seeded database, and how to load it."""

    served: Served
    world: World
    seconds: float
    scale: float = 1.0
    postgres: Postgres | None = None
    results: dict[str, Figures] = field(default_factory=dict)

    def all(self, names: Collection[str], tell: Callable[[str], None], runner: Callable[..., Figures]) -> None:
        """Measure the named workloads into `results`; `runner` drives a coroutine to its end."""
        for name in [each for each in NAMES if each in names]:
            tell(name)
            if name == "start":
                self.results[name] = self.start()
                continue
            if not self.served.running:
                self.served.start()
            self.served.settle()
            before = self.served.stored(self.postgres)
            figures = runner(self.one(name))
            if "stored" in figures:  # what was acknowledged must be in the database
                figures["unstored"] = figures["stored"] - (self.served.stored(self.postgres) - before)
            self.results[name] = figures

    def start(self) -> Figures:
        """From the command to the first answer, with a database that is as it should be. The last one stays."""
        times = max(1, round(STARTS * self.scale))
        return {"seconds": statistics.median(self.served.restart() for _ in range(times))}

    async def one(self, name: str) -> Figures:
        world = self.world
        path, cookie = f"/chats/{world.read_chat}", world.cookie(world.reader)
        if name in TALKS:
            return await talk(TALKS[name].scaled(self.scale), self.served, world, self.seconds)
        if name == "storm":
            return await storm(STEADY.scaled(self.scale), self.served, world, self.seconds)
        if name == "W4":
            return await idle(IDLE.scaled(self.scale), self.served, world)
        if name in WATCHES:
            return await watch(name, self.served, world, self.scale)
        if name in FLOORS:
            return await floor(name, self.served, self.seconds)
        if name == "W5":
            return await read(self.served, path, cookie, self.seconds)
        return await first_paint(self.served.url, path, cookie)
