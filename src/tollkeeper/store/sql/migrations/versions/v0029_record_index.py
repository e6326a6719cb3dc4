"""The index of records by user, model, team and end user, which follows many records at once.

Revision ID: 0029
"""

# Its query is put together of the schema's names, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

_FIELDS = ("user_id", "model", "team_id", "end_user_id")


def upgrade() -> None:
    op.create_table(
        "record_index",
        sa.Column("field", sa.Integer, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("field", "value", "request_id"),
        sqlite_with_rowid=False,
    )
    for number, field in enumerate(_FIELDS):
        op.execute(
            f"INSERT INTO record_index SELECT {number}, {field}, request_id FROM records"
            f" WHERE {field} IS NOT NULL AND seq <= (SELECT rolled_up FROM head) ORDER BY {field}, request_id"
        )
    for name in ("records_of_user", "records_of_model", "records_of_team", "records_of_end_user"):
        op.drop_index(name, "records")
