"""Connections to the database file, and SQLAlchemy engines over them with explicit transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Engine, Pool, create_engine, event
from sqlalchemy.exc import DBAPIError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Durability

BUSY_WAIT = 0.25
"""Seconds a statement waits for another program's lock. Short, since the ledger retries by itself."""

_LONGEST_LOG = 100_000
"""Pages in the write-ahead log at which a commit checkpoints it itself: only if `wal.py` has not."""

# NORMAL makes no fsync at a commit (a killed process loses nothing: its pages are the kernel's by then); it syncs only
# before pages move from the log into the file, so that a power cut loses moments, never the database.
_SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "power": "FULL"}


def connect_writer(path: Path, durability: Durability) -> sqlite3.Connection:
    """A connection that writes. Raises StoreError when the file is no database, or its file system cannot hold a
    log."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"the file system of {path} cannot hold a write-ahead log (journal_mode is {mode})")
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
        connection.execute("PRAGMA cache_size = -16000")
        # What is deleted is overwritten, so that a person can be forgotten. Many builds of SQLite do so by themselves.
        connection.execute("PRAGMA secure_delete = ON")
        # Multi-row statements keep a statement journal; in a file it would double their cost.
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_checkpointer(path: Path) -> sqlite3.Connection:
    """A connection that only makes checkpoints (`wal.py`)."""
    return _connect(f"{path.absolute().as_uri()}?mode=rw")


def connect_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection."""
    return _connect(f"{path.absolute().as_uri()}?mode=ro")


Begin = Callable[[sqlite3.Connection], object]
"""Opens a transaction on a connection: sqlite3 would open none for reads."""


def begin_read(connection: sqlite3.Connection) -> None:
    """Begin a transaction that sees one state of the database from its first statement to its last, and blocks no
    other."""
    connection.execute("BEGIN DEFERRED")


def begin_write(connection: sqlite3.Connection) -> None:
    """Begin a transaction that writes."""
    connection.execute("BEGIN IMMEDIATE")


def engine_over(connect: Callable[[], sqlite3.Connection], pool: type[Pool], begin: Begin) -> Engine:
    """An engine over connections from `connect`. `begin` opens its transactions."""
    # Parameters are hidden from errors: among them are digests and password hashes.
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=pool, hide_parameters=True)
    event.listen(engine, "begin", lambda connection: begin(connection.connection.dbapi_connection))
    return engine


def plain_reason(error: BaseException) -> str:
    """SQLite's error message in one line, without the statement."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    return " ".join(str(error).split()) or type(error).__name__


def _connect(uri: str) -> sqlite3.Connection:
    # Enough for all statements of group commits to stay prepared: 15 for each of 18 kinds.
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_WAIT, isolation_level=None, check_same_thread=False, cached_statements=270
    )
