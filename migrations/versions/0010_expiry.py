"""Messages that disappear: for how long a chat keeps what is said, and until when each message is seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTED = "kind <> 'note' AND deleted_at IS NULL"
EXPIRING = "expires_at IS NOT NULL"


def _count(*columns: str) -> None:
    """The index of unread counts, anew with these columns."""
    op.drop_index("ix_messages_counted", "messages")
    where = sa.text(COUNTED)
    op.create_index("ix_messages_counted", "messages", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    op.add_column("chats", sa.Column("lifetime", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.add_column("messages", sa.Column("expires_at", UTCDateTime(), nullable=True))
    where = sa.text(EXPIRING)
    op.create_index("ix_messages_expires_at", "messages", ["expires_at"], sqlite_where=where, postgresql_where=where)
    _count("chat_id", "seq", "sender_id", "expires_at")


def downgrade() -> None:
    op.execute("DELETE FROM messages WHERE expires_at IS NOT NULL")
    op.drop_index("ix_messages_expires_at", "messages")
    _count("chat_id", "seq", "sender_id")
    op.drop_column("messages", "expires_at")
    op.drop_column("chats", "lifetime")
