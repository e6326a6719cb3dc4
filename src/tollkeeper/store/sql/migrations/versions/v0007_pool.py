"""The attempts that a request took; prices of one upstream, of a service tier, and of long inputs.

Revision ID: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("records", sa.Column("attempts", sa.BigInteger, nullable=False, server_default="1"))
    op.add_column("prices", sa.Column("upstream", sa.Text))
    op.add_column("prices", sa.Column("tier", sa.Text))
    op.add_column("prices", sa.Column("above_input_tokens", sa.BigInteger))
