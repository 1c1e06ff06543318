"""The id by which the log's lines about one request are found."""

from __future__ import annotations

import json
import logging
import re

import httpx
import pytest
from starlette.applications import Starlette

from app.log import JsonLines, request_id
from tests.make import HTML, Client, Member
from tests.server import Running

GIVEN = "proxy-0123.abc_DEF"
MALFORMED = ["short", "x" * 65, "twelve chars", "<script>alert", "späßchen-00", "a;b;c;d;e;f", "x" * 5_000]


async def asked(server: Running, given: str, source: str = "127.0.0.1") -> str:
    transport = httpx.AsyncHTTPTransport(local_address=source)
    async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
        answer = await client.get("/healthz", headers={b"x-request-id": given.encode()})
        return answer.headers["x-request-id"]


async def test_every_answer_has_an_id_of_its_own(ann: Member) -> None:
    answers = [await ann.get(path, headers=HTML) for path in ("/users", "/users", "/nothing", "/login", "/healthz")]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert all(re.fullmatch(r"[0-9a-f]{12}", each) for each in ids)
    assert len(set(ids)) == len(ids)


async def test_a_failure_has_one_too(app: Starlette, ann: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.users.service.directory", None)
    async with Client(app, raise_app_exceptions=False) as client:
        client.cookies = ann.cookies
        answer = await client.get("/users")
    assert answer.status_code == 500
    assert re.fullmatch(r"[0-9a-f]{12}", answer.headers["x-request-id"])


async def test_a_proxy_that_is_trusted_may_give_the_id(server: Running) -> None:
    assert await asked(server, GIVEN) == GIVEN
    assert await asked(server, GIVEN, source="127.0.0.2") != GIVEN


@pytest.mark.parametrize("given", MALFORMED)
async def test_what_is_no_id_is_replaced(server: Running, given: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{12}", await asked(server, given))


def test_a_line_says_whose_it_is() -> None:
    record = logging.LogRecord("app.test", logging.WARNING, "", 0, "slow", (), None)
    token = request_id.set("0123456789ab")
    alone, second = (json.loads(JsonLines(worker).format(record)) for worker in (None, 2))
    request_id.reset(token)
    assert alone["request"] == second["request"] == "0123456789ab"
    assert "worker" not in alone
    assert second["worker"] == 2
    assert second["pid"] > 0
