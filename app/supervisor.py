"""Several processes behind one listening socket: started, watched, replaced one by one, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection

import uvicorn
from prometheus_client.multiprocess import mark_process_dead

from app import metrics
from app.server import STOP, Server, listen, say_where

START = 60  # seconds that a worker may take until it serves
LAST = STOP + 3  # seconds that a worker may take to end when told to
SETTLED = 10  # seconds after which a worker that ends did start well
MOST_PAUSE = 10
SILENT = "A worker ended before it could serve; the log says why."

# A fresh interpreter for each: nothing is shared by accident, and SIGHUP runs the code that is there then.
SPAWN = multiprocessing.get_context("spawn")
Make = Callable[[int], uvicorn.Config]

log = logging.getLogger(__name__)


class NeverStarted(Exception):
    """No worker could start; the text is what the last one said."""


class WorkerServer(Server):
    """The server inside a worker: says to the supervisor when it serves, and ends when that one is gone."""

    def __init__(self, config: uvicorn.Config, line: Connection) -> None:
        super().__init__(config, self._say)
        self.line = line

    def _say(self, _: Iterable[socket.socket]) -> None:
        self.line.send("")
        asyncio.get_running_loop().add_reader(self.line.fileno(), self._orphaned)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self.line.fileno())
        self.handle_exit(signal.SIGTERM, None)


def _serve(make: Make, listener: socket.socket, line: Connection, number: int) -> None:
    """What a worker does, from its first line to its end."""
    for each in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to all; the supervisor decides
        signal.signal(each, signal.SIG_IGN)
    try:
        WorkerServer(make(number), line).run(sockets=[listener])
    except Exception as error:
        log.exception("a worker failed")
        with contextlib.suppress(OSError):
            line.send(str(error) or SILENT)
        sys.exit(1)


class Worker:
    """One process, seen from the supervisor."""

    def __init__(self, make: Make, listener: socket.socket, number: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.number = number
        self.began = self.loop.time()
        self.told: asyncio.Future[str] = self.loop.create_future()  # "" once it serves, else why it does not
        self.ended = asyncio.Event()
        self.line, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(make, listener, theirs, number))
        self.process.start()
        theirs.close()
        self.too_late = self.loop.call_later(START, self.process.kill)
        self.loop.add_reader(self.line.fileno(), self._hear)
        self.loop.add_reader(self.process.sentinel, self._end)

    def _hear(self) -> None:
        self.loop.remove_reader(self.line.fileno())
        self.too_late.cancel()
        try:
            sentence = self.line.recv()
        except (EOFError, OSError):
            sentence = SILENT
        if not self.told.done():  # who waited for it may have been told to stop
            self.told.set_result(sentence)
        if sentence:
            log.error("worker %d did not start: %s", self.number, sentence)
        else:
            log.info("worker %d serves", self.number, extra={"child": self.process.pid})

    def _end(self) -> None:
        self.loop.remove_reader(self.process.sentinel)
        if self.loop.remove_reader(self.line.fileno()):
            self._hear()
        self.process.join()
        self.line.close()
        mark_process_dead(self.process.pid, os.environ[metrics.FOLDER])  # type: ignore[no-untyped-call]
        self.ended.set()

    async def stop(self) -> None:
        """Tell it to end, and see to it that it does."""
        self.process.terminate()
        try:
            async with asyncio.timeout(LAST):
                await self.ended.wait()
        except TimeoutError:
            log.error("worker %d did not end in time and is killed", self.number)
            self.process.kill()
            await self.ended.wait()


class Supervisor:
    """Keeps `count` workers serving on the listener."""

    def __init__(self, make: Make, listener: socket.socket, count: int) -> None:
        self.make = make
        self.listener = listener
        self.numbers = range(1, count + 1)
        self.workers: dict[int, Worker] = {}  # who serves under a number, or is about to
        self.running: set[Worker] = set()
        self.unheard = set(self.numbers)  # nothing is known yet of their first worker
        self.has_served = False
        self.stopping = asyncio.Event()
        self.renewing = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. SIGHUP replaces the workers. Raises NeverStarted."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self.renewing.set)
        tasks = [asyncio.create_task(self._keep(number)) for number in self.numbers]
        tasks += [asyncio.create_task(self._renew_when_asked()), asyncio.create_task(self._stopped())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.listener.close()
            await asyncio.gather(*(worker.stop() for worker in self.running))

    async def _stopped(self) -> None:
        await self.stopping.wait()

    def _start(self, number: int) -> Worker:
        worker = Worker(self.make, self.listener, number)
        self.running.add(worker)
        return worker

    async def _keep(self, number: int) -> None:
        """Have a worker under this number, whatever becomes of it."""
        short_lives = 0
        self.workers[number] = self._start(number)
        while True:
            worker = self.workers[number]
            self._heard(number, await worker.told)
            await worker.ended.wait()
            self.running.discard(worker)
            if self.workers[number] is worker:
                short_lives = 0 if worker.loop.time() - worker.began > SETTLED else short_lives + 1
                log.warning("worker %d ended with status %s", number, worker.process.exitcode)
                await asyncio.sleep(pause(short_lives))
            if self.workers[number] is worker:  # nobody has replaced it meanwhile
                self.workers[number] = self._start(number)

    def _heard(self, number: int, sentence: str) -> None:
        self.has_served |= not sentence
        if number not in self.unheard:
            return
        self.unheard.discard(number)
        if self.unheard:
            return
        if not self.has_served:
            raise NeverStarted(sentence)
        say_where([self.listener])

    async def _renew_when_asked(self) -> None:
        while True:
            await self.renewing.wait()
            self.renewing.clear()
            for number in self.numbers:
                if not await self._renew(number):
                    log.error("the other workers stay as they are")
                    break

    async def _renew(self, number: int) -> bool:
        """Put a new worker beside the old one, and end that once the new one serves."""
        new = self._start(number)
        if await new.told:
            await new.ended.wait()
            self.running.discard(new)
            return False
        old, self.workers[number] = self.workers[number], new
        await old.stop()
        self.running.discard(old)
        return True


def pause(short_lives: int) -> float:
    """Seconds until the next try: none after a good life or the first bad one, more and more after that."""
    return min(MOST_PAUSE, 2.0 ** (short_lives - 2)) if short_lives > 1 else 0.0


def supervise(make: Make, host: str, port: int, count: int) -> None:
    """Serve with `count` processes until SIGTERM or SIGINT.

    `make` is called in each with its number, from 1 on; it must be importable. Raises PortTaken, or NeverStarted.
    """
    with listen(host, port) as listener, tempfile.TemporaryDirectory(prefix="parley-metrics-") as folder:
        os.environ[metrics.FOLDER] = folder  # the workers inherit it before they import what reads it
        asyncio.run(_supervise(make, listener, count))


async def _supervise(make: Make, listener: socket.socket, count: int) -> None:
    await Supervisor(make, listener, count).run()
