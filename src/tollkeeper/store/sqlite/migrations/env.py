"""What Alembic runs: the revisions, inside the transaction of the connection that it was given."""

from __future__ import annotations

from alembic import context

from tollkeeper.store.sqlite.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
