"""Sign up, sign in, sign out; devices, password, invitations."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.auth import service
from app.auth.guard import (
    account_attempts,
    address,
    attempts_key,
    drop_cookie,
    neighbourhood,
    set_cookie,
    set_known,
    who,
)
from app.auth.models import Session
from app.auth.passwords import require_good
from app.errors import Forbidden, Invalid, NotFound
from app.forms import form, whole
from app.users.models import Person
from app.users.service import me
from app.web import database, done, leave_for, number, page, settings

WRONG = "Username and password do not match."
INVITED_ONLY = "New people need an invitation here. Ask somebody who is in for a link."
INVITE = {"max_uses": "1", "days": "7"}  # fields of the form, and what they are when left empty
INVITE_SHOWN = ("id", "created_at", "expires_at", "max_uses", "uses")
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "CrOS", "Linux")
BROWSERS = {
    "Edg": "Edge",
    "OPR": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
}


@dataclass(frozen=True, slots=True)
class Device:
    """A session as the Devices page shows it."""

    id: int
    browser: str
    system: str
    address: str
    created_at: datetime
    last_active_at: datetime
    current: bool

    @classmethod
    def of(cls, session: Session, current_id: int) -> Device:
        agent = session.user_agent
        browser = next((name for mark, name in BROWSERS.items() if mark in agent), "Unknown browser")
        system = next((name for name in SYSTEMS if name in agent), "")
        return cls(
            session.id, browser, system.replace("Mac OS", "macOS").replace("CrOS", "ChromeOS"), session.address,
            session.created_at, session.last_active_at, session.id == current_id,
        )  # fmt: skip


def registration_is_open(request: Request) -> bool:
    """Whether anybody may sign up. `auto`: only while nothing but this machine seems to be able to ask."""
    mode = settings(request).registration
    forwarded = any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-forwarded-host"))
    return mode == "open" or (mode == "auto" and settings(request).is_local and not forwarded)


def way_back(request: Request) -> str:
    """Where to go after signing in: a path of ours, or the start."""
    target = request.query_params.get("next", "/")
    return target if re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", target) else "/"


async def show_login(request: Request) -> Response:
    if hasattr(request.state, "user") and request.method == "GET":
        return RedirectResponse(settings(request).base_path + way_back(request), 303)
    return await page(request, "auth/login.html", {"next": way_back(request)})


async def login(request: Request) -> Response:
    fields = await form(request, again=show_login)
    username, password = fields.get("username", ""), fields.get("password", "")
    limits = request.app.state.logins
    await request.app.state.addresses.require(neighbourhood(request))
    async with database(request).read() as work:
        user = await service.account(work, username)
    account_key = attempts_key(request, username, user.id if user else None)
    await limits.require(account_key)
    passwords = request.app.state.passwords
    if not await passwords.verify(user.password_hash if user else None, password) or not user:
        raise Invalid(_=WRONG)
    await limits.give_back(account_key)
    await request.app.state.addresses.give_back(neighbourhood(request))
    return await _sign_in(request, Person.of(user), way_back(request), 200)


async def show_register(request: Request) -> Response:
    if hasattr(request.state, "user") and request.method == "GET":
        return RedirectResponse(settings(request).base_path + "/", 303)
    return await page(request, "auth/register.html", {"invite": request.path_params.get("token", "")})


async def register(request: Request) -> Response:
    fields = await form(request, again=show_register)
    await request.app.state.addresses.require(neighbourhood(request))
    token = request.path_params.get("token") or fields.get("invite", "")
    invite_hash = request.app.state.invite_tokens.read(token) if token else None
    if not registration_is_open(request) and invite_hash is None:
        raise Forbidden(INVITED_ONLY)
    draft = service.SignUp(
        username=fields.get("username", ""),
        display_name=fields.get("display_name", ""),
        email=fields.get("email", ""),
    ).checked()
    password = fields.get("password", "")
    require_good(password, draft.username, draft.display_name)
    draft = replace(draft, password_hash=await request.app.state.passwords.hash(password))
    async with database(request).write() as work:
        if invite_hash:
            await service.use_invite(work, invite_hash)
        person = await service.sign_up(work, draft)
    return await _sign_in(request, person, "/", 201)


async def _sign_in(request: Request, person: Person, location: str, status: int) -> Response:
    """Give the browser a fresh session; one that it brought along is over."""
    before = await who(request)
    signed, token_hash = request.app.state.session_tokens.new()
    agent = request.headers.get("user-agent", "")
    async with database(request).write() as work:
        if before:
            with contextlib.suppress(NotFound):  # another sign-in of this browser was faster
                await service.revoke(work, before.person.id, before.session_id)
        await service.begin_session(work, person.id, token_hash, agent, address(request))
    response = leave_for(request, location, data=person, status=status)
    set_cookie(request, response, signed)
    set_known(request, response, person.id)
    return response


async def logout(request: Request) -> Response:
    async with database(request).write() as work:
        await service.revoke(work, me(request).id, request.state.session_id)
    response = leave_for(request, "/login")
    drop_cookie(request, response)
    return response


async def show_invitation(request: Request) -> Response:
    """The page behind an invitation: who invites, and the form to sign up."""
    token_hash = request.app.state.invite_tokens.read(request.path_params["token"])
    if token_hash is None:
        raise NotFound("This link is not complete. Please ask for it again.")
    async with database(request).read() as work:
        await service.find_invite(work, token_hash)
    return await show_register(request)


async def devices(request: Request) -> Response:
    async with database(request).read() as work:
        sessions = await service.sessions(work, me(request).id)
    shown = [Device.of(session, request.state.session_id) for session in sessions]
    return await page(request, "auth/devices.html", {"sessions": shown, "section": "you"}, data=shown)


async def revoke(request: Request) -> Response:
    async with database(request).write() as work:
        await service.revoke(work, me(request).id, number(request, "session_id"))
    if number(request, "session_id") == request.state.session_id:
        return leave_for(request, "/login")
    return done(request, "/devices")


async def revoke_others(request: Request) -> Response:
    async with database(request).write() as work:
        await service.revoke_others(work, me(request).id, request.state.session_id)
    return done(request, "/devices")


async def edit_password(request: Request) -> Response:
    return await page(request, "auth/password.html", {"section": "you"})


async def update_password(request: Request) -> Response:
    fields = await form(request, again=edit_password)
    passwords, user = request.app.state.passwords, me(request)
    await request.app.state.logins.require(account_attempts(user.id))
    async with database(request).read() as work:
        account = await service.account(work, user.username)
    if not await passwords.verify(account.password_hash if account else None, fields.get("current", "")):
        raise Invalid(current="This is not your current password.")
    await request.app.state.logins.give_back(account_attempts(user.id))
    require_good(fields.get("password", ""), user.username, user.display_name)
    password_hash = await passwords.hash(fields["password"])
    async with database(request).write() as work:
        await service.change_password(work, user.id, password_hash, request.state.session_id)
    return done(request, "/devices")


def _require_admin(request: Request) -> None:
    if not me(request).is_admin:
        raise NotFound


async def show_invites(request: Request, link: str = "") -> Response:
    _require_admin(request)
    async with database(request).read() as work:
        invites = await service.invites(work)
    values = {"invites": invites, "link": link, "section": "you"}
    data = [{name: getattr(invite, name) for name in INVITE_SHOWN} for invite in invites]
    return await page(request, "auth/invites.html", values, data={"invites": data, "link": link})


async def invite(request: Request) -> Response:
    _require_admin(request)
    fields = await form(request, again=show_invites)
    uses, days = (whole(fields.get(name) or default, name) for name, default in INVITE.items())
    signed, token_hash = request.app.state.invite_tokens.new()
    async with database(request).write() as work:
        await service.invite(work, me(request).id, token_hash, uses, days)
    base = settings(request).base_url or f"{request.url.scheme}://{request.url.netloc}"
    response = await show_invites(request, link=f"{base}/join/{signed}")
    response.status_code = 201
    return response


async def withdraw(request: Request) -> Response:
    _require_admin(request)
    async with database(request).write() as work:
        await service.withdraw(work, number(request, "invite_id"))
    return done(request, "/invites")


async def sweep(app: Starlette) -> None:
    async with app.state.database.write() as work:
        await service.sweep(work, app.state.settings.session_days)


routes = [
    Route("/login", show_login, methods=["GET"]),
    Route("/login", login, methods=["POST"]),
    Route("/register", show_register, methods=["GET"]),
    Route("/register", register, methods=["POST"]),
    Route("/join/{token}", show_invitation, methods=["GET"]),
    Route("/join/{token}", register, methods=["POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/devices", devices, methods=["GET"]),
    Route("/devices/revoke-others", revoke_others, methods=["POST"]),
    Route("/devices/{session_id:int}/revoke", revoke, methods=["POST"]),
    Route("/password", edit_password, methods=["GET"]),
    Route("/password", update_password, methods=["POST"]),
    Route("/invites", show_invites, methods=["GET"]),
    Route("/invites", invite, methods=["POST"]),
    Route("/invites/{invite_id:int}/revoke", withdraw, methods=["POST"]),
]
sweeps = {"auth.sweep": (3600, sweep)}
