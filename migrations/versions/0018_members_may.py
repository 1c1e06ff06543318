"""Whether members of a group may pin messages, and set after which time messages disappear."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("chats") as chats:
        chats.add_column(sa.Column("members_pin", sa.Boolean(), nullable=False, server_default=sa.true()))
        chats.add_column(sa.Column("members_time", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    with op.batch_alter_table("chats") as chats:
        chats.drop_column("members_time")
        chats.drop_column("members_pin")
