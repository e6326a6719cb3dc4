"""Sums by hour and model, and by month and user; records by model, and those that did not complete: what pages ask.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_FIGURES = (
    *("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_micro", "cost_rest"),
)
_MONTH = "CAST(strftime('%s', hour / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"


def upgrade() -> None:
    op.create_table(
        "hourly_models",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("hour", "model", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "monthly_users",
        sa.Column("month", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("month", "user_id", "status"),
        sqlite_with_rowid=False,
    )
    figures = ", ".join(f"sum({name})" for name in _FIGURES)
    connection = op.get_bind()
    for table, place in (("hourly_models", "hour, model, status"), ("monthly_users", f"{_MONTH}, user_id, status")):
        connection.exec_driver_sql(f"INSERT INTO {table} SELECT {place}, {figures} FROM hourly GROUP BY 1, 2, 3")  # noqa: S608 (nothing from outside)
    op.create_index("records_of_model", "records", ["model", "request_id"])
    op.create_index(
        "records_not_completed", "records", ["status", "request_id"], sqlite_where=sa.text("status != 'completed'")
    )


def _sums() -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES]
