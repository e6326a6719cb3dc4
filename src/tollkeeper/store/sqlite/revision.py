"""The revision of a database, and its upgrade to that of this version."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sql.migrations.head import HEAD


def has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table'").fetchone())


def find_revision(connection: sqlite3.Connection) -> str | None:
    """The revision of a database; None: it is none of Tollkeeper."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def revision_of(connection: sqlite3.Connection, path: Path) -> str:
    """The revision of a database. Raises StoreError where it is none of Tollkeeper."""
    revision = find_revision(connection)
    if revision is None:
        raise StoreError(f"{path} is no database of Tollkeeper")
    return revision


def must_be_at_head(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError unless the database is of this version."""
    revision = revision_of(connection, path)
    if revision != HEAD:
        raise StoreError(
            f"the database {path} is of revision {revision}, and this version's is {HEAD}: an older one is brought"
            " there by `tollkeeper db upgrade`, a newer one needs the newer version"
        )


def bring_to_head(path: Path, connection: sqlite3.Connection) -> None:
    """Upgrade the database to this version, or make its tables where it is empty. Raises StoreError where it is of a
    newer version or of another program."""
    revision = find_revision(connection)
    if revision == HEAD:
        return
    if revision is None and has_tables(connection):
        raise StoreError(f"{path} is a database of something else than Tollkeeper")
    # Here, not above: Alembic takes longer to import than the gateway to start, and is needed once in a release.
    from tollkeeper.store.sqlite.upgrade import upgrade  # noqa: PLC0415

    upgrade(path, connection, revision)
