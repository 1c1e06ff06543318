"""SQLite on a disk that is full, or may not be written: clear words, nothing half done, and well again after."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster import Cluster, Row
from tests.process import parley
from tests.torture import disks
from tests.torture.judge import require_agreement, settle
from tests.torture.page import Outgoing, Page
from tests.waiting import until

pytestmark = pytest.mark.torture

LITTLE = 400_000  # bytes
FILLER = " and words" * 1500  # short messages may go where an older one was
LONGEST = 5  # seconds until somebody who sends must know
NO_ROOM = "The server could not store that. Nothing was changed; please try again in a moment."


def cookies(page: Page, accept: str) -> dict[str, str]:
    return {**page.cookie, "accept": accept}


async def require_refusals(page: Page, chat_id: int) -> None:
    """A message is refused with the sentence, to programs and on the page, and soon; what was said is read."""
    known, began = len(page.refusals), len(page.seconds)
    page.send(chat_id, "when it does not go" + FILLER)
    await until(lambda: page.refusals[known:])
    for status, text in page.refusals[known:]:
        assert status == 503
        assert NO_ROOM in text
    assert max(page.seconds[began:]) < LONGEST
    path = f"/chats/{chat_id}/messages"
    answer = await page.http.post(path, data={"body": "from a form" + FILLER}, headers=cookies(page, "text/html"))
    assert answer.status_code == 503
    assert NO_ROOM in answer.text
    for accept in ("text/html", "application/json"):
        answer = await page.http.get(f"/chats/{chat_id}", headers=cookies(page, accept))
        assert answer.status_code == 200
        assert "before it" in answer.text


async def require_recovery(cluster: Cluster, pages: list[Page], chat_id: int) -> list[Row]:
    """What the page gave up goes through when it is tried again, and everything else, too."""
    for page in pages:
        page.send(chat_id, f"after it, by {page.member.username}")
    await settle(pages)
    messages = await require_agreement(cluster, pages)
    assert count(messages[chat_id], "when it does not go") == 1
    assert count(messages[chat_id], "from a form") == 0
    assert count(messages[chat_id], "after it") == len(pages)
    return messages[chat_id]


def count(rows: list[Row], beginning: str) -> int:
    return sum(row.body.startswith(beginning) for row in rows)


async def fits(page: Page, chat_id: int) -> bool:
    """Say something long; answers whether there was room for it."""
    body = "into what is left" + FILLER
    return (await page.http.post(f"/chats/{chat_id}/messages", data={"body": body})).is_success


@contextlib.asynccontextmanager
async def conversing(data: Path) -> AsyncIterator[tuple[Cluster, Page, Page, int]]:
    """A server with Ann's and Bob's pages on a chat in which something was said."""
    async with Cluster(data) as cluster:
        people = await cluster.people(2)
        (chat_id,) = await cluster.groups(people, 1, size=2)
        async with Page(cluster.url, people[0], [chat_id]) as ann, Page(cluster.url, people[1], [chat_id]) as bob:
            for number in range(20):
                ann.send(chat_id, f"before it {number}")
            await settle([ann])
            yield cluster, ann, bob, chat_id


async def test_a_full_disk_refuses_in_a_sentence_and_needs_no_restart(tmp_path: Path) -> None:
    with disks.small(tmp_path) as disk:
        async with conversing(disk.data) as (cluster, ann, bob, chat_id):
            disk.fill(but=LITTLE)
            messages = [Outgoing(chat_id, f"into what is left {number}" + FILLER) for number in range(60)]
            ann.waiting += messages
            await asyncio.gather(*map(ann.deliver, messages))
            assert 0 < len(ann.refusals) < len(messages), "the disk ran full while they were written"
            stored = len(messages) - len(ann.refusals)
            ann.waiting.clear()  # nobody wants to wait until each was tried four times
            disk.fill()
            while await fits(ann, chat_id):
                stored += 1
            await require_refusals(ann, chat_id)
            disk.empty()
            rows = await require_recovery(cluster, [ann, bob], chat_id)
            # A commit may fail after its last byte, so what was refused may be there; a repeat would be known.
            assert stored <= count(rows, "into what is left") <= len(messages)
            print(f"\nfull disk: {stored} more were stored, slowest send {max(ann.seconds):.2f} s")


async def test_a_disk_that_takes_nothing_for_a_while_needs_no_restart(tmp_path: Path) -> None:
    async with conversing(tmp_path) as (cluster, ann, bob, chat_id):
        pid = cluster.processes[0].process.pid
        most = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        await require_refusals(ann, chat_id)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, most)
        await require_recovery(cluster, [ann, bob], chat_id)
        print(f"\nno write goes: slowest send {max(ann.seconds):.2f} s")


async def test_a_disk_that_turns_read_only_refuses_in_a_sentence_and_loses_nothing(tmp_path: Path) -> None:
    with disks.breaking(tmp_path) as disk:
        async with conversing(disk.data) as (cluster, ann, bob, chat_id):
            disks.break_(disk)
            await require_refusals(ann, chat_id)
            process = cluster.processes[0]
            await cluster.stop(process)
            await cluster.app.state.database.close()
            disks.repair(disk)
            await cluster.start(process)
            await require_recovery(cluster, [ann, bob], chat_id)
            print(f"\ndisk turned read-only: slowest send {max(ann.seconds):.2f} s")
        assert not [line for line in process.lines if "Traceback" in line]


def require_one_sentence(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("parley: ")
    assert reason in done.stderr


def test_a_start_without_room_ends_with_one_sentence(tmp_path: Path) -> None:
    with disks.small(tmp_path) as disk:
        disk.fill()
        require_one_sentence(parley(disk.data, "serve", PARLEY_PORT="0"), "No space left on device")
        disk.empty()
        assert parley(disk.data, "migrate").returncode == 0
        disk.fill()
        require_one_sentence(parley(disk.data, "serve", PARLEY_PORT="0"), "No space left on device")


def test_a_start_that_may_not_write_ends_with_one_sentence(tmp_path: Path) -> None:
    with disks.small(tmp_path) as disk:
        disks.write_protect(disk, on=True)
        require_one_sentence(parley(disk.data, "serve", PARLEY_PORT="0"), "Read-only file system")
        disks.write_protect(disk, on=False)
        assert parley(disk.data, "migrate").returncode == 0
        disks.write_protect(disk, on=True)
        require_one_sentence(parley(disk.data, "serve", PARLEY_PORT="0"), "Read-only file system")
