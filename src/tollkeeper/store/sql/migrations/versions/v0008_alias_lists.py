"""Several models for one alias, in order.

Revision ID: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.rename_table("aliases", "aliases_of_one")
    op.create_table(
        "aliases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("model", sa.Text, nullable=False),
    )
    op.get_bind().exec_driver_sql("INSERT INTO aliases SELECT name, 0, model FROM aliases_of_one")
    op.drop_table("aliases_of_one")
