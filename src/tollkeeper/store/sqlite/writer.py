"""The writer thread: it owns the only writing connection, and runs one transaction after the other.

It brings the sums over records up (`roll_up.py`) before they are read, and besides every ten seconds, or earlier after
many records, so that there is never much to do while somebody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import begin_read, begin_write, engine_over, plain_reason
from tollkeeper.store.sqlite.roll_up import behind, roll_up

T = TypeVar("T")

_PAUSE = 10.0
"""Seconds between two times that the sums are brought up while nobody reads them. Commits wait meanwhile, for some tens
of milliseconds: too seldom to show among a hundred requests, and the more records at once, the less each takes."""
_MANY, _SOON = 2048, 0.05
"""Records behind after which it is `_SOON` seconds instead: enough to share what it costs, and soon done."""


class Writer:
    """Two entry points: `hand` for the ledger (bare sqlite3, with a callback), `run` for everything else (SQLAlchemy
    Core, awaited), which finds the sums brought up. Nothing is written while `blocked` gives a reason. It belongs to
    the running event loop."""

    def __init__(self, connection: sqlite3.Connection, blocked: Callable[[], str | None] = lambda: None) -> None:
        self._connection = connection
        self._blocked = blocked
        self._engine = engine_over(lambda: connection, StaticPool, begin_write)
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._rolled_up_at = time.monotonic()
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

    def snapshot(self, reader: sqlite3.Connection) -> None:
        """Begin a read transaction on another connection, of a state in which the sums have all records. Blocks; may be
        called from any thread but this one's. Raises StoreError, also when the sums cannot be brought up."""
        if self._closed:
            raise StoreError("the store is closed")
        begun: Future[None] = Future()
        self._jobs.put(partial(self._snapshot, reader, begun))
        begun.result()

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
        while (job := self._next()) is not None:
            job()
        self._roll_up_in_passing()

    def _next(self) -> Callable[[], None] | None:
        while count := self._behind():
            wait = self._rolled_up_at + (_SOON if count >= _MANY else _PAUSE) - time.monotonic()
            if wait > 0:
                with contextlib.suppress(Empty):
                    return self._jobs.get(timeout=wait)
            self._roll_up_in_passing()
        return self._jobs.get()

    def _behind(self) -> int:
        try:
            return behind(self._connection)
        except sqlite3.Error:
            return 0  # whoever reads sums, or commits, meets the cause

    def _roll_up_in_passing(self) -> None:
        self._rolled_up_at = time.monotonic()
        if self._blocked():
            return
        # A commit will meet the cause (a full disk, another program) again, and report it.
        with contextlib.suppress(sqlite3.Error):
            roll_up(self._connection)

    def _snapshot(self, reader: sqlite3.Connection, begun: Future[None]) -> None:
        try:
            roll_up(self._connection)
            begin_read(reader)
            reader.execute("SELECT seq FROM head").fetchone()  # only a read fixes the state
        except BaseException as error:  # noqa: BLE001 (raised to the caller of `snapshot`)
            begun.set_exception(error)
        else:
            begun.set_result(None)

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
            roll_up(self._connection)
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
