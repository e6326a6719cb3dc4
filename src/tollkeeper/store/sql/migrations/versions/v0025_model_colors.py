"""The models that have colours: the first eight that there are records of, by the first of them.

Revision ID: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "model_colors",
        sa.Column("model", sa.Text, primary_key=True),
        sa.Column("place", sa.Integer, nullable=False, unique=True),
    )
    connection = op.get_bind()
    # Sums have also what was used in records that are deleted by now; within an hour, records tell which was first.
    first = connection.exec_driver_sql(
        "SELECT model"
        " FROM (SELECT model, min(hour) AS hour FROM hourly_models WHERE model <> '' GROUP BY model) AS sums"
        " LEFT JOIN (SELECT model, min(created_at) AS at FROM records GROUP BY model) AS firsts USING (model)"
        " ORDER BY hour, at, model LIMIT 8"
    )
    rows = [{"model": model, "place": place} for place, model in enumerate(first.scalars().all())]
    if rows:
        connection.execute(sa.text("INSERT INTO model_colors (model, place) VALUES (:model, :place)"), rows)
