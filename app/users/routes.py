"""The directory, profiles, contacts, /me.css, and the look."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import Invalid, NotFound
from app.forms import form, is_whole, query_number, query_text
from app.users import service
from app.users.service import me
from app.web import THEMES, Caller, as_json, caller, database, done, leave_for, number, page, render

YEAR = 365 * 86400
NAMES = 500  # that are told at once


async def index(request: Request) -> Response:
    """Everyone, with one's contacts first."""
    query = query_text(request, "q")
    async with database(request).read() as work:
        people = await service.directory(work, query)
        contacts = await service.contact_ids(work, me(request).id)
    online = await request.app.state.presence.online([person.id for person in people])
    people = [replace(person, online=person.id in online) for person in people]
    values = {
        "contacts": [person for person in people if person.id in contacts],
        "users": [person for person in people if person.id not in contacts],
        "q": query,
        "section": "people",
    }
    return await page(request, "users/index.html", values, data={"users": people, "contacts": sorted(contacts)})


async def names(request: Request) -> Response:
    """The names of those whose `ids` are asked for, for a page that may have missed a change."""
    ids = {int(text) for text in query_text(request, "ids").split()[:NAMES] if is_whole(text)}
    async with database(request).read() as work:
        people = await service.several(work, ids)
    return as_json({str(person.id): person.display_name for person in people.values()})


async def show(request: Request) -> Response:
    async with database(request).read() as work:
        person = await service.get(work, number(request, "user_id"))
        contacts = await service.contact_ids(work, me(request).id)
    person = replace(person, online=bool(await request.app.state.presence.online([person.id])))
    values = {"user": person, "is_contact": person.id in contacts, "section": "people"}
    return await page(request, "users/show.html", values, data=person)


async def you(request: Request) -> Response:
    return await page(request, "users/you.html", {"section": "you"}, data=me(request))


async def edit(request: Request) -> Response:
    return await page(request, "users/edit.html", {"section": "you"})


async def update(request: Request) -> Response:
    fields = await form(request, again=edit)
    async with database(request).write() as work:
        await service.edit(work, me(request), fields.get("display_name", ""), fields.get("about", ""))
    return done(request, "/you")


async def add_contact(request: Request) -> Response:
    fields = await form(request, again=index)
    async with database(request).write() as work:
        person = await service.add_contact(work, me(request), fields.get("username", ""))
    html = None if caller(request) is Caller.HTMX else render(request, "users/_person.html", user=person)
    return done(request, f"/users/{person.id}", html, data=person, status=201)


async def remove_contact(request: Request) -> Response:
    async with database(request).write() as work:
        await service.remove_contact(work, me(request), number(request, "user_id"))
    return done(request, "/users")


async def set_theme(request: Request) -> Response:
    """Keep the chosen look in this browser; it needs no account."""
    fields = await form(request)
    if fields.get("theme") not in THEMES:
        raise Invalid(theme="One of " + ", ".join(THEMES) + ".")
    response = leave_for(request, "/you")
    secure = not request.state.insecure
    response.set_cookie("theme", fields["theme"], max_age=YEAR, secure=secure, samesite="lax", httponly=True)
    return response


async def stylesheet(request: Request) -> Response:
    """The rules that know who looks: mine on my side, "You" in system lines. Ids only, nothing that was typed."""
    user = me(request)
    if query_number(request, "u") != user.id:
        raise NotFound
    css = render(request, "users/me.css", id=user.id)
    return Response(css, media_type="text/css", headers={"Cache-Control": f"private, max-age={YEAR}, immutable"})


routes = [
    Route("/users", index, methods=["GET"]),
    Route("/users/names", names, methods=["GET"]),
    Route("/users/{user_id:int}", show, methods=["GET"]),
    Route("/you", you, methods=["GET"]),
    Route("/you/edit", edit, methods=["GET"]),
    Route("/you/edit", update, methods=["POST"]),
    Route("/contacts", add_contact, methods=["POST"]),
    Route("/contacts/{user_id:int}/remove", remove_contact, methods=["POST"]),
    Route("/theme", set_theme, methods=["POST"]),
    Route("/me.css", stylesheet, methods=["GET"]),
]
