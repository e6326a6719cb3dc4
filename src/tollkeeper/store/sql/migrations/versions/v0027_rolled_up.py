"""The mark in the chain up to which the sums have the records: so far, its end.

Revision ID: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("head", sa.Column("rolled_up", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE head SET rolled_up = seq")
