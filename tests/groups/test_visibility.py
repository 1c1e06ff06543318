"""Who sees what: random lives of a group, against a model that fits on one screen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from tests.make import Member, make_group

VERBS = ["say", "say", "say", "edit", "delete", "hide", "read", "add", "remove", "leave", "join"]
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 1), st.integers(1, 15)), max_size=24)
OFTEN = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Model:
    """A group as one member sees it: `texts` maps seq to sender and body (None: deleted); notes are not in it."""

    last: int = 1
    texts: dict[int, tuple[int, str | None]] = field(default_factory=dict)
    stays: dict[int, list[list[int]]] = field(default_factory=dict)
    hidden: set[tuple[int, int]] = field(default_factory=set)
    read: dict[int, int] = field(default_factory=dict)

    def is_in(self, who: int) -> bool:
        return bool(self.stays.get(who)) and self.stays[who][-1][1] == 0

    def sees(self, who: int, seq: int) -> bool:
        inside = any(first <= seq <= (last or self.last) for first, last in self.stays.get(who, []))
        return inside and (who, seq) not in self.hidden

    def view(self, who: int) -> dict[int, str | None]:
        return {n: self.texts.get(n, (0, ""))[1] for n in range(1, self.last + 1) if self.sees(who, n)}

    def unread(self, who: int) -> int:
        seen = self.view(who).keys() & self.texts.keys()
        theirs = [n for n in seen if self.texts[n][0] != who and self.texts[n][1] is not None]
        return sum(1 for n in theirs if n > self.read.get(who, 0))

    def step(self, verb: str, who: int, seq: int) -> bool:
        """Do it; answers whether it is allowed."""
        mine = self.texts.get(seq, (0, None))
        match verb:
            case "say" if self.is_in(who):
                self.last += 1
                self.texts[self.last] = (who, f"{self.last}")
            case "edit" if self.is_in(who) and self.sees(who, seq) and mine[0] == who and mine[1] is not None:
                self.texts[seq] = (who, f"{seq} edited")
            case "delete" if self.is_in(who) and self.sees(who, seq) and seq in self.texts:
                if mine[1] is not None and mine[0] != who:
                    return False
                self.texts[seq] = (mine[0], None)
            case "hide" if self.sees(who, seq) or (who, seq) in self.hidden:
                self.hidden.add((who, seq))
            case "read" if who in self.stays:
                self.read[who] = self.last
            case "add" if not self.is_in(who):
                self.enter(who)
            case "join":
                if not self.is_in(who):
                    self.enter(who)
            case "remove" if self.is_in(who):
                self.go(who)
            case "leave" if who in self.stays:
                if self.is_in(who):
                    self.go(who)
            case _:
                return False
        return True

    def enter(self, who: int) -> None:
        self.read[who] = self.last
        self.last += 1
        self.stays.setdefault(who, []).append([self.last, 0])

    def go(self, who: int) -> None:
        self.last += 1
        self.stays[who][-1][1] = self.last


async def act(owner: Member, member: Member, group: int, verb: str, seq: int, last: int) -> int:
    """The same through the doors."""
    message, groups = f"/chats/{group}/messages/{seq}", f"/groups/{group}"
    calls: dict[str, tuple[Member, str, dict[str, str]]] = {
        "say": (member, f"/chats/{group}/messages", {"body": f"{last + 1}"}),
        "edit": (member, f"{message}/edit", {"body": f"{seq} edited"}),
        "delete": (member, f"{message}/delete", {}),
        "hide": (member, f"{message}/hide", {}),
        "read": (member, f"/chats/{group}/read", {}),
        "add": (owner, f"{groups}/members", {"members": str(member.id)}),
        "remove": (owner, f"{groups}/members/{member.id}/remove", {}),
        "join": (member, f"{groups}/join", {}),
        "leave": (member, f"{groups}/leave", {}),
    }
    client, path, data = calls[verb]
    return (await client.post(path, data=data)).status_code


def seen(messages: list[dict[str, Any]]) -> dict[int, str | None]:
    return {each["seq"]: None if each["deleted"] else each["body"] for each in messages}


async def load(member: Member, group: int) -> tuple[int, dict[str, dict[str, Any]]]:
    """A fresh load: the revision, and the messages by their ids."""
    response = await member.get(f"/chats/{group}/messages?limit=200", headers={"accept": "application/json"})
    data: dict[str, Any] = response.json() if response.status_code == 200 else {"revision": 0, "messages": []}
    return data["revision"], {each["id"]: each for each in data["messages"]}


async def catch_up(member: Member, group: int, known: tuple[int, dict[str, dict[str, Any]]]) -> Any:
    """What a page that holds `known` shows after asking what changed."""
    revision, shown = known
    data = await member.read(f"/chats/{group}/messages", since=revision)
    if data["reload"]:
        return (await load(member, group))[1]
    shown = shown | {each["id"]: each for each in data["messages"]}
    return {id_: each for id_, each in shown.items() if id_ not in data["gone"]}


async def check(model: Model, member: Member, group: int) -> None:
    view = model.view(member.id)
    if member.id not in model.stays:
        assert (await member.get(f"/chats/{group}")).status_code == 404
        return
    page = await member.read(f"/chats/{group}")
    assert seen((await load(member, group))[1].values()) == view  # type: ignore[arg-type]
    assert (seen(page["messages"]), page["unread"]) == (view, model.unread(member.id))
    rows = {row["id"]: row for row in (await member.read("/chats"))["chats"]}
    assert rows[group]["unread"] == model.unread(member.id)
    assert rows[group]["last"]["seq"] == max(view) if view else rows[group]["last"] is None
    for seq in range(1, model.last + 1):
        found = (await member.get(f"/chats/{group}/messages/{seq}/menu")).status_code == 200
        assert found is (seq in view), seq


@OFTEN
@example(steps=[("add", 0, 1), ("add", 1, 1), ("say", 0, 1), ("remove", 1, 1), ("read", 1, 1)], paused=2)
@example(
    steps=[("join", 0, 1), ("say", 0, 1), ("leave", 0, 1), ("say", 0, 1), ("join", 0, 1), ("edit", 0, 3)], paused=3
)
@example(
    steps=[("add", 0, 1), ("add", 1, 1), ("say", 1, 1), ("hide", 0, 4), ("delete", 1, 4), ("hide", 0, 4)], paused=3
)
@example(steps=[("join", 0, 1), ("join", 1, 1), ("say", 1, 1)], paused=0)
@given(steps=STEPS, paused=st.integers(0, 24))
async def test_a_life(
    app: Starlette, ann: Member, bob: Member, cara: Member, steps: list[tuple[str, int, int]], paused: int
) -> None:
    group, people = await make_group(app, ann, is_public=True), (bob, cara)
    model, known = Model(), {}
    for number, (verb, index, seq) in enumerate(steps):
        if number == paused:
            known = {member: await load(member, group) for member in people if model.stays.get(member.id)}
        last = model.last
        allowed = model.step(verb, people[index].id, seq)
        status = await act(ann, people[index], group, verb, seq, last)
        assert (status < 300) is allowed, (verb, status)
    for member in people:
        await check(model, member, group)
        if member in known:
            assert await catch_up(member, group, known[member]) == (await load(member, group))[1]
