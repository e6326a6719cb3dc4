"""Questions that may take long: one at a time, on a connection of their own, and none for longer than it may."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from threading import Event, Thread
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, event

from tollkeeper.store.errors import StoreError, StoreOverloaded, StoreTimeout
from tollkeeper.store.postgres.identities import SharedIdentities
from tollkeeper.store.postgres.readers import Readers

T = TypeVar("T")
_LOOK_S = 0.1
"""Seconds between two looks at the clock."""


class TimedReader:
    """Runs one read at a time: others wait for their turn, at most as long as a read may take, which is `seconds`. A
    read whose caller is cancelled ends, too."""

    def __init__(self, url: str, identities: SharedIdentities, *, seconds: float) -> None:
        self._readers = Readers(url, identities, threads=1)
        self._seconds = seconds
        self._turn = asyncio.Semaphore(1)

    async def run(self, read: Callable[[Connection], T]) -> T:
        """As `Readers.run`. Raises StoreTimeout and StoreOverloaded, too."""
        try:
            await asyncio.wait_for(self._turn.acquire(), self._seconds)
        except TimeoutError:
            raise StoreOverloaded("others ask too much for this question to have its turn") from None
        running = _Running(self._seconds)
        try:
            return await self._readers.run(partial(running.read, read))
        except StoreError:
            if running.late:
                raise StoreTimeout(f"a question takes longer than {self._seconds:g} s") from None
            raise
        finally:
            running.give_up()
            self._turn.release()

    async def close(self) -> None:
        """Wait for the read that runs, and accept no more."""
        await self._readers.close()


class _Running:
    """One read, which ends after `seconds`: the server is asked to end its statement, and no other one begins."""

    def __init__(self, seconds: float) -> None:
        self.late = False
        self._end = time.monotonic() + seconds
        self._ended = Event()
        self._raw: Any = None

    def read(self, read: Callable[[Connection], T], connection: Connection) -> T:
        self._raw = connection.connection.dbapi_connection
        event.listen(connection, "before_cursor_execute", self._must_have_time)
        watch = Thread(target=self._watch, daemon=True)
        watch.start()
        try:
            return read(connection)
        finally:
            self._ended.set()
            watch.join()  # what it asks must not end the next read

    def give_up(self) -> None:
        """Let the read end if it still runs."""
        self._end = 0.0

    def _must_have_time(self, *_: object) -> None:
        if time.monotonic() > self._end:
            self.late = True
            raise StoreTimeout("a question takes longer than it may")

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK_S):
            # More than once: what is asked between two statements ends neither.
            if time.monotonic() > self._end:
                self.late = True
                with contextlib.suppress(psycopg.Error):
                    self._raw.cancel()
