"""Events, webhooks and alerts.

Revision ID: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("team_id", sa.Text),
        sa.Column("planned", sa.Boolean, nullable=False),
    )
    unplanned = sa.text("planned = false")
    op.create_index("events_unplanned", "events", ["id"], sqlite_where=unplanned, postgresql_where=unplanned)
    op.create_index("events_of_user", "events", ["user_id", "id"])
    op.create_index("events_of_team", "events", ["team_id", "id"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Text, nullable=False),
    )
    pending = sa.text("status = 'pending'")
    op.create_index("deliveries_pending", "deliveries", ["next_at"], sqlite_where=pending, postgresql_where=pending)
    op.create_index("deliveries_of_target", "deliveries", ["target", "id"])
    op.create_index("deliveries_of_event", "deliveries", ["event_id"])
    op.create_table(
        "alerts",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("percent", sa.BigInteger, nullable=False),
        sa.Column("window", sa.BigInteger, nullable=False),
        sa.Column("floor", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("team_id", sa.Text),
        sa.PrimaryKeyConstraint("kind", "id", "model", "name", "percent"),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
    )
