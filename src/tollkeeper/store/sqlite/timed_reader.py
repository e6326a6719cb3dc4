"""Questions that may take long: one at a time, on a connection of their own, and none for longer than it may."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from tollkeeper.store.errors import StoreOverloaded, StoreTimeout
from tollkeeper.store.sqlite.connections import Begin, begin_read
from tollkeeper.store.sqlite.readers import Readers

T = TypeVar("T")
_STEPS = 50_000
"""Steps of SQLite's virtual machine, a few milliseconds, between two looks at the clock."""


class TimedReader:
    """Runs one read at a time: others wait for their turn, at most as long as a read may take, which is `seconds`. A
    read whose caller is cancelled ends, too."""

    def __init__(
        self,
        path: Path,
        blocked: Callable[[], str | None] = lambda: None,
        begin: Begin = begin_read,
        *,
        seconds: float,
    ) -> None:
        self._readers = Readers(path, blocked, begin, threads=1)
        self._seconds = seconds
        self._turn = asyncio.Semaphore(1)

    async def run(self, read: Callable[[Connection], T]) -> T:
        """As `Readers.run`. Raises StoreTimeout and StoreOverloaded, too."""
        try:
            await asyncio.wait_for(self._turn.acquire(), self._seconds)
        except TimeoutError:
            raise StoreOverloaded("others ask too much for this question to have its turn") from None
        unwanted = Event()
        try:
            return await self._readers.run(partial(self._read, read, unwanted))
        finally:
            unwanted.set()
            self._turn.release()

    async def close(self) -> None:
        """Wait for the read that runs, and accept no more."""
        await self._readers.close()

    def _read(self, read: Callable[[Connection], T], unwanted: Event, connection: Connection) -> T:
        end = time.monotonic() + self._seconds
        raw = cast(sqlite3.Connection, connection.connection.dbapi_connection)
        raw.set_progress_handler(lambda: unwanted.is_set() or time.monotonic() > end, _STEPS)
        try:
            return read(connection)
        except OperationalError:
            if time.monotonic() > end:
                raise StoreTimeout(f"a question takes longer than {self._seconds:g} s") from None
            raise
        finally:
            raw.set_progress_handler(None, _STEPS)
