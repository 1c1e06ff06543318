"""Static files: packed, kept for ever under the name of their release, and nothing beside them."""

from __future__ import annotations

import pytest

from app.templates import release
from tests.make import HTML, Client, Member

HTMX_SCRIPT = "vendor/htmx/htmx.min.js"


async def test_packed_or_plain_it_is_the_same(anonymous: Client) -> None:
    path = f"/static/{release()}/{HTMX_SCRIPT}"
    plain = await anonymous.get(path, headers={"accept-encoding": "identity"})
    packed = await anonymous.get(path, headers={"accept-encoding": "gzip"})
    assert (plain.status_code, plain.content) == (200, packed.content)
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"].startswith("text/javascript")
    assert "Accept-Encoding" in plain.headers["vary"]


async def test_it_is_kept_for_ever(anonymous: Client) -> None:
    response = await anonymous.get(f"/static/{release()}/icon.svg")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"


async def test_a_page_of_another_release_gets_ours_and_does_not_keep_it(anonymous: Client) -> None:
    ours = await anonymous.get(f"/static/{release()}/icon.svg")
    response = await anonymous.get("/static/000000000000/icon.svg")
    assert (response.status_code, response.content) == (200, ours.content)
    assert response.headers["cache-control"] == "no-store"
    assert (await anonymous.get("/static//icon.svg")).status_code == 404


@pytest.mark.parametrize(
    "path", ["..%2f..%2fpyproject.toml", "..%2fapp%2fmain.py", "%2e%2e/%2e%2e/README.md", "", "css", "%00", "vendor/"]
)
async def test_nothing_beside_it_is_served(anonymous: Client, path: str) -> None:
    assert (await anonymous.get(f"/static/{release()}/{path}")).status_code == 404


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("POST", 404), ("DELETE", 404)])
async def test_it_is_only_read(anonymous: Client, method: str, status: int) -> None:
    response = await anonymous.request(method, f"/static/{release()}/icon.svg")
    assert response.status_code in (status, 405)
    assert method == "HEAD" or response.status_code != 200


async def test_long_pages_are_packed_too(ann: Member, chat_id: int) -> None:
    await ann.say(chat_id, "x" * 5000)
    packed = await ann.get(f"/chats/{chat_id}", headers={**HTML, "accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert {"Accept", "Accept-Encoding", "Cookie", "HX-Request"} == set(packed.headers["vary"].split(", "))
