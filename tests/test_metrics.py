"""What Prometheus is told, and who else is not."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from app import metrics
from app.db import now
from app.jobs import Job
from app.realtime.hub import TOO_SLOW, Outbox
from tests.make import HTML, Client, Member, make_message
from tests.server import Running
from tests.sockets import listening

TOKEN = "a token for tests alone, as long as it should be"
WITH_TOKEN = [{"metrics_token": TOKEN}]
HOME = {"host": "127.0.0.1:8000"}
FAR = {
    "another name": {"host": "chat.example.org"},
    "no host of ours": {"host": "evil.example:8000"},
    "a proxy": HOME | {"x-forwarded-for": "192.0.2.7"},
    "a proxy on this machine": HOME | {"x-forwarded-for": "127.0.0.1"},
    "a proxy of another kind": HOME | {"forwarded": "for=192.0.2.7"},
    "a page": HOME | {"sec-fetch-site": "same-origin"},
    "a foreign page": HOME | {"origin": "https://evil.example"},
    "a wrong token": HOME | {"host": "testserver", "authorization": "Bearer " + TOKEN[:-1]},
    "no token": HOME | {"host": "testserver", "authorization": "Bearer "},
}


class Numbers:
    """What the numbers are now; `since` tells by how much they have grown."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def of(self, name: str, **labels: str) -> float:
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)


async def numbers(client: httpx.AsyncClient) -> Numbers:
    return Numbers(await client.get("/metrics", headers=HOME))


async def test_a_send_is_counted_by_its_outcome(anonymous: Client, ann: Member, cara: Member, chat_id: int) -> None:
    before = await numbers(anonymous)
    await ann.say(chat_id, "Hello")
    await ann.say(chat_id, "")
    await cara.say(chat_id, "Let me in")
    after = await numbers(anonymous)
    grown = {
        outcome: after.of(name, outcome=outcome) - before.of(name, outcome=outcome)
        for name in ["parley_send_seconds_count"]
        for outcome in ("stored", "refused", "failed")
    }
    assert grown == {"stored": 1, "refused": 2, "failed": 0}


async def test_a_send_that_the_database_cannot_store_has_failed(
    app: Starlette, anonymous: Client, ann: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await numbers(anonymous)

    full: Exception = sqlite3.OperationalError("disk full")
    if app.state.database.is_shared:
        full = OperationalError("INSERT", {}, Exception("disk full"))

    async def refuse(*_: Any) -> None:
        raise full

    monkeypatch.setattr("app.messages.queue.send_all", refuse)
    assert (await ann.say(chat_id, "Hello")).status_code == 503
    after = await numbers(anonymous)
    for name, labels in (
        ("parley_send_seconds_count", {"outcome": "failed"}),
        ("parley_works_total", {"kind": "write", "outcome": "failed"}),
    ):
        assert after.of(name, **labels) - before.of(name, **labels) == 1


async def test_pages_frames_and_evictions_are_counted(
    app: Starlette, server: Running, anonymous: Client, ann: Member, bob: Member, chat_id: int
) -> None:
    before = await numbers(anonymous)
    async with listening(server, app, ann), listening(server, app, bob):
        slow = Outbox(most=1)
        app.state.hub.join(slow, [f"chat:{chat_id}"])
        for _ in range(2):
            await make_message(app, ann, chat_id)
        assert slow.closed == TOO_SLOW
        during = await numbers(anonymous)
        app.state.hub.remove(slow)
    assert during.of("parley_sockets") == 2
    assert during.of("parley_frames_delivered_total") - before.of("parley_frames_delivered_total") >= 6
    assert during.of("parley_outbox_evictions_total") - before.of("parley_outbox_evictions_total") == 1


async def test_requests_are_told_apart_by_the_template_of_their_path(
    anonymous: Client, ann: Member, chat_id: int
) -> None:
    before = await numbers(anonymous)
    await ann.get(f"/chats/{chat_id}")
    await ann.get("/chats/999999")
    await ann.get(f"/nowhere/{chat_id}")
    await ann.get("/static/old/icon.svg")
    await ann.request("BREW", "/users")
    await anonymous.get("/secret/path")
    after = await numbers(anonymous)
    grown = {
        labels: value - before.samples.get((name, labels), 0)
        for (name, labels), value in after.samples.items()
        if name == "parley_http_request_seconds_count" and value != before.samples.get((name, labels), 0)
    }
    found = {(each["method"], each["route"], each["status"]): count for labels, count in grown.items()
             if (each := dict(labels)) and each["route"] != "/metrics"}  # fmt: skip
    assert found == {
        ("GET", "/chats/{chat_id:int}", "2xx"): 1,
        ("GET", "/chats/{chat_id:int}", "4xx"): 1,
        ("GET", "none", "4xx"): 2,
        ("GET", "/static", "2xx"): 1,
        ("other", "/users", "4xx"): 1,
    }


async def test_a_failure_is_a_request_with_status_500(
    app: Starlette, anonymous: Client, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"method": "GET", "route": "/users", "status": "5xx"}
    before = await numbers(anonymous)
    monkeypatch.setattr("app.users.service.directory", None)
    async with Client(app, raise_app_exceptions=False) as client:
        client.cookies = ann.cookies
        await client.get("/users")
    after = await numbers(anonymous)
    assert (
        after.of("parley_http_request_seconds_count", **labels)
        - before.of("parley_http_request_seconds_count", **labels)
        == 1
    )


async def test_the_database_and_the_bus_are_looked_up(app: Starlette, anonymous: Client) -> None:
    async with app.state.database.read():
        alone = await numbers(anonymous)
        assert alone.of("parley_database_connections_used") >= 1
    assert alone.of("parley_database_connections_most") >= alone.of("parley_database_connections_used")
    assert (alone.of("parley_bus_whole"), alone.of("parley_bus_lag_seconds")) == (1, 0)
    app.state.bus.is_whole, app.state.bus.lag = False, 1.5
    cut = await numbers(anonymous)
    assert (cut.of("parley_bus_whole"), cut.of("parley_bus_lag_seconds")) == (0, 1.5)


async def test_jobs_that_are_due_or_given_up_are_counted(app: Starlette, anonymous: Client) -> None:
    async with app.state.database.write() as work:
        for due_at in (now() - timedelta(seconds=1), now() + timedelta(hours=1), None, None):
            await work.execute(insert(Job).values(name="unknown", payload={}, due_at=due_at))
    told = await numbers(anonymous)
    assert (told.of("parley_jobs", state="due"), told.of("parley_jobs", state="given up")) == (1, 2)


@pytest.mark.sqlite  # where there is one writer, a second one waits for sure
async def test_who_waits_for_the_database_is_counted(app: Starlette, anonymous: Client) -> None:
    async with app.state.database.write():
        waiting = asyncio.create_task(nothing(app))
        while (await numbers(anonymous)).of("parley_works_waiting") == 0:
            pass
    await waiting
    assert (await numbers(anonymous)).of("parley_works_waiting") == 0


async def nothing(app: Starlette) -> None:
    async with app.state.database.write():
        pass


# Who is told


@pytest.mark.parametrize("changes", WITH_TOKEN)
@pytest.mark.parametrize("headers", FAR.values(), ids=FAR)
async def test_for_anybody_else_there_is_no_such_page(
    anonymous: Client, ann: Member, headers: dict[str, str]
) -> None:
    for client in (anonymous, ann):
        answer = await client.get("/metrics", headers=headers)
        assert answer.status_code == 404
        assert "parley_" not in answer.text
    told, unknown = [await ann.get(path, headers=HTML) for path in ("/metrics", "/nothing")]
    assert told.status_code == unknown.status_code == 404
    assert without_nonce(told) == without_nonce(unknown)


def without_nonce(answer: httpx.Response) -> str:
    nonce = answer.headers["content-security-policy"].partition("'nonce-")[2].partition("'")[0]
    return answer.text.replace(nonce, "")


async def test_without_a_token_set_none_is_right(anonymous: Client) -> None:
    for given in ("Bearer ", "Bearer", "Bearer None", ""):
        answer = await anonymous.get("/metrics", headers={"authorization": given})
        assert answer.status_code == 404


@pytest.mark.parametrize("changes", WITH_TOKEN)
async def test_with_the_token_they_are_read_from_anywhere(anonymous: Client) -> None:
    headers = {"x-forwarded-for": "192.0.2.7", "authorization": f"Bearer {TOKEN}"}
    answer = await anonymous.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")


@pytest.mark.parametrize("changes", WITH_TOKEN)
async def test_a_token_that_is_no_text_is_wrong(anonymous: Client) -> None:
    answer = await anonymous.get("/metrics", headers={b"authorization": b"Bearer \xff\xfe"})
    assert answer.status_code == 404


async def test_a_program_on_this_machine_reads_them(server: Running) -> None:
    async with httpx.AsyncClient() as client:
        Numbers(await client.get(f"{server.url}/metrics"))
        assert (await client.get(f"{server.url}/metrics", headers={"x-forwarded-for": "::1"})).status_code == 404


# The log


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how long every request takes."""

    def take(seconds: float) -> None:
        readings = iter([10.0, 10.0 + seconds])
        monkeypatch.setattr(metrics, "perf_counter", lambda: next(readings))

    return take


async def test_a_slow_request_is_told_to_the_log(
    clock: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Response(status_code=201)(scope, receive, send)

    for seconds in (0.9, 1.2):
        clock(seconds)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
        await metrics.Measured(app)(scope, Request(scope).receive, _swallow)
    lines = [record for record in caplog.records if record.name == metrics.__name__]
    assert [(line.levelno, line.getMessage()) for line in lines] == [(logging.WARNING, "a slow request: GET none")]
    assert (vars(lines[0])["status"], vars(lines[0])["seconds"]) == (201, 1.2)


async def _swallow(_: Any) -> None:
    pass


async def test_an_app_that_runs_is_sampled_now_and_then(
    app: Starlette, anonymous: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled = asyncio.Event()
    monkeypatch.setattr(metrics, "SAMPLE_SECONDS", 0)
    monkeypatch.setattr(metrics, "sample", lambda _: sampled.set())

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.wait_for(sampled.wait(), 10)

    scope = {"type": "lifespan", "app": SimpleNamespace(state=app.state)}
    await metrics.Measured(lifespan)(scope, _swallow, _swallow)  # type: ignore[arg-type]
