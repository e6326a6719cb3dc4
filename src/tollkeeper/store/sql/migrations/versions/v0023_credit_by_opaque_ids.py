"""Credit by opaque ids: what was granted before its user had a record stood under their name, and was not found any
more once they had one.

Revision ID: 0023
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    connection = op.get_bind()
    named = connection.exec_driver_sql(
        "SELECT DISTINCT payer_id FROM credits WHERE payer_kind = 'user'"
        " AND payer_id NOT IN (SELECT id FROM identities)"
    )
    for user_id in named.scalars().all():
        user = {"user_id": user_id}
        found = connection.execute(sa.text("SELECT id FROM identities WHERE user_id = :user_id"), user).scalar()
        if found is None:
            found = f"u_{secrets.token_hex(12)}"
            connection.execute(
                sa.text("INSERT INTO identities (id, user_id) VALUES (:id, :user_id)"), user | {"id": found}
            )
        connection.execute(
            sa.text("UPDATE credits SET payer_id = :id WHERE payer_kind = 'user' AND payer_id = :user_id"),
            user | {"id": found},
        )
