"""Why a request was not completed. Of earlier records nobody noted it.

Revision ID: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("records", sa.Column("error", sa.Text))
