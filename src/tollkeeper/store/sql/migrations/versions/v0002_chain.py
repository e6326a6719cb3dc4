"""Limits of users and keys; the hash chain of records, sums by minute, checkpoints.

Records of before are chained in the order of their ids, which is that of their admission. Sums by minute begin with
what is settled from now on: readers take what lies before from the records.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tollkeeper.rules.chain import GENESIS, link

revision = "0002"
down_revision = "0001"

_BATCH = 1000


def upgrade() -> None:
    for table in ("users", "keys"):
        op.add_column(table, sa.Column("limits", sa.Text, nullable=False, server_default="{}"))
    op.create_table(
        "rollup_minutes",
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        *_sums(),
        sa.PrimaryKeyConstraint("minute", "user_id", "model", "key_id", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "checkpoints",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("newest", sa.BigInteger, nullable=False),
        *_sums(),
    )
    op.create_table(
        "head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("minutes_from", sa.BigInteger, nullable=False),
    )
    _chain_records()


def _sums() -> list[sa.Column[int]]:
    return [
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("cost_micro", sa.BigInteger, nullable=False),
        sa.Column("cost_rest", sa.BigInteger, nullable=False),
    ]


def _chain_records() -> None:
    # A column that may not be absent cannot be added to rows that are there: so a new table takes the old one's place.
    op.rename_table("records", "records_unchained")
    op.drop_index("records_of_user")
    op.create_table(
        "records",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("requested_model", sa.Text, nullable=False),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("upstream", sa.Text, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger, nullable=False),
        sa.Column("completion_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.Column("cost_pico", sa.BigInteger, nullable=False),
        sa.Column("price_id", sa.Integer),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("first_token_ms", sa.BigInteger),
        sa.Column("queued_ms", sa.BigInteger, nullable=False),
        sa.Column("finish_reason", sa.Text),
        sa.Column("metadata", sa.Text),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    seq, digest, newest, last = 0, GENESIS, 0, ""
    insert = f"INSERT INTO records VALUES ({', '.join('?' * 26)})"  # noqa: S608 (nothing from outside)
    while True:
        page = "SELECT * FROM records_unchained WHERE request_id > ? ORDER BY request_id LIMIT ?"
        found = connection.exec_driver_sql(page, (last, _BATCH)).fetchall()
        if not found:
            break
        rows = []
        for values in found:
            seq += 1
            digest = link(digest, seq, tuple(values))
            newest = max(newest, values[2])
            rows.append((*values, seq, digest))
        connection.exec_driver_sql(insert, rows)
        last = found[-1][0]
    op.drop_table("records_unchained")
    op.create_index("records_by_seq", "records", ["seq"], unique=True)
    op.create_index("records_of_user", "records", ["user_id", "request_id"])
    minutes_from = newest - newest % 60_000 + 60_000 if seq else 0
    connection.exec_driver_sql("INSERT INTO head VALUES (1, ?, ?, ?)", (seq, digest, minutes_from))
