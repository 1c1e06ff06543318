"""Tables of messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sender_id", NUMBER, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("event", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("starts_run", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("edited_at", UTCDateTime(), nullable=True),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("kind IN ('text', 'note')", name="ck_messages_kind"),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_messages_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name="fk_messages_sender_id"),
        sa.PrimaryKeyConstraint("chat_id", "seq", name="pk_messages"),
        sa.UniqueConstraint("chat_id", "id", name="uq_messages_chat_id"),
    )
    op.create_index("ix_messages_chat_id_revision", "messages", ["chat_id", "revision"], unique=False)
    op.create_index(
        "ix_messages_counted",
        "messages",
        ["chat_id", "seq", "sender_id"],
        unique=False,
        sqlite_where=sa.text("kind <> 'note' AND deleted_at IS NULL"),
        postgresql_where=sa.text("kind <> 'note' AND deleted_at IS NULL"),
    )
    op.create_table(
        "hidden_messages",
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["chat_id"], ["chats.id"], name="fk_hidden_messages_chat_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_hidden_messages_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "chat_id", "seq", name="pk_hidden_messages"),
    )


def downgrade() -> None:
    op.drop_table("hidden_messages")
    op.drop_table("messages")
