"""The revision of a database of PostgreSQL: made at this version's, or brought there.

It has the revisions of all engines (`store/sql/migrations/`). A database is made as the newest of them would leave it,
so those from before PostgreSQL never run on one.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.connections import plain_reason
from tollkeeper.store.postgres.schema import create_all
from tollkeeper.store.sql.migrations.head import HEAD

_LOCK = 0x746F6C6C
"""The number of the lock that whoever makes or upgrades tables holds: the letters "toll"."""


def bring_to_head(engine: Engine) -> str | None:
    """Make the tables where the database is empty, or upgrade them to this version, completely or not at all. Returns
    the revision that was found; None: it was empty. Raises StoreError where it is of a newer version or another
    program's, or cannot be changed."""
    try:
        with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            revision = find_revision(connection)
            if revision is None:
                _make(connection)
            elif revision != HEAD:
                _upgrade(connection, revision)
            return revision
    except SQLAlchemyError as error:
        raise StoreError(f"the database cannot be upgraded: {plain_reason(error)}") from None


def must_be_at_head(connection: Connection) -> None:
    """Raise StoreError unless the database is of this version."""
    revision = find_revision(connection)
    if revision != HEAD:
        raise StoreError(
            f"the database is of revision {revision or 'none'}, and this version's is {HEAD}: an older one is brought"
            " there by `tollkeeper db upgrade`, a newer one needs the newer version"
        )


def find_revision(connection: Connection) -> str | None:
    """The revision of a database; None: it is empty. Raises StoreError where it is another program's."""
    names = inspect(connection).get_table_names()
    if "alembic_version" in names and "records" in names:
        return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    if names:
        raise StoreError("the database is one of something else than Tollkeeper")
    return None


def _make(connection: Connection) -> None:
    create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def _upgrade(connection: Connection, revision: str) -> None:
    # Here, not above: Alembic takes long to import, and is needed once in a release.
    from tollkeeper.store.sql.migrations.steps import Revisions  # noqa: PLC0415

    revisions = Revisions()
    revisions.must_know(revision, "the database")
    revisions.run(connection)
