"""Invoices, the records that they cover, and credit.

Records that were pruned before there were invoices are covered by none: their sums by user and month are taken over.

Revision ID: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_FIGURES = (
    "requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens",
    "cost_micro", "cost_rest",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "invoice_numbers",
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("serial", sa.Integer, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("payer_kind", sa.Text, nullable=False),
        sa.Column("payer_id", sa.Text, nullable=False),
        sa.Column("month", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("total_usd", sa.Text, nullable=False),
        sa.Column("paid_at", sa.Text),
        sa.Column("reference", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
    )
    op.create_index("invoices_by_serial", "invoices", ["year", "serial"], unique=True)
    op.create_index("invoices_by_number", "invoices", ["number"], unique=True)
    op.create_index("invoices_of_payer", "invoices", ["payer_kind", "payer_id", "year", "serial"])
    shown = ["month", "holds", "payer_kind", "payer_id", "id", "number", "status", "total_usd"]
    op.create_index("invoices_of_month", "invoices", shown)
    op.create_index(
        "invoices_once",
        "invoices",
        ["payer_kind", "payer_id", "month"],
        unique=True,
        sqlite_where=sa.text("holds = 1"),
        postgresql_where=sa.text("holds"),
    )
    op.create_table(
        "invoice_ranges",
        sa.Column("payer_kind", sa.Text, nullable=False),
        sa.Column("payer_id", sa.Text, nullable=False),
        sa.Column("month", sa.BigInteger, nullable=False),
        sa.Column("invoice_id", sa.Text, nullable=False),
        sa.Column("journal", sa.Text, nullable=False),
        sa.Column("after_seq", sa.BigInteger, nullable=False),
        sa.Column("upto_seq", sa.BigInteger, nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _FIGURES),
        sa.PrimaryKeyConstraint("payer_kind", "payer_id", "month", "invoice_id", "journal", "after_seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("invoice_ranges_of_month", "invoice_ranges", ["month"])
    op.create_index("invoice_ranges_of_invoice", "invoice_ranges", ["invoice_id"])
    op.create_table(
        "credits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("payer_kind", sa.Text, nullable=False),
        sa.Column("payer_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_micro", sa.BigInteger, nullable=False),
        sa.Column("amount_rest", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("invoice_id", sa.Text),
    )
    op.create_index("credits_of_payer", "credits", ["payer_kind", "payer_id"])
    op.create_index("credits_of_invoice", "credits", ["invoice_id"])
    figures = ", ".join(_FIGURES)
    op.execute(
        f"INSERT INTO invoice_ranges SELECT 'user', user_id, month, '', 'local', 0,"  # noqa: S608 (names of columns)
        f" (SELECT max(seq) FROM checkpoints), true, requests, {figures} FROM pruned_users"
    )
