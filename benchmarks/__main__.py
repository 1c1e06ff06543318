"""`scripts/bench`: start Parley, load it, say what it does."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import uvloop

from app.migrate import migrate
from app.settings import ROOT
from benchmarks import growth, receipts, report, searching
from benchmarks.browser import WATCHES
from benchmarks.load import allow_files
from benchmarks.served import RAISED, Served
from benchmarks.tally import Figures
from benchmarks.workloads import NAMES, PEOPLE, Run
from benchmarks.world import seed
from tests.backing import Postgres, Redis
from tests.chromium import find_chromium


def main() -> int:
    """Answers 1 when anything got lost, came twice or went astray."""
    parser = _parser()
    options = parser.parse_args()
    if options.redis and not options.postgres:
        parser.error("Redis is for several processes, which need --postgres")
    if options.processes > 1 and not options.redis:
        parser.error("several processes need --postgres and --redis")
    if options.grow and options.postgres:
        parser.error("what grows is measured on SQLite")
    if options.only is NAMES and find_chromium() is None:
        say("No Chromium: what is measured in a browser is left out.")
        options.only = tuple(name for name in NAMES if name not in WATCHES)
    allow_files()
    with server(options) as (served, postgres):
        conditions = report.about(options.seconds, _backing(options), options.processes, len(served.cores) == 1)
        say(f"Parley on {conditions['machine']}, Python {conditions['python']}: {conditions['pinned']}")
        say("Raised: " + " ".join(f"{name}={value}" for name, value in RAISED.items()))
        results, table = measured(served, postgres, options)
    print(table)
    if options.compare:
        print(f"\n{report.compared(results, json.loads(options.compare.read_text())['results'])}")
    if options.json:
        options.json.write_text(json.dumps({**conditions, "results": results}, indent=1) + "\n")
    if report.is_faulty(results):
        say("Something was lost, came twice or went astray: these figures are worth nothing.")
        return 1
    return 0


def say(sentence: str) -> None:
    """Besides the table, which is all that goes to standard output."""
    print(sentence, file=sys.stderr, flush=True)


@contextlib.contextmanager
def server(options: argparse.Namespace) -> Iterator[tuple[Served, Postgres | None]]:
    """What is to be measured, over an empty data folder that goes away afterwards; it does not run yet."""
    cores = sorted(os.sched_getaffinity(0))
    # What is spread over several processes has no core of its own.
    pinned = len(cores) > 1 and options.processes == 1 and not options.postgres
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-bench-")))
        postgres = stack.enter_context(Postgres(durable=True)) if options.postgres else None
        settings = {"PARLEY_DATABASE_URL": postgres.url} if postgres else {}
        if options.redis:
            settings["PARLEY_REDIS_URL"] = stack.enter_context(Redis()).url
        if options.processes > 1:
            settings["PARLEY_SECRET_KEY"] = "k" * 32
        served = Served(folder, options.processes, {cores[0]} if pinned else set(cores), **settings)
        stack.enter_context(served)
        if pinned:
            os.sched_setaffinity(0, {cores[1]})
            stack.callback(os.sched_setaffinity, 0, set(cores))
        yield served, postgres


def measured(
    served: Served, postgres: Postgres | None, options: argparse.Namespace
) -> tuple[dict[str, Figures], str]:
    """What is asked for: figures, and the table of them."""
    if options.grow:
        results = grown(served, options)
        return results, growth.table(results)
    if options.search:
        results = searched(served, options)
        return results, searching.table(results)
    if options.receipts:
        results = receipted(served, options)
        return results, receipts.table(results)
    results = worked(served, postgres, options)
    return results, report.table(results)


def worked(served: Served, postgres: Postgres | None, options: argparse.Namespace) -> dict[str, Figures]:
    """The named workloads, as many rounds as asked for."""
    people = max(20, round(PEOPLE * options.scale))
    migrate(served.settings)
    world = drive(seed(served.settings, people))
    rounds = []
    for number in range(options.rounds):
        run = Run(served, world, options.seconds, options.scale, postgres)
        run.all(options.only, lambda name: say(f"Round {number + 1}: {name}"), drive)  # noqa: B023
        served.stop()
        rounds.append(run.results)
    return report.merged(rounds)


def grown(served: Served, options: argparse.Namespace) -> dict[str, Figures]:
    """What grows, its plots drawn."""
    migrate(served.settings)
    is_trial = options.scale < 1
    world = drive(seed(served.settings, growth.LEAST_PEOPLE if is_trial else growth.PEOPLE))
    sizes = growth.Sizes().first(2) if is_trial else growth.Sizes()
    say(f"Writing chats of up to {max(sizes.lengths):,} messages")
    drive(growth.fill(served.settings, world, sizes))
    served.start()
    results: dict[str, Figures] = drive(growth.grow(served, world, sizes, options.seconds / 2, say))
    for file in growth.draw(results, options.plots):
        say(f"Drawn: {file}")
    return results


def searched(served: Served, options: argparse.Namespace) -> dict[str, Figures]:
    """Searches, among a million messages."""
    migrate(served.settings)
    world = drive(seed(served.settings, searching.PEOPLE))
    count = max(searching.LEAST, round(searching.MESSAGES * options.scale))
    say(f"Writing {count:,} messages")
    drive(searching.fill(served.settings, count, say))
    served.start()
    results: dict[str, Figures] = drive(searching.measure(served, world, options.seconds / 3, say))
    return results


def receipted(served: Served, options: argparse.Namespace) -> dict[str, Figures]:
    """Reading in a group of 1,024, and who has a message there."""
    migrate(served.settings)
    world = drive(seed(served.settings, max(receipts.LEAST_PEOPLE, round(receipts.PEOPLE * options.scale))))
    count = max(receipts.LEAST, round(receipts.MESSAGES * options.scale))
    flush: Figures = drive(receipts.fill(served.settings, world, count, say))
    served.start()
    shown: dict[str, Figures] = drive(receipts.measure(served, world, count, options.seconds))
    return {"flush": flush, **shown}


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """On uvloop, or the generator would be the limit."""
    return uvloop.run(coroutine)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Start Parley, load it, say what it does.")
    parser.add_argument("--only", type=_names, default=NAMES, metavar="NAMES", help=f"some of {','.join(NAMES)}")
    parser.add_argument("--seconds", type=float, default=3.0, help="measured time of each workload (3)")
    parser.add_argument("--rounds", type=int, default=1, help="go round again and take medians (1)")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the sockets and people, to try it out (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="ratios to the figures of an earlier run")
    parser.add_argument("--grow", action="store_true", help="instead: what grows, and draw it")
    parser.add_argument("--search", action="store_true", help="instead: searches among a million messages")
    parser.add_argument("--receipts", action="store_true", help="instead: who has a message of a group of 1,024")
    parser.add_argument("--plots", type=Path, default=ROOT / "docs", metavar="FOLDER", help="where to (docs)")
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL that is started for it")
    parser.add_argument("--redis", action="store_true", help="with a Redis that is started for it")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="as many servers; needs both (1)")
    return parser


def _names(text: str) -> list[str]:
    names = text.replace("browser", ",".join(WATCHES)).split(",")
    if wrong := set(names) - set(NAMES):
        raise argparse.ArgumentTypeError(f"no such workload: {', '.join(sorted(wrong))}")
    return names


def _backing(options: argparse.Namespace) -> str:
    return ("PostgreSQL" if options.postgres else "SQLite") + (" and Redis" if options.redis else "")


if __name__ == "__main__":
    sys.exit(main())
