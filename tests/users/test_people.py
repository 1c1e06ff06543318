"""The directory, contacts, profiles, and the stylesheet that knows who looks."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import HTML, HTMX, JSON, Client, Member, make_user


async def names(member: Member, **query: str) -> list[str]:
    return [each["username"] for each in (await member.read("/users", **query))["users"]]


async def test_everyone_by_name(app: Starlette, ann: Member, bob: Member) -> None:
    await make_user(app, "zoe", display_name="aaron")
    assert await names(ann) == ["zoe", "ann", "bob"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("bo", ["bob"]),
        ("BOB", ["bob"]),
        ("@bob", ["bob"]),
        ("smith", ["bob"]),
        ("ödön", ["odon"]),
        ("%", []),
        ("_", []),
        ("\\", []),
    ],
)
async def test_search(app: Starlette, ann: Member, query: str, found: list[str]) -> None:
    await make_user(app, "bob", display_name="Bob Smith")
    await make_user(app, "odon", display_name="Ödön")
    assert await names(ann, q=query) == found


async def test_no_secrets_in_it(app: Starlette, ann: Member) -> None:
    await make_user(app, "bob", email="bob@example.org", email_key="bob@example.org")
    for path in ("/users", "/users/2", "/you", "/groups/new"):
        for headers in (HTML, JSON):
            text = (await ann.get(path, headers=headers)).text
            assert not {"argon2", "password_hash", "bob@example.org"} & set(text.split('"')), path


async def test_contacts(ann: Member, bob: Member, cara: Member) -> None:
    response = await ann.post("/contacts", data={"username": "Bob"}, headers=JSON)
    assert (response.status_code, response.json()["username"]) == (201, "bob")
    assert (await ann.read("/users"))["contacts"] == [bob.id]
    assert (await bob.read("/users"))["contacts"] == []
    await ann.post(f"/contacts/{bob.id}/remove")
    assert (await ann.read("/users"))["contacts"] == []


async def test_adding_twice_is_harmless(ann: Member, bob: Member) -> None:
    for _ in range(2):
        assert (await ann.post("/contacts", data={"username": "bob"})).status_code == 201
    assert (await ann.read("/users"))["contacts"] == [bob.id]


@pytest.mark.parametrize("username", ["nobody", "", "ann"])
async def test_who_cannot_be_a_contact(ann: Member, username: str) -> None:
    response = await ann.post("/contacts", data={"username": username}, headers=JSON)
    assert (response.status_code, list(response.json()["errors"])) == (422, ["username"])


async def test_the_page_keeps_the_name_and_says_why(ann: Member) -> None:
    for headers in (HTML, HTMX):
        response = await ann.post("/contacts", data={"username": "<nobody>"}, headers=headers)
        assert response.status_code == 422
        assert 'value="&lt;nobody&gt;"' in response.text
        assert 'id="username-error"' in response.text


async def test_who_is_no_contact_cannot_be_removed(ann: Member, bob: Member) -> None:
    assert (await ann.post(f"/contacts/{bob.id}/remove")).status_code == 404


async def test_a_profile(ann: Member, bob: Member) -> None:
    assert (await ann.read(f"/users/{bob.id}"))["display_name"] == "Bob"
    page = (await ann.get(f"/users/{bob.id}", headers=HTML)).text
    assert "@bob" in page
    assert 'action="/contacts"' in page
    assert (await ann.get("/users/999")).status_code == 404


async def test_changing_ones_name_and_about(ann: Member, bob: Member, bus: RecordingBus) -> None:
    await ann.post("/you/edit", data={"display_name": " Ann   <B> ", "about": "Here"})
    seen = await bob.read(f"/users/{ann.id}")
    assert (seen["display_name"], seen["about"]) == ("Ann <B>", "Here")
    assert bus.html(topics.everyone())[-1] == (
        f'<hx-partial hx-target="[data-name-of=\'{ann.id}\']" hx-swap="innerHTML">Ann &lt;B&gt;</hx-partial>'
    )


async def test_an_about_alone_is_told_nobody(ann: Member, bus: RecordingBus) -> None:
    bus.told.clear()
    await ann.post("/you/edit", data={"display_name": "Ann", "about": "Here"})
    assert bus.told == []


@pytest.mark.parametrize(("length", "status"), [(139, 200), (140, 422)])
async def test_an_about_is_short(ann: Member, length: int, status: int) -> None:
    response = await ann.post("/you/edit", data={"display_name": "Ann", "about": "é" * length})
    assert response.status_code == status


async def test_the_form_shows_how_one_is_now_and_what_was_typed(ann: Member) -> None:
    await ann.post("/you/edit", data={"display_name": "Ann", "about": "Here"})
    assert ">Here</textarea>" in (await ann.get("/you/edit", headers=HTML)).text
    response = await ann.post("/you/edit", data={"display_name": "", "about": "Gone"}, headers=HTML)
    assert response.status_code == 422
    assert ">Gone</textarea>" in response.text


async def test_old_messages_show_the_name_of_now(ann: Member, bob: Member, chat_id: int) -> None:
    await ann.say(chat_id, "Hello")
    await ann.post("/you/edit", data={"display_name": "Annabel", "about": ""})
    (message,) = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert message["sender"]["display_name"] == "Annabel"


async def test_the_stylesheet_knows_me(ann: Member, bob: Member) -> None:
    response = await ann.get(f"/me.css?u={ann.id}&v=1")
    assert f'[data-sender="{ann.id}"]' in response.text
    assert response.headers["content-type"].startswith("text/css")
    assert {"private", "immutable"} <= set(response.headers["cache-control"].split(", "))


async def test_the_stylesheet_of_another_is_absent(ann: Member, bob: Member, anonymous: Client) -> None:
    assert (await bob.get(f"/me.css?u={ann.id}&v=1")).status_code == 404
    assert (await ann.get("/me.css")).status_code == 404
    assert (await anonymous.get(f"/me.css?u={ann.id}&v=1")).status_code == 401


async def test_nothing_that_was_typed_is_in_it(app: Starlette, ann: Member) -> None:
    await ann.post("/you/edit", data={"display_name": "Xylophone", "about": "Zither"})
    text = (await ann.get(f"/me.css?u={ann.id}&v=1")).text
    assert not {"Xylophone", "Zither", "ann"} & set(text.replace('"', " ").split())


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
async def test_the_look_is_kept_in_the_browser(ann: Member, theme: str) -> None:
    await ann.post("/theme", data={"theme": theme})
    assert f'data-theme="{theme}"' in (await ann.get("/you", headers=HTML)).text


async def test_no_other_look(anonymous: Client) -> None:
    assert (await anonymous.post("/theme", data={"theme": '"><script>'})).status_code == 422
    anonymous.cookies.set("theme", '"><script>')
    assert "<script>" not in (await anonymous.get("/login", headers=HTML)).text.partition("<head>")[0]


async def test_names_are_told_by_id_and_nobodys_are_left_out(ann: Member, bob: Member) -> None:
    names = await ann.read("/users/names", ids=f"{bob.id} {ann.id} 999999 x {2**70}")
    assert names == {str(ann.id): "Ann", str(bob.id): "Bob"}
