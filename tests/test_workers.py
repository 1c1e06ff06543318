"""Several processes on one socket, started as the command line starts them: none is missed, none is mourned."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from app.__main__ import main
from app.settings import ROOT
from app.supervisor import pause
from tests.backing import Postgres, Redis
from tests.process import environment, parley

PATIENCE = 30
IN_TIME = 8  # seconds that all workers together have to end


class Workers:
    """A supervisor with its workers, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.heard = asyncio.Condition()
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            async with self.heard:
                self.lines.append(json.loads(line) if line.startswith(b"{") else {"message": line.decode()})
                self.heard.notify_all()

    async def said(self, words: str, times: int = 1) -> list[dict[str, Any]]:
        """The lines with these words, once there are so many."""
        async with asyncio.timeout(PATIENCE), self.heard:
            await self.heard.wait_for(lambda: len(self.with_words(words)) >= times)
        return self.with_words(words)

    def with_words(self, words: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if words in line["message"]]

    async def url(self) -> str:
        """Where it listens, once it does."""
        message: str = (await self.said("listening on"))[0]["message"]
        return message.split(" ")[-1]

    async def children(self, count: int) -> list[int]:
        """The pids of those that have begun to serve, in the order in which they did."""
        return [line["child"] for line in await self.said(" serves", count)]

    async def ended(self, patience: float = PATIENCE) -> int:
        async with asyncio.timeout(patience):
            await self.listening
            return await self.process.wait()


@contextlib.asynccontextmanager
async def supervisor(folder: Path, *command: str, **settings: str) -> AsyncGenerator[Workers]:
    """A program of ours and all that it starts; whatever runs at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, cwd=folder, stderr=asyncio.subprocess.PIPE,
        env={**environment(folder, **settings), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    found = Workers(process)
    try:
        yield found
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.wait_for(found.listening, PATIENCE)  # workers hold the pipe until they are gone, too


@contextlib.asynccontextmanager
async def workers(folder: Path, count: int = 2, broken: str = "") -> AsyncGenerator[Workers]:
    """`count` workers of which those in `broken` do not start."""
    (folder / "broken").write_text(broken)
    async with supervisor(folder, "tests.crew", str(count)) as found:
        yield found


@contextlib.asynccontextmanager
async def up(folder: Path, count: int = 2, broken: str = "") -> AsyncGenerator[tuple[Workers, str]]:
    async with workers(folder, count, broken) as found:
        yield found, await found.url()


async def asked(url: str) -> int:
    """The pid that answers on a connection of its own."""
    async with httpx.AsyncClient() as client:
        return int((await client.get(url)).text)


async def test_one_that_is_killed_is_replaced_and_requests_go_on(tmp_path: Path) -> None:
    async with up(tmp_path) as (found, url):
        first, second = await found.children(2)
        os.kill(first, signal.SIGKILL)
        third = (await found.children(3))[2]
        assert third not in (first, second)
        assert await asked(url) in (second, third)
        os.kill(second, signal.SIGKILL)
        await found.said("ended with status -9", 2)
        assert await asked(url)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_all_in_time_and_without_failure(tmp_path: Path, number: signal.Signals) -> None:
    async with up(tmp_path) as (found, url), connect(url.replace("http", "ws") + "/ws", proxy=None) as page:
        children = await found.children(2)
        found.process.send_signal(number)
        assert await found.ended(IN_TIME) == 0
        await page.wait_closed()
        assert page.close_code == 1012
        for child in children:
            with pytest.raises(ProcessLookupError):
                os.kill(child, 0)
        with pytest.raises(httpx.ConnectError):
            await asked(url)


async def test_a_rollover_replaces_all_and_loses_no_request(tmp_path: Path) -> None:
    async with up(tmp_path) as (found, url):
        old = await found.children(2)
        asking = asyncio.Event()
        streams = [asyncio.create_task(stream(url, asking, keep)) for keep in (True, True, False, False)]
        found.process.send_signal(signal.SIGHUP)
        new = (await found.children(4))[2:]
        while await asked(url) in old:
            pass
        asking.set()
        answered = set().union(*await asyncio.gather(*streams))
        assert answered & set(old)
        assert answered & set(new)
        assert not set(old) & set(new)


async def stream(url: str, until: asyncio.Event, keep: bool) -> set[int]:
    """Ask without a pause, on a connection that is kept or on ever new ones; any failure is raised."""
    answered = set()
    async with httpx.AsyncClient() as client:
        while not until.is_set():
            answered.add(int((await client.get(url)).text) if keep else await asked(url))
    return answered


async def test_one_that_cannot_start_does_not_end_the_others_nor_spins(tmp_path: Path) -> None:
    async with up(tmp_path, broken="2") as (found, url):
        assert await asked(url) == (await found.children(1))[0]
        failed = await found.said("worker 2 did not start: The moon is in the wrong phase.", 2)
        assert {line["worker"] for line in failed} == {0}
        (tmp_path / "broken").write_text("")
        assert len(await found.children(2)) == 2


async def test_a_rollover_to_what_does_not_start_leaves_the_old_ones(tmp_path: Path) -> None:
    async with up(tmp_path) as (found, url):
        old = await found.children(2)
        (tmp_path / "broken").write_text("1 2")
        found.process.send_signal(signal.SIGHUP)
        await found.said("the other workers stay as they are")
        assert await asked(url) in old
        assert len(found.with_words(" serves")) == 2


async def test_who_is_told_to_stop_during_a_rollover_stops(tmp_path: Path) -> None:
    async with up(tmp_path) as (found, _):
        found.process.send_signal(signal.SIGHUP)
        await found.children(3)
        found.process.send_signal(signal.SIGTERM)
        assert await found.ended(IN_TIME) == 0
        assert not found.with_words("Exception")


async def test_when_none_starts_it_ends_with_what_they_said(tmp_path: Path) -> None:
    async with workers(tmp_path, broken="1 2") as found:
        assert await found.ended() == 1
        assert found.lines[-1]["message"] == "never: The moon is in the wrong phase.\n"
        assert not found.with_words("Exception")


async def test_workers_end_when_nobody_watches_over_them(tmp_path: Path) -> None:
    async with up(tmp_path) as (found, url):
        await asked(url)
        found.process.kill()
        await found.ended(IN_TIME)  # reads what they say to its end: they hold the other side


@pytest.mark.torture
async def test_parley_itself_counts_over_its_workers_whatever_becomes_of_them(
    tmp_path: Path, postgres: Postgres, redis: Redis
) -> None:
    settings = {"PARLEY_PORT": "0", "PARLEY_DATABASE_URL": postgres.url, "PARLEY_REDIS_URL": redis.url}
    async with (
        supervisor(tmp_path, "app", "serve", "--workers", "2", **settings) as found,
        httpx.AsyncClient(base_url=await found.url()) as client,
    ):
        old = await found.children(2)
        for _ in range(10):
            await client.get("/healthz")
        found.process.send_signal(signal.SIGHUP)
        new = (await found.children(4))[2:]
        assert not set(old) & set(new)
        os.kill(new[0], signal.SIGKILL)
        await found.children(5)
        assert await asked_until(client, "parley_bus_whole 1.0")
        assert await asked_until(client, "parley_database_connections_most 20.0")
        told = await client.get("/metrics")
        assert 'parley_http_request_seconds_count{method="GET",route="/healthz",status="2xx"} 10.0' in told.text
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        found.process.send_signal(signal.SIGTERM)
        assert await found.ended(IN_TIME) == 0


async def asked_until(client: httpx.AsyncClient, line: str) -> bool:
    """Look at the numbers until this line is among them."""
    async with asyncio.timeout(PATIENCE):
        while line not in (await client.get("/metrics")).text.splitlines():
            pass
    return True


def test_tries_become_rarer() -> None:
    pauses = [pause(lives) for lives in range(8)]
    assert pauses == [0, 0, 1, 2, 4, 8, 10, 10]


def test_without_a_bus_there_is_one_worker(tmp_path: Path) -> None:
    done = parley(tmp_path, "serve", "--workers", "2")
    assert done.returncode == 1
    assert done.stderr == (
        "parley: Several workers hear each other through Redis: "
        "set PARLEY_REDIS_URL and PARLEY_DATABASE_URL, or serve with one.\n"
    )


@pytest.mark.parametrize("count", ["0", "-1", "many", "257"])
def test_a_number_of_workers_is_a_number(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", f"--workers={count}"])
    assert "must be a whole number from 1 to 256" in capsys.readouterr().err
