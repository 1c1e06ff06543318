"""Devices: listed, revoked one by one or together, also by a new password."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from app.auth.broadcasts import SESSION_OVER
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, JSON, PASSWORD, Client, Member, sign_in

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit Version/18.0 Mobile Safari/604.1"
OTHER = "another good password"


@pytest.fixture
async def phone(app: Starlette, ann: Member) -> AsyncIterator[Member]:
    """Ann's other device."""
    async with await sign_in(app, ann.person, IPHONE) as client:
        yield client


def told_to_close(bus: RecordingBus, device: Member) -> bool:
    return ("close", str(SESSION_OVER)) in bus.orders(topics.session(device.session_id))


async def test_both_are_listed(ann: Member, phone: Member, bob: Member) -> None:
    devices = {each["id"]: each for each in await ann.read("/devices")}
    assert devices.keys() == {ann.session_id, phone.session_id}
    assert [devices[each.session_id]["current"] for each in (ann, phone)] == [True, False]
    assert (devices[phone.session_id]["browser"], devices[phone.session_id]["system"]) == ("Safari", "iPhone")


async def test_the_page_offers_to_sign_the_other_out(ann: Member, phone: Member) -> None:
    page = (await ann.get("/devices", headers=HTML)).text
    assert f'action="/devices/{phone.session_id}/revoke"' in page
    assert f'action="/devices/{ann.session_id}/revoke"' not in page


async def test_a_revoked_device_is_out_at_once(ann: Member, phone: Member, bus: RecordingBus) -> None:
    await ann.post(f"/devices/{phone.session_id}/revoke")
    assert (await phone.get("/you")).status_code == 401
    assert (await ann.get("/you")).status_code == 200
    assert told_to_close(bus, phone)


async def test_nobody_revokes_the_device_of_another(ann: Member, bob: Member, bus: RecordingBus) -> None:
    bus.told.clear()
    assert (await bob.post(f"/devices/{ann.session_id}/revoke")).status_code == 404
    assert (await ann.get("/you")).status_code == 200
    assert bus.told == []


async def test_all_others_at_once(ann: Member, phone: Member, bob: Member, bus: RecordingBus) -> None:
    await ann.post("/devices/revoke-others")
    statuses = [(await each.get("/you")).status_code for each in (ann, phone, bob)]
    assert statuses == [200, 401, 200]
    assert told_to_close(bus, phone)


async def test_a_new_password_revokes_the_others(
    app: Starlette, ann: Member, phone: Member, bus: RecordingBus
) -> None:
    response = await ann.post("/password", data={"current": PASSWORD, "password": OTHER})
    assert response.status_code == 200
    assert [(await each.get("/you")).status_code for each in (ann, phone)] == [200, 401]
    assert told_to_close(bus, phone)
    for password, status in ((PASSWORD, 422), (OTHER, 200)):
        data = {"username": "ann", "password": password}
        assert (await Client(app).post("/login", data=data)).status_code == status


async def test_a_new_password_takes_the_old_one(ann: Member, phone: Member) -> None:
    response = await ann.post("/password", data={"current": "guess", "password": OTHER}, headers=JSON)
    assert list(response.json()["errors"]) == ["current"]
    assert (await phone.get("/you")).status_code == 200


async def test_a_new_password_holds(ann: Member) -> None:
    response = await ann.post("/password", data={"current": PASSWORD, "password": "short"}, headers=JSON)
    assert list(response.json()["errors"]) == ["password"]


@pytest.mark.parametrize("changes", [{"login_attempts": 3}])
async def test_the_old_password_is_not_guessed_here_either(ann: Member) -> None:
    data = {"current": "guess", "password": OTHER}
    statuses = [(await ann.post("/password", data=data)).status_code for _ in range(4)]
    assert statuses == [422, 422, 422, 429]


async def test_signing_out_closes_the_sockets_of_this_device_only(
    ann: Member, phone: Member, bus: RecordingBus
) -> None:
    await ann.post("/logout")
    assert told_to_close(bus, ann)
    assert not told_to_close(bus, phone)
    assert (await phone.get("/you")).status_code == 200
