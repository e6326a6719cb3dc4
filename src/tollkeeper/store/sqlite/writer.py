"""The one thread that writes. It owns the one connection that does, and runs one transaction after the other."""

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
    """Two ways in: `hand` for the ledger (bare sqlite3, told by a callback), `run` for everything else (SQLAlchemy
    Core, awaited). Belongs to the running loop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._engine = engine_over(lambda: connection, StaticPool, "BEGIN IMMEDIATE")
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._closed = False
        # A disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="tollkeeper-writer", daemon=True)
        self._thread.start()

    def hand(self, work: Callable[[sqlite3.Connection], None], done: Callable[[Exception | None], None]) -> None:
        """Run `work` in a transaction on the thread; then `done` on the loop, with what went wrong or None."""
        self._jobs.put(partial(self._hand, work, done))

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction on the thread; it is durable on return. Raises StoreError when it is not done."""
        if self._closed:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(partial(self._run, work, future))
        return await future

    def move_log(self) -> None:
        """Between two transactions, move what is left in the write-ahead log into the file. From any thread."""
        self._jobs.put(self._move_log)

    async def close(self, patience: float) -> bool:
        """Finish what is queued and end the thread. Whether it ended within `patience` seconds."""
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
            connection.execute("BEGIN IMMEDIATE")
            work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (told on the loop, which keeps the work and tries again)
            failure = error
            self._roll_back()
        self._loop.call_soon_threadsafe(done, failure)

    def _move_log(self) -> None:
        # What stands in its way (a full disk, a reader) is met again, and told, by a commit.
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                # SQLite rolls back by itself on the worst errors; the next BEGIN tells if it did not.
                return

    def _run(self, work: Callable[[Connection], T], future: asyncio.Future[T]) -> None:
        try:
            with self._engine.begin() as connection:
                result = work(connection)
        except (sqlite3.Error, SQLAlchemyError) as error:
            failure = StoreError(f"the database cannot be written: {plain_reason(error)}")
            self._loop.call_soon_threadsafe(_fail, future, failure)
        except Exception as error:  # noqa: BLE001 (raised where the work was asked for)
            self._loop.call_soon_threadsafe(_fail, future, error)
        else:
            self._loop.call_soon_threadsafe(_succeed, future, result)


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[T], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
