"""What an intent holds at most; keys that took the place of others, and those that are to be; pruned sums by user.

Which key took the place of which is in the audit log. What was pruned of a user and month is what its sums have more
than its records.

Revision ID: 0005
"""

# Its queries are put together of the schema's names and of numbers, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_FIGURES = (
    *("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_micro", "cost_rest"),
)
_OF_RECORD = (
    "endpoint != 'adjustment'",
    *_FIGURES[1:6],
    "cost_pico / 1000000",
    "cost_pico % 1000000",
)
_HOUR_MS = 3_600_000


def upgrade() -> None:
    for column in ("bound_tokens", "bound_cost_pico"):
        op.add_column("intents", sa.Column(column, sa.BigInteger))
    op.add_column("keys", sa.Column("retires_at", sa.BigInteger))
    op.add_column("keys", sa.Column("origin", sa.Text))
    op.create_table(
        "pruned_users",
        sa.Column("month", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES),
        sa.PrimaryKeyConstraint("month", "user_id"),
        sqlite_with_rowid=False,
    )
    _tell_graces_from_ends()
    _find_origins()
    _sum_what_was_pruned()


def _tell_graces_from_ends() -> None:
    now = "CAST(strftime('%s', 'now') AS INTEGER) * 1000"
    op.get_bind().exec_driver_sql(
        f"UPDATE keys SET retires_at = revoked_at, revoked_at = NULL WHERE revoked_at > {now}"
    )


def _find_origins() -> None:
    connection = op.get_bind()
    origins: dict[str, str] = {}
    entries = connection.exec_driver_sql("SELECT target, detail FROM audit WHERE action = 'key.rotate' ORDER BY id")
    for made, detail in entries.fetchall():
        old = json.loads(detail)["replaces"]
        origins[made] = origins.get(old, old)
    for made, origin in origins.items():
        connection.exec_driver_sql("UPDATE keys SET origin = ? WHERE id = ?", (origin, made))


def _sum_what_was_pruned() -> None:
    connection = op.get_bind()
    newest = connection.exec_driver_sql("SELECT newest FROM checkpoints ORDER BY seq DESC LIMIT 1").scalar_one_or_none()
    if newest is None:
        return
    whole_from = newest - newest % _HOUR_MS + _HOUR_MS
    taken = ", ".join(f"-({figure})" for figure in _OF_RECORD)
    rows = (
        f"SELECT {_month('hour')}, user_id, {', '.join(_FIGURES)} FROM hourly WHERE hour < {whole_from}"
        f" UNION ALL SELECT {_month('created_at')}, user_id, {taken} FROM records WHERE created_at < {whole_from}"
    )
    sums = ", ".join(f"sum({name})" for name in _FIGURES)
    some = " OR ".join(f"sum({name}) != 0" for name in _FIGURES)
    connection.exec_driver_sql(
        f"INSERT INTO pruned_users SELECT month, user_id, {sums} FROM ({rows}) GROUP BY 1, 2 HAVING {some}"
    )


def _month(moment: str) -> str:
    return f"CAST(strftime('%s', {moment} / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000 AS month"
