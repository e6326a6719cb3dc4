"""Reads: a few read-only connections, each used by one worker thread at a time, never by the event loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, QueuePool
from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import Begin, begin_read, connect_reader, engine_over, plain_reason

T = TypeVar("T")


class Readers:
    """Runs at most `threads` reads at once; more of them wait. No connection is made while `blocked` gives a reason: it
    could be to another file. `begin` opens the transaction of a read: one that reads sums needs `Writer.snapshot`."""

    def __init__(
        self,
        path: Path,
        blocked: Callable[[], str | None] = lambda: None,
        begin: Begin = begin_read,
        threads: int = 2,
    ) -> None:
        self._path = path
        self._blocked = blocked
        self._closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="tollkeeper-reader")
        self._engine = engine_over(self._connect, QueuePool, begin)

    async def run(self, read: Callable[[Connection], T]) -> T:
        """Return what `read` returns, run in a worker thread on one snapshot. Raises StoreError."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read)
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database cannot be read: {plain_reason(error)}") from None

    async def close(self) -> None:
        """Wait for the reads already submitted, and accept no more."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _connect(self) -> sqlite3.Connection:
        if reason := self._blocked():
            raise sqlite3.OperationalError(reason)
        return connect_reader(self._path)

    def _read(self, read: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return read(connection)
