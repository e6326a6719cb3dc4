"""The ledger: everything queued in one turn of the loop is kept in the next."""

from __future__ import annotations

import asyncio
import logging
from itertools import takewhile
from typing import Any

from tollkeeper.store.bounds import fits, fitted, fitted_intent
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports import Intent, Record

LOG = logging.getLogger("tollkeeper.store")


class MemoryLedger:
    """See `ports.Ledger`. While the tables cannot be written everything is held; `resume` tries again."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._loop = asyncio.get_running_loop()
        self._intents: dict[str, Intent] = {}
        self._records: dict[str, Record] = {}
        self._withdrawn: list[str] = []
        self._marks: list[tuple[int, asyncio.Future[int]]] = []
        self._future: asyncio.Future[None] = self._loop.create_future()
        self._soon = False
        self._closed = False
        self._reason: str | None = None

    @property
    def failing(self) -> str | None:
        return self._reason

    def intend(self, intent: Intent) -> asyncio.Future[None]:
        self._must_be_open()
        self._intents[intent.request_id] = fitted_intent(intent)
        return self._queued()

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        self._must_be_open()
        self._withdrawn.append(request_id)
        return self._queued()

    def settle(self, record: Record) -> asyncio.Future[None]:
        self._must_be_open()
        if not fits(record):
            LOG.error("the figures of %s are beyond what the ledger holds: recorded as its largest", record.request_id)
            record = fitted(record)
        self._records.setdefault(record.request_id, record)
        return self._queued()

    def mark(self) -> asyncio.Future[int]:
        self._must_be_open()
        mark: asyncio.Future[int] = self._loop.create_future()
        self._marks.append((len(self._records), mark))
        self._queued()
        return mark

    async def prune(self, before: int) -> int:
        self._tables.must_be_writable()
        old = list(takewhile(lambda record: record.created_at < before, self._tables.records.values()))
        self._tables.pruned += old
        for record in old:
            del self._tables.records[record.request_id]
        return len(old)

    async def flush(self) -> None:
        """Raises StoreError at once when the ledger cannot write: nothing but the switch would change that."""
        self._commit()
        if self._reason is not None:
            raise StoreError(f"the ledger cannot be written: {self._reason}")

    async def close(self) -> None:
        """Flush, and take nothing more. Raises StoreError when something is lost by it, and fails those who wait."""
        self._closed = True
        try:
            await self.flush()
        except StoreError as error:
            waiting: list[asyncio.Future[Any]] = [self._future, *(mark for _, mark in self._marks if not mark.done())]
            for future in waiting:
                future.set_exception(error)
                # Seen, so that nobody is told of a future that nobody waits for.
                future.exception()
            raise

    def resume(self) -> None:
        """Write what was held, where the tables can be written again."""
        if self._reason is not None:
            self._commit()

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _queued(self) -> asyncio.Future[None]:
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._commit)
        return self._future

    def _commit(self) -> None:
        self._soon = False
        tables = self._tables
        if not self._intents and not self._records and not self._withdrawn and not self._marks:
            return
        if tables.fail is not None:
            if self._reason != tables.fail:
                LOG.error("the ledger cannot be written: %s", tables.fail)
            self._reason = tables.fail
            return
        if self._reason is not None:
            LOG.warning("the ledger can be written again")
            self._reason = None
        tables.intents |= self._intents
        before = len(tables.pruned) + len(tables.records)
        new = [request_id not in tables.records for request_id in self._records]
        for request_id, record in self._records.items():
            tables.records.setdefault(request_id, record)
            tables.intents.pop(request_id, None)
        for request_id in self._withdrawn:
            tables.intents.pop(request_id, None)
        for count, mark in self._marks:
            if not mark.done():
                mark.set_result(before + sum(new[:count]))
        self._intents, self._records, self._withdrawn, self._marks = {}, {}, [], []
        done, self._future = self._future, self._loop.create_future()
        if not done.done():
            done.set_result(None)
