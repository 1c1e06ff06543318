"""What other features add to messages, by name: extras, kinds, actions, watchers.

Each feature hands in its own beside its `routes`, and `main.py` puts them here. So messages know none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from app.chats.models import Conversation
from app.db import Work
from app.errors import Refused
from app.messages import text
from app.messages.models import Message
from app.settings import Settings
from app.users.models import Person

SLOTS = ("before", "text", "after", "meta", "edge")


class Part(NamedTuple):
    """What a message that is being sent brings for one of its extras."""

    chat_id: int
    seq: int
    sender_id: int
    value: Any


class Views(NamedTuple):
    """A value that not everybody who sees the message may see: what anybody may, and whole sets of readers, each with
    what they see. Together these are all who hear of the message.
    """

    value: Hashable
    of: tuple[tuple[tuple[int, ...], Hashable], ...]


Load = Callable[[Work, int, Sequence[int]], Awaitable[Mapping[int, Hashable]]]
LoadAs = Callable[[Work, int, Sequence[int], int | None], Awaitable[Mapping[int, Hashable]]]
Read = Callable[[Mapping[str, str]], Any]
Check = Callable[[Work, Part], Awaitable[Refused | None]]
Store = Callable[[Work, Sequence[Part]], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Something that bubbles show beside their text, the same for every reader.

    `template` is plain, like the bubble, and sees `message` and `value`. It stands in a slot: `before` the text, in
    place of the `text`, `after` it, in the `meta` line beside the time, or at the lower `edge`.
    """

    slot: str
    template: str
    # load(work, chat_id, seqs): for each message that has one its value. It is frozen and tells all that is shown,
    # people as (id, display name), because bubbles are kept by it.
    load: Load | None = None
    # load_as(work, chat_id, seqs, reader_id) in place of it, where readers may see different things: what this one
    # sees, or for None what all do, as Views where that is not the same.
    load_as: LoadAs | None = None
    # read(fields): what the fields of a send bring for it, or None. Raises Invalid.
    read: Read | None = None
    # check(work, part): why a message must not bring this, before it has a seq. Its chat is locked.
    check: Check | None = None
    # store(work, parts): writes the rows of messages that were just stored.
    store: Store | None = None
    # plain(value, body): the body as previews and quotes tell of it.
    plain: Callable[[Any, str], str] | None = None
    # row(value): what rows of chat lists are told of it, as `data-<name>`, when the message is new.
    row: Callable[[Any], str] | None = None


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A sort of message: how the list of chats tells of it, and what may be done with it.

    What it shows beside its body is an extra. All kinds but `note` count as unread.
    """

    icon: str = ""
    preview: Callable[[str], str] = text.plain
    may_edit: bool = False
    may_copy: bool = False
    may_forward: bool = False


Offered = Callable[[Conversation, Message, Person, Settings], bool]
LoadFor = Callable[[Work, Conversation, Message, Person], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Action:
    """An entry of a message's menu.

    `template` sees `chat`, `message`, `place` (the address of the message) and `value`, what `load` answers. Entries
    stand by their ranks.
    """

    template: str
    is_offered: Offered
    rank: int
    load: LoadFor | None = None


@dataclass(frozen=True, kw_only=True)
class Watcher:
    """What a feature does in the same work when messages are edited or deleted for everyone, whether or not they
    have an extra of its own.
    """

    # edited(work, message, body): before a message gets another body; answers which extras it has then, and has not.
    edited: Callable[[Work, Message, str], Awaitable[Mapping[str, bool]]] | None = None
    # deleted(work, chat_id, seqs): drops all that is kept about them.
    deleted: Callable[[Work, int, Sequence[int]], Awaitable[None]] | None = None


EXTRAS: dict[str, Extra] = {}
KINDS: dict[str, Kind] = {"text": Kind(may_edit=True, may_copy=True, may_forward=True), "note": Kind()}
ACTIONS: dict[str, Action] = {}
WATCHERS: dict[str, Watcher] = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """An extra of one message, as its bubble shows it."""

    name: str
    slot: str
    template: str
    value: Hashable
    views: tuple[tuple[tuple[int, ...], Hashable], ...] = ()

    def seen_by(self, user_id: int) -> Shown:
        """The same with nothing that this person may not see."""
        value = next((value for readers, value in self.views if user_id in readers), self.value)
        return replace(self, value=value, views=())


async def load(
    work: Work, chat_id: int, named: Mapping[int, Iterable[str]], reader_id: int | None = None
) -> dict[int, tuple[Shown, ...]]:
    """The extras of messages of one chat, by seq, as one reader sees them, or all; `named` says which each has. One
    query for each name, however many messages have it, and none for a name that no message has.
    """
    found: dict[int, tuple[Shown, ...]] = {}
    for name, extra in EXTRAS.items():
        if seqs := [seq for seq, names in named.items() if name in names]:
            for seq, value in (await _values(extra, work, chat_id, seqs, reader_id)).items():
                value, views = value if isinstance(value, Views) else (value, ())
                found[seq] = (*found.get(seq, ()), Shown(name, extra.slot, extra.template, value, views))
    return found


async def _values(
    extra: Extra, work: Work, chat_id: int, seqs: Sequence[int], reader_id: int | None
) -> Mapping[int, Hashable]:
    if extra.load_as:
        return await extra.load_as(work, chat_id, seqs, reader_id)
    assert extra.load
    return await extra.load(work, chat_id, seqs)


def read(fields: Mapping[str, str]) -> dict[str, Any]:
    """What the fields of a send bring for extras, by their names. Raises Invalid."""
    found = {name: extra.read(fields) for name, extra in EXTRAS.items() if extra.read}
    return {name: value for name, value in found.items() if value is not None}


async def refusal(work: Work, chat_id: int, user_id: int, brings: Mapping[str, Any]) -> Refused | None:
    """Why a message must not bring this for its extras, if it must not."""
    for name, value in brings.items():
        if check := EXTRAS[name].check:
            refused = await check(work, Part(chat_id, 0, user_id, value))
            if refused:
                return refused
    return None


async def store(work: Work, brought: Iterable[tuple[str, Part]]) -> None:
    """Write what messages that were just stored brought for their extras."""
    by_name: dict[str, list[Part]] = {}
    for name, part in brought:
        by_name.setdefault(name, []).append(part)
    for name, parts in by_name.items():
        if keep := EXTRAS[name].store:
            await keep(work, parts)


def changed(names: str, add: Collection[str] = (), remove: Collection[str] = ()) -> str:
    """The column `extras` with some names more and some less."""
    return " ".join(sorted(({*names.split()} | {*add}) - {*remove}))
