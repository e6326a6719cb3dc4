"""Whether a price is from a provider's list; what is kept in a cache for an hour, as a class of its own.

Revision ID: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("prices", sa.Column("seeded", sa.Boolean, nullable=False, server_default="0"))
    op.add_column("prices", sa.Column("cache_write_1h", sa.BigInteger))
    op.add_column("records", sa.Column("cache_write_1h_tokens", sa.BigInteger, nullable=False, server_default="0"))
