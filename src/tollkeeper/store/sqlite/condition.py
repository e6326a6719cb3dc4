"""Whether the database file is sound and of this version, and bringing it to this version."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from msgspec import Struct
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import connect_reader, connect_writer, plain_reason
from tollkeeper.store.sqlite.lock import FileLock
from tollkeeper.store.sqlite.schema import HEAD
from tollkeeper.store.sqlite.store import bring_to_head


class Condition(Struct, frozen=True):
    """What was found: the database's revision, that of this version, and the faults of the file, one line each."""

    revision: str
    head: str
    faults: tuple[str, ...]


def condition(path: Path) -> Condition:
    """Look at the file, page by page, as SQLite sees it; the ledger's sums and chain are for `verify`. Changes nothing,
    also while the database is served. Raises StoreError when it cannot be read, or is none of Tollkeeper."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            revision = _revision(connection, path)
            lines = [" ".join(line.split()) for (line,) in connection.execute("PRAGMA integrity_check")]
    except sqlite3.Error as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None
    return Condition(revision, HEAD, tuple(line for line in lines if line != "ok"))


def bring_up(path: Path) -> Path | None:
    """Bring an existing database to this version. Answers the copy that was set aside before, None where there was
    nothing to do. Raises StoreBusy when it is open, StoreError when it cannot be done or was written by a newer
    version."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    with ExitStack() as ended:
        try:
            ended.callback(FileLock(path).release)
            connection = ended.enter_context(closing(connect_writer(path, "process")))
            before = _revision(connection, path)
            bring_to_head(path, connection)
        except OSError as error:
            raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from None
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database {path} cannot be upgraded: {plain_reason(error)}") from None
    return None if before == HEAD else path.with_name(f"{path.name}.before-{HEAD}")


def _revision(connection: sqlite3.Connection, path: Path) -> str:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        raise StoreError(f"{path} is no database of Tollkeeper")
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if found is None:
        raise StoreError(f"{path} is no database of Tollkeeper")
    return str(found[0])
