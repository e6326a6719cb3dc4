"""Teams, the users in them, and what invoices show of a user.

Revision ID: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("team_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("tax_id", sa.Text),
        sa.Column("limits", sa.Text, nullable=False, server_default="{}"),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    )
    op.create_index("teams_whatever_case", "teams", [sa.text("lower(team_id)")], unique=True)
    op.add_column("users", sa.Column("team_id", sa.Text))
    op.add_column("users", sa.Column("team_admin", sa.Boolean, nullable=False, server_default="0"))
    for name in ("address", "tax_id", "email"):
        op.add_column("users", sa.Column(name, sa.Text))
