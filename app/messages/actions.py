"""What can be done with any message: the entries of its menu that are not another feature's."""

from __future__ import annotations

from app.chats.models import Conversation
from app.messages import service
from app.messages.models import Message
from app.messages.parts import KINDS, Action
from app.settings import Settings
from app.users.models import Person


def _copy(_: Conversation, message: Message, *__: object) -> bool:
    return KINDS[message.kind].may_copy and message.deleted_at is None


def _edit(chat: Conversation, message: Message, user: Person, settings: Settings) -> bool:
    return service.may_edit(message, chat, user, settings.edit_window)


def _hide(*_: object) -> bool:
    return True


def _delete(chat: Conversation, message: Message, user: Person, settings: Settings) -> bool:
    return service.may_delete(message, chat, user, settings.delete_window)


OWN = {
    "copy": Action(template="messages/_copy.html", is_offered=_copy, rank=30),
    "edit": Action(template="messages/_edit.html", is_offered=_edit, rank=40),
    "hide": Action(template="messages/_hide.html", is_offered=_hide, rank=80),
    "delete": Action(template="messages/_delete.html", is_offered=_delete, rank=90),
}
