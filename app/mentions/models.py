"""Who was named in a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup
from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from app.db import Number
from app.messages import text

# The id that stands for everybody who sees the message.
EVERYBODY = 0
ALL = "all"


class Mention(SQLModel, table=True):
    """A message names somebody, or with `user_id` EVERYBODY all."""

    __tablename__ = "mentions"
    __table_args__ = (Index("ix_mentions_user_id", "user_id", "chat_id", "seq"),)

    chat_id: int = Field(sa_type=Number, foreign_key="chats.id", primary_key=True, ondelete="CASCADE")
    seq: int = Field(sa_type=Number, primary_key=True)
    user_id: int = Field(sa_type=Number, primary_key=True)


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who is named, by the name they have now."""

    id: int
    username: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Mentions:
    """Who is named in one message."""

    people: tuple[Named, ...]
    everybody: bool

    @property
    def ids(self) -> str:
        """For pages: the ids, or the word for everybody."""
        return ALL if self.everybody else " ".join(str(each.id) for each in self.people)

    def html(self, body: str, base: str) -> Markup:
        """The body with the names that people have now, as links to their profiles."""
        return text.render(body, self._shown(base))

    def plain(self, body: str) -> str:
        """The body with the same names, without links."""
        return text.with_names(body, {each.username.lower(): each.display_name for each in self.people})

    def _shown(self, base: str) -> Mapping[str, Markup]:
        link = Markup(
            '<a class="mention" data-mention="{0}" href="{1}/users/{0}">@<bdi data-name-of="{0}">{2}</bdi></a>'
        )
        shown = {each.username.lower(): link.format(each.id, base, each.display_name) for each in self.people}
        if self.everybody:
            shown[ALL] = Markup('<span class="mention" data-mention="all">@{}</span>').format(ALL)
        return shown
