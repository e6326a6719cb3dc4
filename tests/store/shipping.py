"""A store over PostgreSQL whose ledger is a journal, shipped after each commit: what a process of a cluster has, with
nothing between its settlement and the shared database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from tests.store.values import NOON
from tollkeeper.store import postgres, sqlite
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.store.ports.shipments import Journal
from tollkeeper.store.ports.store import Store
from tollkeeper.store.postgres import PostgresStore
from tollkeeper.store.sql.identities import Identity
from tollkeeper.store.sqlite import SqliteStore
from tollkeeper.store.sqlite.journal import SqliteJournal

T = TypeVar("T")


class ShippingLedger:
    """See `ports.Ledger`. What it returns is done once the shared database has the records."""

    def __init__(self, journal: SqliteStore, shared: PostgresStore) -> None:
        self._journal = journal
        self._shared = shared
        self._name = Journal("journal_1", "node-1")
        self._reader = SqliteJournal(journal._readers)
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def failing(self) -> str | None:
        return self._journal.ledger.failing

    def intend(self, intent: Intent, claim: Claim | None = None) -> asyncio.Future[None]:
        return self._journal.ledger.intend(intent, claim)

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        return self._journal.ledger.withdraw(request_id)

    def settle(self, record: Record) -> asyncio.Future[None]:
        self._take_over_identity(record.user_id)
        return self._task(self._shipped(self._journal.ledger.settle(record)))

    def mark(self) -> asyncio.Future[int]:
        return self._task(self._marked(self._journal.ledger.mark()))

    async def prune(self, before: int) -> int:
        await self.flush()
        return await self._shared.pruning.prune(before)

    async def flush(self) -> None:
        await self._journal.ledger.flush()
        await self._ship()

    async def close(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._journal.close()

    def _take_over_identity(self, user_id: str) -> None:
        """A journal gets the opaque ids of the shared database before its first record of a user, and forgets them."""
        shared, mine = self._shared.identities, self._journal._ledger._committer._identities
        theirs, known = shared.ids.get(user_id), mine.ids.get(user_id)
        if known is not None and known != theirs and shared.knows(known):
            mine.forget(Identity(known, user_id))
        if theirs is not None and theirs != known:
            mine.add([Identity(theirs, user_id)])

    def _task(self, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _shipped(self, settled: Awaitable[None]) -> None:
        await asyncio.shield(settled)
        await self._ship()

    async def _marked(self, mark: Awaitable[int]) -> int:
        seq = await mark
        await self._ship()
        return await self._shared.shipments.number_of(self._name.id, seq) if seq else 0

    async def _ship(self) -> None:
        async with self._turn:
            while True:
                batch = await self._reader.batch(await self._shared.shipments.shipped(self._name.id), NOON)
                if not batch.records:
                    return
                await self._shared.shipments.ship(self._name, batch)


async def open_shipping_store(url: str, journal: Path) -> Store:
    """The store over the database at `url`, with a journal at the path."""
    local = await sqlite.open_store(journal, now=lambda: NOON)
    return await postgres.open_store(url, lambda shared: ShippingLedger(local, shared), lock_wait=0.25)
