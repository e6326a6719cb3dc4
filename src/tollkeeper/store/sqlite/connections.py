"""Connections to the database file, and SQLAlchemy engines over them whose transactions are real ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, Pool, create_engine, event
from sqlalchemy.exc import DBAPIError

from tollkeeper.store.errors import StoreError

Durability = Literal["process", "power"]

BUSY_WAIT = 0.25
"""Seconds a statement waits for another program's lock. Short: the ledger tries again by itself."""

_LONGEST_LOG = 100_000
"""Pages in the write-ahead log at which a commit moves them itself: never, unless nothing else did."""

# NORMAL asks for no fsync at a commit (a killed process loses nothing: its pages are the kernel's by then), and only
# syncs before pages move from the log into the file, so that a power cut loses moments, never the database.
_SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "power": "FULL"}


def connect_writer(path: Path, durability: Durability) -> sqlite3.Connection:
    """The connection that writes. Raises StoreError when the file is no database, or its folder cannot hold a log."""
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw")
    try:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise StoreError(f"the file system of {path} cannot hold a write-ahead log (journal_mode is {mode})")
        connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
        connection.execute("PRAGMA cache_size = -16000")
        # Statements of many rows keep a journal of their own; in a file it would double their cost.
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_mover(path: Path) -> sqlite3.Connection:
    """A connection that moves the log into the file (`wal.py`), and writes nothing else."""
    return _connect(f"{path.absolute().as_uri()}?mode=rw")


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read."""
    return _connect(f"{path.absolute().as_uri()}?mode=ro")


def engine_over(connect: Callable[[], sqlite3.Connection], pool: type[Pool], begin: str) -> Engine:
    """An engine over such connections. `begin` opens its transactions: sqlite3 by itself would open none to read."""
    # Parameters are hidden from errors: among them are digests and password hashes.
    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=pool, hide_parameters=True)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def plain_reason(error: BaseException) -> str:
    """What SQLite said, in one line, without the statement around it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    return " ".join(str(error).split()) or type(error).__name__


def _connect(uri: str) -> sqlite3.Connection:
    # Those of a group commit stay prepared, whatever the numbers of their rows: 15 for each of 7 kinds.
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_WAIT, isolation_level=None, check_same_thread=False, cached_statements=160
    )
