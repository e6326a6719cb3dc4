"""Everything that is written but shipments: one transaction after the other, over all processes.

What the shared statements rely on with one writer, that nobody else changes anything while they decide, holds here by
the lock of a table (`turns`), which each transaction takes before its snapshot. Shipments do not wait for it; what
changes the tables that they write locks them out as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.connections import LOCK_WAIT, open_engine, plain_reason
from tollkeeper.store.postgres.identities import SharedIdentities

T = TypeVar("T")

TURNS = "LOCK TABLE turns IN EXCLUSIVE MODE"
NO_SHIPMENTS = "LOCK TABLE turns, head IN EXCLUSIVE MODE"
_TRIES = 5


class Writer:
    """Runs one work at a time, in a thread. `begin` is the statement that each begins with (`TURNS` or
    `NO_SHIPMENTS`), `lock_wait` the seconds that it waits for another's."""

    def __init__(
        self, url: str, identities: SharedIdentities, begin: str = TURNS, *, lock_wait: float = LOCK_WAIT
    ) -> None:
        self._identities = identities
        self._begin = text(begin)
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tollkeeper-writer")
        self._engine = open_engine(url, lock_wait=lock_wait)

    async def run(self, work: Callable[[Connection], T], undo: Callable[[], object] = lambda: None) -> T:
        """Run `work` in a transaction; it is durable on return. Raises StoreError when it fails. `work` may run several
        times, of which one counts; after each other `undo` is called, on the thread."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work, undo)
        except SQLAlchemyError as error:
            raise StoreError(f"the database cannot be written: {plain_reason(error)}") from None

    async def close(self) -> None:
        """Finish what was begun, and accept no more."""
        self._closed = True
        await asyncio.to_thread(self._thread.shutdown)
        self._engine.dispose()

    def _run(self, work: Callable[[Connection], T], undo: Callable[[], object]) -> T:
        for tries_left in range(_TRIES, -1, -1):
            begun = False
            try:
                with self._engine.begin() as connection:
                    connection.execute(self._begin)
                    self._identities.refresh(connection)
                    begun = True
                    return work(connection)
            except BaseException as error:
                if begun:
                    undo()
                if not tries_left or not (_lost_a_race(error) or (not begun and _was_away(error))):
                    raise
        raise AssertionError("the last try returns or raises")


def _lost_a_race(error: BaseException) -> bool:
    """Whether a shipment has changed what a transaction was about to change: nothing of it has happened."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, (SerializationFailure, DeadlockDetected))


def _was_away(error: BaseException) -> bool:
    """Whether the server was away since the last time: all connections are new now."""
    return isinstance(error, DBAPIError) and error.connection_invalidated
