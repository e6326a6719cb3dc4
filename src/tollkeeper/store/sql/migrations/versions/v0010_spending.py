"""What each upstream has cost, by day: budgets of upstreams start from it.

Revision ID: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "daily_upstreams",
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("upstream", sa.Text, nullable=False),
        sa.Column("cost_micro", sa.BigInteger, nullable=False),
        sa.Column("cost_rest", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "upstream"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO daily_upstreams SELECT created_at - created_at % 86400000, upstream, sum(cost_pico / 1000000),"
        " sum(cost_pico % 1000000) FROM records WHERE cost_pico != 0 AND upstream != '' GROUP BY 1, 2"
    )
