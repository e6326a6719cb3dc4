"""Versions of users and keys: a save takes the place of the version that it was made of, and of no other.

Revision ID: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    for table in ("users", "keys"):
        op.add_column(table, sa.Column("version", sa.BigInteger, nullable=False, server_default="1"))
