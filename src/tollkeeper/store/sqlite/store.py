"""Opening the database, and the parts that work on it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports import Accounts, Audit, Book, Ledger, Reports, Sessions, lost
from tollkeeper.store.sqlite.accounts import SqliteAccounts
from tollkeeper.store.sqlite.audit import SqliteAudit
from tollkeeper.store.sqlite.book import SqliteBook
from tollkeeper.store.sqlite.commit import Committer
from tollkeeper.store.sqlite.connections import Durability, connect_writer, plain_reason
from tollkeeper.store.sqlite.ledger import SqliteLedger
from tollkeeper.store.sqlite.lock import FileLock
from tollkeeper.store.sqlite.readers import Readers
from tollkeeper.store.sqlite.reports import SqliteReports
from tollkeeper.store.sqlite.rows import intent_of
from tollkeeper.store.sqlite.schema import HEAD
from tollkeeper.store.sqlite.sessions import SqliteSessions
from tollkeeper.store.sqlite.wal import LogMover
from tollkeeper.store.sqlite.writer import Writer


class SqliteStore:
    """See `ports.Store`. `lost_at_start` counts the requests that were under way when the process before this one was
    killed; they are records now, of status "lost"."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: FileLock, lost_at_start: int, patience: float
    ) -> None:
        self.lost_at_start = lost_at_start
        self._path = path
        self._lock = lock
        self._patience = patience
        self._writer = Writer(connection)
        self._log = LogMover(path, self._writer.move_log)
        self._readers = Readers(path)
        self._ledger = SqliteLedger(self._writer, patience=patience)
        self.ledger: Ledger = self._ledger
        self.reports: Reports = SqliteReports(self._readers)
        self.accounts: Accounts = SqliteAccounts(self._writer, self._readers)
        self.sessions: Sessions = SqliteSessions(self._writer, self._readers)
        self.book: Book = SqliteBook(self._writer, self._readers)
        self.audit: Audit = SqliteAudit(self._readers)

    def __repr__(self) -> str:
        return f"SqliteStore({str(self._path)!r}, {self._ledger!r})"

    async def close(self) -> None:
        """Flush, then release everything. Raises StoreError (everything released all the same) when the ledger could
        not be written within the store's patience, so that settlements are lost."""
        try:
            await self._ledger.close()
        finally:
            self._log.stop()
            await self._readers.close()
            # Its thread still in a call that hangs: the lock stays until the process ends, since it may yet write.
            if await self._writer.close(self._patience):
                self._lock.release()


async def open_store(
    path: Path, *, now: Callable[[], int], durability: Durability = "process", patience: float = 5.0
) -> SqliteStore:
    """Open the database at `path`, made if need be (its folder is not), upgraded if need be (a copy set aside first).

    `durability`: what a durable commit survives: the end of the process, or of the power too (an fsync a commit).
    `patience`: seconds that `flush` and `close` wait for a ledger that cannot be written. Raises StoreBusy when
    another process has it open, StoreError when it cannot be opened.
    """
    lock, connection, lost_at_start = await asyncio.to_thread(_prepare, path, now, durability)
    return SqliteStore(path, connection, lock, lost_at_start, patience)


def _prepare(path: Path, now: Callable[[], int], durability: Durability) -> tuple[FileLock, sqlite3.Connection, int]:
    with ExitStack() as undo:
        try:
            if not path.parent.is_dir():
                raise StoreError(f"the folder {path.parent} of the database {path.name} does not exist")
            lock = FileLock(path)
            undo.callback(lock.release)
            # Nobody else may read it: there are password hashes in it. SQLite gives its other files the same mode.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            connection = connect_writer(path, durability)
            undo.callback(connection.close)
            bring_to_head(path, connection)
            lost_at_start = _lose_intents(connection, now())
        except OSError as error:
            raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from None
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database {path} cannot be opened: {plain_reason(error)}") from None
        undo.pop_all()
        return lock, connection, lost_at_start


def bring_to_head(path: Path, connection: sqlite3.Connection) -> None:
    """Upgrade the database to this version, or make its tables where it is empty. Raises StoreError for a newer one, or
    one of something else."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = connection.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else ()
    revision = next((version for (version,) in found), None)
    if revision == HEAD:
        return
    if revision is None and tables:
        raise StoreError(f"{path} is a database of something else than Tollkeeper")
    # Here, not above: Alembic takes longer to import than the gateway to start, and is needed once in a release.
    from tollkeeper.store.sqlite.upgrade import upgrade  # noqa: PLC0415

    upgrade(path, connection, revision)


def _lose_intents(connection: sqlite3.Connection, now: int) -> int:
    """Make what a killed process left under way into records, so that the operator sees it. How many there were."""
    connection.execute("BEGIN IMMEDIATE")
    intents = [intent_of(row) for row in connection.execute("SELECT * FROM intents ORDER BY request_id")]
    records = [lost(intent, now) for intent in intents]
    Committer().write(connection, (), records, [intent.request_id for intent in intents])
    connection.execute("COMMIT")
    return len(intents)
