"""Alembic's environment: runs the revisions inside the transaction of the given connection."""

from __future__ import annotations

from alembic import context

from tollkeeper.store.sql.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
