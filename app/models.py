"""Every table in one place, for migrations: importing this fills the metadata."""

from __future__ import annotations

from sqlmodel import SQLModel

from app import jobs
from app.auth import models as auth
from app.cards import models as cards
from app.chats import models as chats
from app.forwards import models as forwards
from app.mentions import models as mentions
from app.messages import models as messages
from app.pins import models as pins
from app.polls import models as polls
from app.reactions import models as reactions
from app.receipts import models as receipts
from app.replies import models as replies
from app.stars import models as stars
from app.users import models as users

__all__ = [
    "auth",
    "cards",
    "chats",
    "forwards",
    "jobs",
    "mentions",
    "messages",
    "metadata",
    "pins",
    "polls",
    "reactions",
    "receipts",
    "replies",
    "stars",
    "users",
]

metadata = SQLModel.metadata
