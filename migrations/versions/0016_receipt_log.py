"""When messages were delivered and read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "receipt_log",
        sa.Column("day", sa.SmallInteger(), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("chat_id", NUMBER, nullable=False),
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("user_id", NUMBER, nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("before_seq", NUMBER, nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("day", "level", "chat_id", "seq", "user_id", "is_read", name="pk_receipt_log"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("receipt_log")
