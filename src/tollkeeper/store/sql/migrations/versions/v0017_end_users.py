"""End users, and keys that act for them.

Revision ID: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("keys", sa.Column("acting", sa.Text))
    op.create_table(
        "end_users",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("limits", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_index("end_users_of_user", "end_users", ["user_id", "value"], unique=True)
    op.create_index("end_users_in_order", "end_users", ["user_id", "created_at", "id"])
    limited = sa.text("limits IS NOT NULL")
    op.create_index("end_users_with_limits", "end_users", ["id"], sqlite_where=limited, postgresql_where=limited)
