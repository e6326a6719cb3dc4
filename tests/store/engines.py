"""All engines behind one face, so that one suite runs through each, failures included."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg

from tests.store.shipping import open_shipping_store
from tests.store.values import NOON
from tollkeeper.store import memory, sqlite
from tollkeeper.store.memory import MemoryStore
from tollkeeper.store.ports.store import Store


class Engine(Protocol):
    async def open(self) -> Store: ...

    def break_it(self) -> None:
        """Make every write fail from now on."""

    def mend_it(self) -> None: ...

    def under_way(self) -> set[str]:
        """The request ids of the intents that are durable."""


class Sqlite:
    """Broken by a real lock: another program's transaction on the same file."""

    def __init__(self, folder: Path, name: str = "ledger.db") -> None:
        self._path = folder / name
        self._other: sqlite3.Connection | None = None

    async def open(self) -> Store:
        return await sqlite.open_store(self._path, now=lambda: NOON)

    def break_it(self) -> None:
        self._other = sqlite3.connect(self._path, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def mend_it(self) -> None:
        if self._other is not None:
            self._other.close()
            self._other = None

    def under_way(self) -> set[str]:
        with closing(sqlite3.connect(self._path)) as connection:
            return {request_id for (request_id,) in connection.execute("SELECT request_id FROM intents")}


class Memory:
    def __init__(self, folder: Path) -> None:
        self._store: MemoryStore | None = None

    async def open(self) -> Store:
        self._store = await memory.open_store()
        return self._store

    def break_it(self) -> None:
        assert self._store is not None
        self._store.fail = "database is locked"

    def mend_it(self) -> None:
        if self._store is not None:
            self._store.fail = None

    def under_way(self) -> set[str]:
        assert self._store is not None
        return {*self._store.under_way}


class Postgres:
    """A database of a real server, with the journal of one process. Broken by real locks, as SQLite's."""

    def __init__(self, url: str, journal: Path) -> None:
        self._url = url
        self._journal = journal
        self._local = Sqlite(journal.parent, journal.name)
        self._other: psycopg.Connection[Any] | None = None

    async def open(self) -> Store:
        return await open_shipping_store(self._url, self._journal)

    def break_it(self) -> None:
        self._local.break_it()
        self._other = psycopg.connect(self._url)
        self._other.execute("LOCK TABLE turns IN EXCLUSIVE MODE")

    def mend_it(self) -> None:
        self._local.mend_it()
        if self._other is not None:
            self._other.close()
            self._other = None

    def under_way(self) -> set[str]:
        return self._local.under_way()


ENGINES: dict[str, Callable[[Path], Engine]] = {"sqlite": Sqlite, "memory": Memory}


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that must come about; the bound only ends a test that fails."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.002)
