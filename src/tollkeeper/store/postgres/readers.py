"""Reads: a few connections, each used by one worker thread at a time, never by the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.postgres.connections import open_engine, plain_reason
from tollkeeper.store.postgres.identities import SharedIdentities

T = TypeVar("T")


class Readers:
    """Runs at most `threads` reads at once, each on one snapshot; more of them wait."""

    def __init__(self, url: str, identities: SharedIdentities, threads: int = 2) -> None:
        self._identities = identities
        self._closed = False
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="tollkeeper-reader")
        self._engine = open_engine(url, threads=threads, read_only=True)

    async def run(self, read: Callable[[Connection], T]) -> T:
        """Return what `read` returns, run in a worker thread. Raises StoreError."""
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, read)
        except SQLAlchemyError as error:
            raise StoreError(f"the database cannot be read: {plain_reason(error)}") from None

    async def close(self) -> None:
        """Wait for the reads already submitted, and accept no more."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _read(self, read: Callable[[Connection], T]) -> T:
        try:
            return self._once(read)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._once(read)  # the server was away since the last time: all connections are new now

    def _once(self, read: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            self._identities.refresh(connection)
            return read(connection)
