"""Sums by tag and day, without persons.

Revision ID: 0028
"""

# Its query is put together of the schema's names, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

_PLACE = ("name", "day", "value", "model", "status", "upstream", "endpoint")
_FIGURES = (
    *("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_micro", "cost_rest"),
    *(f"{duration}_{bucket}" for duration in ("latency", "first_token") for bucket in range(16)),
)


def upgrade() -> None:
    op.create_table(
        "daily_tags",
        *(sa.Column(name, sa.BigInteger if name == "day" else sa.Text, nullable=False) for name in _PLACE),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES),
        sa.PrimaryKeyConstraint(*_PLACE),
        sqlite_with_rowid=False,
    )
    places = ", ".join("hour - hour % 86400000" if name == "day" else name for name in _PLACE)
    sums = ", ".join(f"sum({name})" for name in _FIGURES)
    op.execute(
        f"INSERT INTO daily_tags ({', '.join((*_PLACE, *_FIGURES))}) SELECT {places}, {sums} FROM hourly_tags"
        " GROUP BY 1, 2, 3, 4, 5, 6, 7"
    )
