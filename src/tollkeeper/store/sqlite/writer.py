"""The writer thread: it owns the only writing connection, and runs one transaction after the other."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import engine_over, plain_reason

T = TypeVar("T")


class Writer:
    """Two entry points: `hand` for the ledger (bare sqlite3, with a callback), `run` for everything else (SQLAlchemy
    Core, awaited). Nothing is written while `blocked` gives a reason. It belongs to the running event loop."""

    def __init__(self, connection: sqlite3.Connection, blocked: Callable[[], str | None] = lambda: None) -> None:
        self._connection = connection
        self._blocked = blocked
        self._engine = engine_over(lambda: connection, StaticPool, "BEGIN IMMEDIATE")
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        # A disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="tollkeeper-writer", daemon=True)
        self._thread.start()

    def hand(self, work: Callable[[sqlite3.Connection], None], done: Callable[[Exception | None], None]) -> None:
        """Run `work` in a transaction on the thread; then call `done` on the loop, with the error or None."""
        self._jobs.put(partial(self._hand, work, done))

    async def run(self, work: Callable[[Connection], T], undo: Callable[[], object] = lambda: None) -> T:
        """Run `work` in a transaction on the thread; it is durable on return. Raises StoreError when it fails; before
        that, and before any other transaction, `undo` is called on the thread."""
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(partial(self._run, work, undo, future))
        return await future

    def checkpoint_rest(self) -> None:
        """Move the rest of the write-ahead log into the file, between two transactions. May be called from any
        thread."""
        self._jobs.put(self._checkpoint_rest)

    async def empty_log(self) -> bool:
        """Move the write-ahead log into the file and empty it, between two transactions. Returns whether it is empty: a
        reader may keep it from that. Raises StoreError."""
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[bool] = self._loop.create_future()
        self._jobs.put(partial(self._empty_log, future))
        return await future

    async def close(self, patience: float) -> bool:
        """Finish the queue and end the thread. Returns whether it ended within `patience` seconds."""
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, patience)
        ended = not self._thread.is_alive()
        if ended:
            self._engine.dispose()
            self._connection.close()
        return ended

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _hand(self, work: Callable[[sqlite3.Connection], None], done: Callable[[Exception | None], None]) -> None:
        failure: Exception | None = None
        connection = self._connection
        try:
            self._must_be_free()
            connection.execute("BEGIN IMMEDIATE")
            work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (passed to the loop, which keeps the work and retries)
            failure = error
            self._roll_back()
        self._loop.call_soon_threadsafe(done, failure)

    def _must_be_free(self) -> None:
        if reason := self._blocked():
            raise StoreError(reason)

    def _checkpoint_rest(self) -> None:
        # A commit will meet the cause (a full disk, a reader) again, and report it.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _empty_log(self, future: asyncio.Future[bool]) -> None:
        try:
            self._must_be_free()
            busy, *_ = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            failure = StoreError(f"the database cannot be written: {plain_reason(error)}")
            self._loop.call_soon_threadsafe(_fail, future, failure)
        except StoreError as error:
            self._loop.call_soon_threadsafe(_fail, future, error)
        else:
            self._loop.call_soon_threadsafe(_succeed, future, not busy)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # SQLite rolls back by itself on the worst errors; the next BEGIN fails if it did not.
                return

    def _run(self, work: Callable[[Connection], T], undo: Callable[[], object], future: asyncio.Future[T]) -> None:
        try:
            self._must_be_free()
            try:
                with self._engine.begin() as connection:
                    result = work(connection)
            except BaseException:
                undo()
                raise
        except (sqlite3.Error, SQLAlchemyError) as error:
            failure = StoreError(f"the database cannot be written: {plain_reason(error)}")
            self._loop.call_soon_threadsafe(_fail, future, failure)
        except Exception as error:  # noqa: BLE001 (raised to the caller of `run`)
            self._loop.call_soon_threadsafe(_fail, future, error)
        else:
            self._loop.call_soon_threadsafe(_succeed, future, result)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
