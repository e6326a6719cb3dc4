"""Sums by hour of what is no request for text, by endpoint. Of records that were pruned before, the endpoint is not
known any more: they count as text.

Revision ID: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

_FIGURES = (
    "requests",
    "prompt_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_micro",
    "cost_rest",
)
_FILL = (
    "INSERT INTO hourly_endpoints SELECT created_at - created_at % 3600000, endpoint, user_id, model,"
    " coalesce(key_id, ''), coalesce(team_id, ''), count(*), sum(prompt_tokens), sum(cached_tokens),"
    " sum(cache_write_tokens), sum(completion_tokens), sum(reasoning_tokens), sum(cost_pico / 1000000),"
    " sum(cost_pico % 1000000) FROM records WHERE endpoint NOT IN ('/v1/chat/completions', '/v1/completions',"
    " '/v1/responses', '/v1/messages', '/api/chat', '/api/generate', 'adjustment') GROUP BY 1, 2, 3, 4, 5, 6"
)


def upgrade() -> None:
    op.create_table(
        "hourly_endpoints",
        sa.Column("hour", sa.BigInteger, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("team_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES),
        sa.PrimaryKeyConstraint("hour", "endpoint", "user_id", "model", "key_id", "team_id"),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
