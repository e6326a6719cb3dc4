"""Health of the database file, and its upgrade to this version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.maintenance import Health
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sqlite.connections import connect_reader, plain_reason
from tollkeeper.store.sqlite.exclusive import exclusive
from tollkeeper.store.sqlite.lock import must_be_readable
from tollkeeper.store.sqlite.revision import bring_to_head, revision_of


def health(path: Path) -> Health:
    """See `ports.Maintenance`. Checks every page, also while the database is served."""
    must_be_readable(path)
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            revision = revision_of(connection, path)
            lines = [" ".join(line.split()) for (line,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None
    return Health(revision, HEAD, tuple(line for line in lines if line != "ok"))


def upgrade(path: Path) -> Path | None:
    """See `ports.Maintenance`."""
    with exclusive(path, "process", "upgraded") as connection:
        before = revision_of(connection, path)
        bring_to_head(path, connection)
    return None if before == HEAD else path.with_name(f"{path.name}.before-{HEAD}")
