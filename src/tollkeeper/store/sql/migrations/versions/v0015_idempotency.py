"""Claims to idempotency keys.

Revision ID: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "idempotency_claims",
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("idempotency_claims_by_request", "idempotency_claims", ["request_id"], unique=True)
