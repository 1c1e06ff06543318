"""Ask and vote."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, insert
from sqlmodel import col, select

from app.chats import service as chats
from app.chats.models import Conversation
from app.db import Work, now
from app.errors import Invalid, NotFound
from app.messages import history
from app.messages import service as messages
from app.messages.bubbles import Bubble, bubbles
from app.messages.models import Message
from app.messages.parts import Part
from app.polls import broadcasts, results
from app.polls.models import Poll, Vote
from app.polls.results import Answers, Result
from app.users.models import Person


async def store(work: Work, parts: Sequence[Part]) -> None:
    """Write the polls of messages that were just stored."""
    rows = [{"chat_id": part.chat_id, "seq": part.seq, **part.value} for part in parts]
    await work.execute(insert(Poll), rows)


async def forget(work: Work, chat_id: int, seqs: Sequence[int]) -> None:
    """Drop polls and their votes."""
    for model in (Vote, Poll):
        await work.execute(delete(model).where(col(model.chat_id) == chat_id, col(model.seq).in_(seqs)))


async def vote(work: Work, user: Person, chat_id: int, seq: int, options: Collection[int], turns: bool) -> Bubble:
    """Choose these options and no others; none withdraws. Where it `turns`, what was chosen is no more, as if pressed
    again. Raises NotFound when there is no poll to be seen, Forbidden for who left, Invalid for options that
    may not be.
    """
    chat = await chats.require_present(work, chat_id, user)
    message, poll, mine = await _require_poll(work, chat, user, seq)
    wanted = _wanted(poll, mine, set(options), turns)
    if wanted == mine:
        return (await bubbles(work, chat, [message]))[0]
    if mine - wanted:
        own = delete(Vote).where(col(Vote.chat_id) == chat_id, col(Vote.seq) == seq, col(Vote.user_id) == user.id)
        await work.execute(own.where(col(Vote.option).in_(mine - wanted)))
    row = {"chat_id": chat_id, "seq": seq, "user_id": user.id, "is_only": not poll.multiple, "voted_at": now()}
    if new := [{**row, "option": option} for option in sorted(wanted - mine)]:
        await work.execute(insert(Vote), new)
    work.announce(broadcasts.voted, chat_id, user.id, seq, sorted(wanted))
    return await messages.revise(work, chat_id, seq)


def _wanted(poll: Poll, mine: set[int], options: set[int], turns: bool) -> set[int]:
    if not options <= set(range(len(poll.options))):
        raise Invalid(options="This poll has no such option.")
    if not poll.multiple and len(options) > 1:
        raise Invalid(options="Please choose one option only.")
    if not turns:
        return options
    return mine ^ options if poll.multiple else options - mine


async def _require_poll(work: Work, chat: Conversation, user: Person, seq: int) -> tuple[Message, Poll, set[int]]:
    """A poll that still stands, as message and as poll, and which of its options `user` chose. Raises NotFound."""
    message = await history.require_visible(work, chat, user, seq)
    poll = await work.first(select(Poll).where(Poll.chat_id == chat.id, Poll.seq == seq))
    if not poll:
        raise NotFound
    own = select(Vote.option).where(Vote.chat_id == chat.id, Vote.seq == seq, Vote.user_id == user.id)
    return message, poll, set(await work.all(own))


async def answers(
    work: Work, chat: Conversation, user: Person, seq: int, option: int | None
) -> tuple[Answers, Bubble]:
    """Who chose what, as `results.voters` says, and the poll. Raises NotFound."""
    message, poll, mine = await _require_poll(work, chat, user, seq)
    if option is not None and option >= len(poll.options):
        raise NotFound
    (bubble,) = await bubbles(work, chat, [message])
    (result,) = (extra.value for extra in bubble.extras if isinstance(extra.value, Result))
    return Answers(result, tuple(sorted(mine)), await results.voters(work, chat.id, seq, option)), bubble
