"""Jobs, and pins of models.

Revision ID: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "pins",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text),
        sa.Column("loaded", sa.Boolean, nullable=False),
    )
