"""All doors of the app, and a world in which there is something behind each of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from sqlalchemy import update
from sqlmodel import col
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from app.auth import service as auth
from app.groups import service as groups
from app.users import service as users
from app.users.models import User
from tests.make import PASSWORD, Client, make_group, make_message, make_user, sign_in

ABSENT = 999_999
ROLES = ("nobody", "stranger", "former", "member", "owner")
NEWCOMER = {"username": "new{count}", "display_name": "New", "password": PASSWORD}

# What a door takes, where it takes something; the name after {count} is a new one every time.
FORMS: dict[str, dict[str, Any]] = {
    "POST /login": {"username": "bob", "password": PASSWORD},
    "POST /register": NEWCOMER,
    "POST /join/{token}": {**NEWCOMER, "username": "invited{count}"},
    "POST /password": {"current": PASSWORD, "password": "another horse, another battery"},
    "POST /invites": {"max_uses": "2", "days": "3"},
    "POST /theme": {"theme": "dark"},
    "POST /you/edit": {"display_name": "Another", "about": "Away"},
    "POST /contacts": {"username": "gus"},
    "POST /chats": {"username": "gus"},
    "POST /chats/{chat_id:int}/draft": {"body": "Half a thought"},
    "POST /chats/{chat_id:int}/read": {"seq": "2"},
    "POST /chats/{chat_id:int}/mute": {"for": "8h"},
    "POST /chats/{chat_id:int}/messages": {"body": "Hello"},
    "POST /chats/{chat_id:int}/messages/{seq:int}/edit": {"body": "Other words"},
    "POST /chats/{chat_id:int}/messages/{seq:int}/react": {"emoji": "👍"},
    "POST /chats/{chat_id:int}/messages/{seq:int}/forward": {"chats": "1"},
    "POST /chats/{chat_id:int}/messages/{seq:int}/pin": {"duration": "24h"},
    "POST /chats/{chat_id:int}/forward": {"chats": "1", "seq": "{seq}"},
    "POST /chats/{chat_id:int}/selection": {"action": "star", "seq": "{seq}"},
    "POST /chats/{chat_id:int}/polls": {"question": "When?", "options": ["Now", "Later"]},
    "POST /chats/{chat_id:int}/messages/{seq:int}/votes": {"options": "0"},
    "POST /chats/{chat_id:int}/expiry": {"lifetime": "604800"},
    "POST /groups": {"name": "Another", "members": "gus"},
    "POST /groups/{chat_id:int}/edit": {"name": "Renamed", "description": "More"},
    "POST /groups/{chat_id:int}/members": {"members": "gus"},
}
# What is done with chosen messages.
CHOSEN = ("forward", "selection", "selection/delete")


def doors(app: Starlette) -> list[str]:
    """Every route as "METHOD /path"."""
    return list(_doors(app.routes, ""))


def _doors(routes: Iterable[BaseRoute], base: str) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount) and route.routes:
            yield from _doors(route.routes, base + route.path)
        elif isinstance(route, Route):
            yield from (f"{method} {base}{route.path}" for method in sorted(route.methods or ()) if method != "HEAD")
        elif isinstance(route, WebSocketRoute):
            yield f"WEBSOCKET {base}{route.path}"
        elif isinstance(route, Mount):
            yield f"GET {base}{route.path}/{{file}}"
        else:
            raise TypeError(f"nothing is known of {route!r}")


@dataclass(frozen=True, slots=True)
class World:
    """A group with an owner (the admin), a member, a former one, and Gus and Eve, with whom things are done."""

    app: Starlette
    people: dict[str, Client]
    ids: dict[str, Any]

    def path(self, door: str, **others: Any) -> str:
        """Where a door is; `others` than the world's own ids may be asked for."""
        ids = self.ids | others
        path = re.sub(r"{(\w+)(?::\w+)?}", lambda name: str(ids[name[1]]), door.split(" ")[1])
        query = {"/me.css": f"?u={ids['u']}", "/chats/{chat_id:int}/day": "?day=2026-01-31"}
        query |= {f"/chats/{{chat_id:int}}/{what}": f"?seq={ids['seq']}" for what in CHOSEN}
        return path + (query.get(door.split(" ")[1], "") if door.startswith("GET") else "")

    async def knock(
        self,
        role: str,
        door: str,
        headers: dict[str, str],
        form: dict[str, Any] | None = None,
        **ids: Any,
    ) -> httpx.Response:
        """Somebody at a door, with the `form` it takes unless another is given."""
        client, method = self.people[role], door.split(" ")[0]
        data = FORMS.get(door, {}) if form is None else form
        count = list(self.people).index(role)
        known = {"count": count, **self.ids, **ids}
        data = {name: _filled(value, known) if isinstance(value, str) else value for name, value in data.items()}
        return await client.request(method, self.path(door, **ids), headers=headers, data=data or None)


def _filled(text: str, known: dict[str, Any]) -> str:
    return re.sub(r"{(count|seq)}", lambda name: str(known[name[1]]), text)


async def make_world(app: Starlette) -> World:
    people = {name: await sign_in(app, await make_user(app, name)) for name in ("ada", "bob", "cara", "dan", "gus")}
    owner, member, stranger, former, gus = people.values()
    eve = await make_user(app, "eve")
    group = await make_group(app, owner, member, former, eve)
    message = await make_message(app, member, group)
    token, token_hash = app.state.invite_tokens.new()
    async with app.state.database.write() as work:
        await work.execute(update(User).where(col(User.id) == owner.id).values(is_admin=True))
        await groups.leave(work, former.person, group)
        await users.add_contact(work, member.person, "eve")
        invite_id = await auth.invite(work, owner.id, token_hash, 100, 7)
    device = await sign_in(app, member.person)
    ids: dict[str, Any] = {
        "chat_id": group,
        "seq": message.seq,
        "user_id": eve.id,
        "u": member.id,
        "session_id": device.session_id,
    }
    ids |= {
        "invite_id": invite_id,
        "token": token,
        "release": app.state.templates.release,
        "file": "icon.svg",
        "hash": "00",
    }
    roles = dict(zip(ROLES, (Client(app), stranger, former, member, owner), strict=True))
    return World(app, roles | {"gus": gus}, ids)
