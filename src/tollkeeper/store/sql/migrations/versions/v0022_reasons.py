"""Why a request was not completed, of which nobody took note in earlier records; and counts of refused requests.

Revision ID: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("records", sa.Column("error", sa.Text))
    op.create_table(
        "refusals",
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("limit_name", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("minute", "user_id", "key_id", "model", "status", "code", "limit_name"),
        sqlite_with_rowid=False,
    )
    op.create_index("refusals_of_user", "refusals", ["user_id", "minute"])
