"""Every route, tried by nobody, a stranger, a former member, a member and the owner, who is the admin, too."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Message

from tests.make import CURL, HTML, HTMX, JSON, Member, make_message
from tests.walk import ABSENT, ROLES, World, doors, make_world

# What each of ROLES, asking one after the other, is answered: a new route needs a new line.
WALK = """
GET       /static/{release}/{file}                            200 200 200 200 200
GET       /healthz                                            200 200 200 200 200
GET       /metrics                                            404 404 404 404 404
GET       /readyz                                             200 200 200 200 200
WEBSOCKET /ws                                                 4401 101 101 101 101
GET       /users                                              401 200 200 200 200
GET       /users/names                                        401 200 200 200 200
GET       /users/{user_id:int}                                401 200 200 200 200
GET       /you                                                401 200 200 200 200
GET       /you/edit                                           401 200 200 200 200
POST      /you/edit                                           401 200 200 200 200
POST      /contacts                                           401 201 201 201 201
POST      /contacts/{user_id:int}/remove                      401 404 404 200 404
POST      /theme                                              200 200 200 200 200
GET       /me.css                                             401 404 404 200 404
GET       /login                                              200 303 303 303 303
POST      /login                                              200 200 200 200 200
GET       /register                                           200 303 303 303 303
POST      /register                                           201 201 201 201 201
GET       /join/{token}                                       200 303 303 303 303
POST      /join/{token}                                       201 201 201 201 201
POST      /logout                                             401 200 200 200 200
GET       /devices                                            401 200 200 200 200
POST      /devices/revoke-others                              401 200 200 200 200
POST      /devices/{session_id:int}/revoke                    401 404 404 200 404
GET       /password                                           401 200 200 200 200
POST      /password                                           401 200 200 200 200
GET       /invites                                            401 404 404 404 200
POST      /invites                                            401 404 404 404 201
POST      /invites/{invite_id:int}/revoke                     401 404 404 404 200
GET       /chats/{chat_id:int}/info                           401 404 200 200 200
POST      /chats/{chat_id:int}/draft                          401 404 200 200 200
POST      /chats/{chat_id:int}/read                           401 404 200 200 200
GET       /chats/{chat_id:int}                                401 404 200 200 200
GET       /chats/{chat_id:int}/messages                       401 404 200 200 200
POST      /chats/{chat_id:int}/messages                       401 404 422 201 201
GET       /chats/{chat_id:int}/messages/{seq:int}/menu        401 404 200 200 200
GET       /chats/{chat_id:int}/messages/{seq:int}/edit        401 404 403 200 403
GET       /chats/{chat_id:int}/messages/{seq:int}/info        401 404 403 200 403
POST      /chats/{chat_id:int}/messages/{seq:int}/edit        401 404 403 200 403
POST      /chats/{chat_id:int}/messages/{seq:int}/delete      401 404 403 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/hide        401 404 200 200 200
GET       /chats/{chat_id:int}/messages/{seq:int}/react       401 404 403 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/react       401 404 403 200 200
GET       /chats/{chat_id:int}/messages/{seq:int}/reactions   401 404 200 200 200
GET       /starred                                            401 200 200 200 200
GET       /chats/{chat_id:int}/starred                        401 404 200 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/star        401 404 200 200 200
GET       /chats/{chat_id:int}/messages/{seq:int}/forward     401 404 200 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/forward     401 404 422 201 201
GET       /chats/{chat_id:int}/pins                           401 404 200 200 200
GET       /chats/{chat_id:int}/pins/banner                    401 404 200 200 200
GET       /chats/{chat_id:int}/messages/{seq:int}/pin         401 404 403 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/pin         401 404 403 200 200
GET       /chats/{chat_id:int}/forward                        401 404 200 200 200
POST      /chats/{chat_id:int}/forward                        401 404 422 201 201
GET       /chats/{chat_id:int}/select                         401 404 200 200 200
GET       /chats/{chat_id:int}/selection                      401 404 200 200 200
POST      /chats/{chat_id:int}/selection                      401 404 200 200 200
GET       /chats/{chat_id:int}/selection/delete               401 404 200 200 200
GET       /chats/{chat_id:int}/polls/new                      401 404 403 200 200
POST      /chats/{chat_id:int}/polls                          401 404 422 201 201
GET       /chats/{chat_id:int}/messages/{seq:int}/votes       401 404 404 404 404
POST      /chats/{chat_id:int}/messages/{seq:int}/votes       401 404 403 404 404
GET       /chats/{chat_id:int}/expiry                         401 404 200 200 200
POST      /chats/{chat_id:int}/expiry                         401 404 403 403 200
POST      /chats/{chat_id:int}/reply                          401 404 200 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/reply-privately 401 404 200 404 200
GET       /chats/{chat_id:int}/mentions                       401 404 200 200 200
POST      /chats/{chat_id:int}/messages/{seq:int}/card/remove 401 404 403 200 403
GET       /chats/{chat_id:int}/messages/{seq:int}/card/{hash} 401 404 404 404 404
GET       /chats/{chat_id:int}/switches                       401 404 200 200 200
POST      /chats/{chat_id:int}/pin                            401 404 200 200 200
POST      /chats/{chat_id:int}/mute                           401 404 200 200 200
POST      /chats/{chat_id:int}/archive                        401 404 200 200 200
POST      /chats/{chat_id:int}/favourite                      401 404 200 200 200
POST      /chats/{chat_id:int}/unread                         401 404 200 200 200
POST      /chats/{chat_id:int}/clear                          401 404 200 200 200
POST      /chats/{chat_id:int}/remove                         401 404 200 200 200
GET       /archive                                            401 200 200 200 200
POST      /archive                                            401 200 200 200 200
GET       /groups                                             401 200 200 200 200
POST      /groups                                             401 201 201 201 201
GET       /groups/new                                         401 200 200 200 200
GET       /groups/{chat_id:int}/edit                          401 404 403 403 200
POST      /groups/{chat_id:int}/edit                          401 404 403 403 200
GET       /groups/{chat_id:int}/members                       401 404 403 403 200
POST      /groups/{chat_id:int}/members                       401 404 403 403 200
POST      /groups/{chat_id:int}/join                          401 404 404 404 404
POST      /groups/{chat_id:int}/leave                         401 404 200 200 200
POST      /groups/{chat_id:int}/members/{user_id:int}/remove  401 404 403 403 200
POST      /groups/{chat_id:int}/members/{user_id:int}/promote 401 404 403 403 200
POST      /groups/{chat_id:int}/members/{user_id:int}/demote  401 404 403 403 200
GET       /search                                             401 200 200 200 200
GET       /switch                                             401 200 200 200 200
GET       /chats/{chat_id:int}/search                         401 404 200 200 200
GET       /chats/{chat_id:int}/day                            401 404 200 200 200
GET       /                                                   401 200 200 200 200
GET       /chats                                              401 200 200 200 200
POST      /chats                                              401 201 201 201 201
GET       /chats/{chat_id:int}/row                            401 404 200 200 200
"""
TABLE = {
    f"{method} {path}": dict(zip(ROLES, map(int, statuses), strict=True))
    for method, path, *statuses in map(str.split, WALK.strip().splitlines())
}
READING = [door for door in TABLE if door.startswith("GET")]
WRITING = [door for door in TABLE if door.startswith("POST")]
OBJECTS = [door for door, row in TABLE.items() if ("{" in door or "me.css" in door) and 404 in row.values()]
MESSAGES = [door for door in TABLE if "{seq" in door]
PLAIN = {"accept-encoding": "identity"}  # what is packed differs in length by the nonce
CALLERS = {"page": HTML | PLAIN, "htmx": HTMX | PLAIN, "json": JSON | PLAIN, "curl": CURL | PLAIN}
NOWHERE = {
    "chat_id": ABSENT,
    "seq": ABSENT,
    "user_id": ABSENT,
    "session_id": ABSENT,
    "invite_id": ABSENT,
    "u": ABSENT,
}

each_caller = pytest.mark.parametrize("headers", CALLERS.values(), ids=CALLERS)


@pytest.fixture
async def world(app: Starlette) -> World:
    return await make_world(app)


def same(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether nobody could tell two answers from another."""

    def shown(response: httpx.Response) -> tuple[object, ...]:
        nonce = re.search(r"'nonce-([^']+)'", response.headers["content-security-policy"])
        assert nonce
        headers = {name: value.replace(nonce[1], "") for name, value in response.headers.items()}
        del headers["x-request-id"]
        return response.status_code, headers, response.text.replace(nonce[1], "")

    return shown(one) == shown(other)


async def open_socket(app: Starlette, cookie: str) -> int:
    """Come to the socket's door and go again: 101 for who was let in, else the reason it was closed for."""
    heard: list[Message] = []
    inbox: Iterator[Message] = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}])

    async def receive() -> Message:
        return next(inbox)

    async def send(message: Message) -> None:
        heard.append(message)

    headers = [(b"host", b"testserver"), (b"cookie", f"__Host-sid={cookie}".encode())]
    await app({"type": "websocket", "scheme": "wss", "path": "/ws", "headers": headers}, receive, send)
    return next((message["code"] for message in heard if message["type"] == "websocket.close"), 101)


def test_the_table_knows_every_route(app: Starlette) -> None:
    release = app.state.templates.release
    assert sorted(door.replace(release, "{release}") for door in doors(app)) == sorted(TABLE)


async def test_who_reads_what(world: World) -> None:
    for door in READING:
        answers = {role: await world.knock(role, door, CURL) for role in ROLES}
        assert {role: answer.status_code for role, answer in answers.items()} == TABLE[door], door


@pytest.mark.parametrize("door", WRITING)
async def test_who_changes_what(world: World, door: str) -> None:
    answers = {role: await world.knock(role, door, CURL) for role in ROLES}
    assert {role: answer.status_code for role, answer in answers.items()} == TABLE[door]


async def test_who_is_let_in_at_the_socket(world: World) -> None:
    cookies = {role: getattr(world.people[role], "cookie", "") for role in ROLES}
    assert {role: await open_socket(world.app, cookies[role]) for role in ROLES} == TABLE["WEBSOCKET /ws"]


@each_caller
@pytest.mark.parametrize("form", [None, {}], ids=["right form", "empty form"])
async def test_what_is_not_yours_is_absent(
    world: World, headers: dict[str, str], form: dict[str, str] | None
) -> None:
    for door, role in ((door, role) for door in OBJECTS for role in ROLES if TABLE[door][role] == 404):
        theirs = await world.knock(role, door, headers, form)
        absent = await world.knock(role, door, headers, form, **NOWHERE)
        assert same(theirs, absent), (door, role, theirs.status_code, absent.status_code)
        assert theirs.status_code == 404 or (theirs.status_code == 422 and form == {}), (door, role)


@each_caller
async def test_what_was_said_before_or_after_your_stay_is_absent(world: World, headers: dict[str, str]) -> None:
    owner, group = world.people["owner"], world.ids["chat_id"]
    assert isinstance(owner, Member)
    await owner.post(f"/groups/{group}/members", data={"members": "gus"})
    later = (await make_message(world.app, owner, group)).seq
    for door in MESSAGES:
        for role, seq in (("former", later), ("gus", world.ids["seq"])):
            theirs = await world.knock(role, door, headers, seq=seq)
            absent = await world.knock(role, door, headers, seq=ABSENT)
            assert same(theirs, absent), (door, role)
            # Who left hears that of whatever they try to do, also with what is not there.
            assert theirs.status_code in (404, 422) or (theirs.status_code, role) == (403, "former"), (door, role)
