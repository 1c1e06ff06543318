"""The WebSocket door: who comes in, what they hear, when they are shown out, and what they may say."""

from __future__ import annotations

import asyncio
import json
import uuid
from contextlib import AsyncExitStack

import pytest
import websockets
from sqlalchemy import delete
from starlette.applications import Starlette

from app.auth.models import Session
from app.realtime import topics
from tests.conftest import RecordingBus
from tests.make import PASSWORD, Client, Member, make_chat, make_group, make_message, sign_in
from tests.server import Running
from tests.sockets import listening, opened

SESSION_OVER, COME_BACK = 4401, 1013


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "http://sub.127.0.0.1:{port}"],
)
async def test_pages_of_others_do_not_come_in(server: Running, app: Starlette, ann: Member, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with opened(server, app, ann.cookie, origin=origin.format(port=server.port)):
            pass
    assert refused.value.response.status_code == 403


async def test_our_own_page_comes_in(server: Running, app: Starlette, ann: Member) -> None:
    async with opened(server, app, ann.cookie, origin=server.url) as ear:
        assert await ear.signal("ready") == {"type": "ready"}


async def test_so_does_a_program_with_a_session(server: Running, app: Starlette, ann: Member) -> None:
    async with listening(server, app, ann):
        pass


@pytest.mark.parametrize("cookie", ["", "made.up"])
async def test_nobody_is_accepted_and_told_to_sign_in(server: Running, app: Starlette, cookie: str) -> None:
    async with opened(server, app, cookie) as ear:
        assert await ear.close_code() == SESSION_OVER


@pytest.mark.parametrize("changes", [{"base_url": "https://chat.example.org"}])
async def test_behind_https_only_its_pages_come_in(server: Running, app: Starlette, ann: Member) -> None:
    async with opened(server, app, ann.cookie, origin="https://chat.example.org") as ear:
        await ear.signal("ready")
    for origin in (server.url, "http://chat.example.org", "https://chat.example.org:8443"):
        with pytest.raises(websockets.InvalidStatus):
            async with opened(server, app, ann.cookie, origin=origin):
                pass


async def test_everyone_in_the_chat_hears_the_very_bytes_that_the_sender_got(
    server: Running, app: Starlette, ann: Member, bob: Member, cara: Member, chat_id: int
) -> None:
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(listening(server, app, each)) for each in (ann, ann, bob, cara)]
        answer = (await ann.say(chat_id, "Hello Bob")).text
        heard = [await ear.all() for ear in ears]
    assert heard[0] == heard[1] == heard[2]
    assert [f'hx-swap="place">{answer}</hx-partial>' in frame for frame in heard[0]] == [True]
    assert heard[3] == []


async def test_the_order_is_the_same_for_all(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with listening(server, app, ann) as one, listening(server, app, bob) as other:
        await asyncio.gather(*[(ann, bob)[n % 2].say(chat_id, str(n)) for n in range(40)])
        texts = ["".join(await ear.all()) for ear in (one, other)]
    assert texts[0] == texts[1]
    places = [texts[0].index(f' data-seq="{seq}"') for seq in range(1, 41)]
    assert places == sorted(places)


async def test_a_session_that_is_revoked_hears_no_more(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with await sign_in(app, ann.person) as phone, listening(server, app, phone) as ear:
        await ann.post(f"/devices/{phone.session_id}/revoke")
        await bob.say(chat_id, "Too late")
        async with asyncio.timeout(1):
            assert await ear.close_code() == SESSION_OVER
    assert "Too late" not in "".join(ear.heard)


async def test_other_ways_for_a_session_to_end(server: Running, app: Starlette, ann: Member) -> None:
    async def ended(path: str, actor: Member, **data: str) -> int:
        async with await sign_in(app, ann.person) as phone, listening(server, app, phone) as ear:
            await (actor if actor is not phone else phone).post(path, data=data)
            return await ear.close_code()

    assert await ended("/devices/revoke-others", ann) == SESSION_OVER
    assert await ended("/password", ann, current=PASSWORD, password="another good one") == SESSION_OVER


async def test_a_session_that_ends_during_the_handshake_is_noticed(
    server: Running, app: Starlette, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was over before the socket could hear of it."""

    async def meanwhile(_: object) -> None:
        async with app.state.database.write() as work:
            await work.execute(delete(Session))

    monkeypatch.setattr(app.state.bus, "hears", meanwhile)
    async with opened(server, app, ann.cookie) as ear:
        assert await ear.close_code() == SESSION_OVER


async def test_signing_out_closes_the_pages_of_that_device(server: Running, app: Starlette, ann: Member) -> None:
    phone = await sign_in(app, ann.person)
    async with phone, listening(server, app, phone) as gone, listening(server, app, ann) as stays:
        await phone.post("/logout")
        assert await gone.close_code() == SESSION_OVER
        assert await stays.all() == []


async def test_who_is_removed_hears_their_line_and_nothing_after_it(
    server: Running, app: Starlette, ann: Member, bob: Member
) -> None:
    group = await make_group(app, ann, bob)
    async with listening(server, app, bob) as ear:
        await ann.post(f"/groups/{group}/members/{bob.id}/remove")
        for n in range(20):
            await make_message(app, ann, group, f"secret {n}")
        heard = await ear.all()
    assert "secret" not in "".join(heard)
    assert 'data-seq="3"' in heard[0]
    assert json.loads(heard[-1]) == {"type": "chat.left", "chat": group}


async def test_who_is_added_hears_at_once(server: Running, app: Starlette, ann: Member, bob: Member) -> None:
    group = await make_group(app, ann)
    async with listening(server, app, bob) as ear:
        await make_message(app, ann, group, "Before")
        await ann.post(f"/groups/{group}/members", data={"members": "bob"})
        await make_message(app, ann, group, "After")
        heard = await ear.all()
    assert json.loads(heard[0]) == {"type": "chat.joined", "chat": group}
    assert ("Before" in "".join(heard), "After" in heard[-1], 'data-seq="3"' in heard[1]) == (False, True, True)


async def test_a_new_direct_chat_is_heard_from_its_first_message(
    server: Running, app: Starlette, ann: Member, bob: Member
) -> None:
    async with listening(server, app, bob) as ear:
        chat_id = await make_chat(app, ann, bob)
        assert await ear.all() == []
        await ann.say(chat_id, "Hello")
        assert "Hello" in (await ear.all())[0]


async def test_sending_by_frame_is_like_sending_by_post(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int, bus: RecordingBus
) -> None:
    """The two frames differ in id, numbers and time alone."""
    ids = [str(uuid.uuid4()), str(uuid.uuid4())]
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", chat=chat_id, id=ids[0], body="*Hello* Bob", seen=0)
        by_frame = await ear.html(ids[0])
        await ann.say(chat_id, "*Hello* Bob", id=ids[1])
        by_post = await ear.html(ids[1])
    sent = (await bob.read(f"/chats/{chat_id}/messages"))["messages"]
    assert [(each["id"], each["body"], each["seq"]) for each in sent] == [
        (ids[0], "*Hello* Bob", 1), (ids[1], "*Hello* Bob", 2),
    ]  # fmt: skip
    assert "<b>Hello</b> Bob" in by_frame
    assert (
        by_frame.replace(ids[0], "").partition("data-seq")[0] == by_post.replace(ids[1], "").partition("data-seq")[0]
    )


async def test_a_frame_is_sent_under_the_name_of_now(
    server: Running, app: Starlette, ann: Member, chat_id: int
) -> None:
    async with listening(server, app, ann) as ear:
        await ann.post("/you/edit", data={"display_name": "Annabel", "about": ""})
        await ear.say("message.send", chat=chat_id, body="Hello")
        assert ">Annabel<" in await ear.html("Hello")


async def test_a_repeat_by_the_other_door_is_known(
    server: Running, app: Starlette, ann: Member, chat_id: int
) -> None:
    id_ = str(uuid.uuid4())
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", chat=chat_id, id=id_, body="Once")
        await ear.html(id_)
    assert (await ann.say(chat_id, "Once", id=id_)).status_code == 200


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ({"body": " "}, "nothing to send"),
        ({"body": "x" * 20_001}, "20,001 characters"),
        ({"body": "x", "id": "7"}, "UUID"),
        ({"body": "x", "chat": 999}, "nothing here"),
        ({"body": "x", "chat": 10**30}, "nothing here"),
        ({"body": "x", "chat": "1"}, "nothing here"),
        ({"body": "x", "chat": None}, "nothing here"),
        ({"body": "x", "chat": True}, "nothing here"),
        ({"body": None}, "nothing to send"),
        ({"body": 7}, "nothing to send"),
        ({"body": "x", "id": "\ud800"}, "UUID"),
        ({}, "nothing to send"),
    ],
)
async def test_a_refused_frame_is_answered(
    server: Running, app: Starlette, ann: Member, chat_id: int, frame: dict[str, object], sentence: str
) -> None:
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", **{"chat": chat_id, "id": str(uuid.uuid4()), **frame})
        refused = await ear.signal("refused")
    assert refused["of"] == "message.send"
    assert sentence in refused["message"]
    assert await ann.bodies(chat_id) == []


async def test_strangers_say_nothing(
    server: Running, app: Starlette, cara: Member, chat_id: int, bus: RecordingBus, ann: Member
) -> None:
    async with listening(server, app, cara) as ear:
        bus.told.clear()
        for frame in ("typing.start", "typing.stop", "message.send"):
            await ear.say(frame, chat=chat_id, body="Let me in")
        assert (await ear.signal("refused"))["of"] == "message.send"
    assert bus.told == []
    assert await ann.bodies(chat_id) == []


NONSENSE = [
    "", "x", "[]", "1", "null", '"x"', "{}", '{"type":1}', '{"type":["a"]}', '{"type":"no.such"}', "[" * 20_000,
    '{"type":"typing.start"}', '{"type":"typing.start","chat":[1]}', '{"type":"receipt.read","chats":[1]}',
    '{"type":"receipt.read","chats":{"x":1,"1":"y","9999999999999999999999":1,"\\u0663":true}}',
    '{"type":"receipt.delivered","chats":{"1":1e400,"2":-5,"3":null}}', '{"type":"presence.here","x":{}}',
]  # fmt: skip


async def test_nonsense_is_passed_over(
    server: Running, app: Starlette, ann: Member, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(server, app, ann) as ear:
        for text in NONSENSE:
            await ear.connection.send(text)
        await ear.connection.send(b"\x00\xff")
        await ear.say("message.send", chat=999, body="still there?")
        await ear.signal("refused")
    assert "a frame failed" not in caplog.text


async def test_a_frame_too_large_ends_the_socket_only(
    server: Running, app: Starlette, ann: Member, chat_id: int
) -> None:
    async with listening(server, app, ann) as ear:
        await ear.say("message.send", chat=chat_id, body="x" * 70_000)
        assert await ear.close_code() == 1009
    async with listening(server, app, ann):
        pass


@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 10}])
async def test_a_flood_is_told_to_come_back_and_not_heard_to_its_end(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with listening(server, app, ann) as ear:
        for n in range(10):
            await ear.say("message.send", chat=chat_id, body=str(n))
        for _ in range(200):
            await ear.say("typing.start", chat=chat_id)
        await ear.say("message.send", chat=chat_id, body="the end")
        assert await ear.close_code() == COME_BACK
    assert await bob.bodies(chat_id, limit=200) == [str(n) for n in range(10)]


@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 1}])
async def test_who_may_say_little_may_still_do_all_else(
    server: Running, app: Starlette, ann: Member, chat_id: int
) -> None:
    """A page says what was read, who types and that it is looked at, however little its user may send."""
    async with listening(server, app, ann) as ear:
        for _ in range(40):
            await ear.say("typing.start", chat=chat_id)
        await ear.say("message.send", chat=chat_id, body="Hello")
        assert "Hello" in await ear.html("Hello")


@pytest.mark.parametrize("changes", [{"send_rate": 1, "send_burst": 3}])
async def test_the_rate_of_sending_is_one_for_both_doors(
    server: Running, app: Starlette, ann: Member, chat_id: int
) -> None:
    async with listening(server, app, ann) as ear:
        for n in range(3):
            assert (await ann.say(chat_id, str(n))).status_code == 201
        await ear.say("message.send", chat=chat_id, body="too fast")
        assert "too fast" in (await ear.signal("refused"))["message"].lower()


@pytest.mark.parametrize("changes", [{"sockets_per_user": 2}])
async def test_one_person_has_so_many_pages(server: Running, app: Starlette, ann: Member, bob: Member) -> None:
    async with listening(server, app, ann), listening(server, app, ann) as second:
        async with opened(server, app, ann.cookie) as third:
            assert await third.close_code() == COME_BACK
        async with listening(server, app, bob):
            pass
        await second.connection.close()
        await gone(app, ann, 1)
        async with listening(server, app, ann):
            pass


async def gone(app: Starlette, member: Member, left: int) -> None:
    """Wait until so many sockets of somebody are left."""
    async with asyncio.timeout(5):
        while len(app.state.hub.listeners(f"user:{member.id}")) > left:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_nothing_is_left_of_a_closed_socket(server: Running, app: Starlette, ann: Member, chat_id: int) -> None:
    async with listening(server, app, ann):
        assert app.state.hub.topics
    await gone(app, ann, 0)
    assert list(app.state.hub.topics) == [topics.jobs()]  # the server's own ear
    assert len(app.state.hub.joined) == 1


async def test_what_is_missed_is_caught_up(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with listening(server, app, bob):
        await ann.say(chat_id, "one")
    await ann.say(chat_id, "two")
    await ann.post(f"/chats/{chat_id}/messages/1/delete")
    async with listening(server, app, bob) as ear:
        missed = await bob.read(f"/chats/{chat_id}/messages", since=1)
        assert await ear.all() == []
    assert [(each["seq"], each["body"], each["deleted"]) for each in missed["messages"]] == [
        (1, "", True), (2, "two", False),
    ]  # fmt: skip


async def test_between_handshake_and_ready_nothing_is_lost(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    """What is said while a page comes up is heard after "ready", or found by the question that follows it."""
    saying = asyncio.gather(*[ann.say(chat_id, f"word {n}") for n in range(20)])
    async with listening(server, app, bob) as ear:
        found = await bob.bodies(chat_id)
        await saying
        heard = "".join(await ear.all())
    assert [n for n in range(20) if f"word {n}" not in found and f"word {n}<" not in heard] == []


async def test_a_slow_reader_is_let_go_and_holds_up_nobody(
    server: Running, app: Starlette, ann: Member, bob: Member, chat_id: int
) -> None:
    async with listening(server, app, bob) as quick, listening(server, app, ann) as slow:
        slow.connection.transport.pause_reading()
        for box in app.state.hub.listeners(f"user:{ann.id}"):
            box.most_characters = 50_000
        for n in range(40):
            await ann.say(chat_id, f"{n} " + "x" * 19_000)
        assert len(await quick.all()) > 0
        slow.connection.transport.resume_reading()
        assert await slow.close_code() == COME_BACK


async def test_stopping_tells_pages_to_come_back(app: Starlette, server: Running, ann: Member) -> None:
    async with listening(server, app, ann) as ear:
        server.stop()
        assert await ear.close_code() == 1012


async def test_plain_http_at_the_door(ann: Client) -> None:
    assert (await ann.get("/ws")).status_code in (404, 405, 426)


async def test_silence_is_broken_by_a_beat(
    server: Running, app: Starlette, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.realtime.writer.BEAT_SECONDS", 0.05)
    async with listening(server, app, ann) as ear:
        assert await ear.signal("beat") == {"type": "beat"}


async def test_another_server_serves_as_well(
    server: Running, app: Starlette, ann: Member, chat_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that puts no wire into the scope."""
    monkeypatch.setattr("app.socket.WIRE", "none")
    async with await sign_in(app, ann.person) as phone, listening(server, app, phone) as other:
        async with listening(server, app, ann) as ear:
            for box in app.state.hub.listeners(topics.session(phone.session_id)):
                box.most_characters = 0
            for n in range(5):
                await ann.say(chat_id, f"word {n}.")
            heard = "".join(await ear.all())
        assert await other.close_code() == COME_BACK
    places = [heard.index(f"word {n}.") for n in range(5)]
    assert places == sorted(places)
