"""What is not counted in tokens: images, audio and characters, with prices of their own, and one of each request.

Revision ID: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for name in ("per_request", "per_image", "per_minute", "per_mchar"):
        op.add_column("prices", sa.Column(name, sa.BigInteger))
    for name in ("images", "audio_ms", "characters"):
        op.add_column("records", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
