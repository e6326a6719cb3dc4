"""The ledger in memory: what is queued in one iteration of the event loop is committed in the next."""

from __future__ import annotations

import asyncio
import logging
from itertools import takewhile
from typing import Any

import msgspec
from msgspec.structs import replace

from tollkeeper.store.clamp import clamp_intent, clamp_record, within_bounds
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent, Record, tags_of

LOG = logging.getLogger("tollkeeper.store")


class MemoryLedger:
    """See `ports.Ledger`. While the tables cannot be written, everything is kept; `resume` retries."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._intents: dict[str, Intent] = {}
        self._records: dict[str, Record] = {}
        self._claims: list[Claim] = []
        self._withdrawn: list[str] = []
        self._marks: list[tuple[int, asyncio.Future[int]]] = []
        self._future: asyncio.Future[None] | None = None
        """Of what is queued; made with the first of it, in the loop of whoever queues it."""
        self._soon = False
        self._closed = False
        self._reason: str | None = None

    @property
    def failing(self) -> str | None:
        return self._reason

    def intend(self, intent: Intent, claim: Claim | None = None) -> asyncio.Future[None]:
        self._must_be_open()
        self._intents[intent.request_id] = clamp_intent(intent)
        if claim is not None:
            self._claims.append(claim)
        return self._queued()

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        self._must_be_open()
        self._withdrawn.append(request_id)
        return self._queued()

    def settle(self, record: Record) -> asyncio.Future[None]:
        self._must_be_open()
        if not within_bounds(record):
            LOG.error("the figures of %s exceed the ledger's bounds: recorded clamped to them", record.request_id)
            record = clamp_record(record)
        self._records.setdefault(record.request_id, record)
        return self._queued()

    def mark(self) -> asyncio.Future[int]:
        self._must_be_open()
        mark: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._marks.append((len(self._records), mark))
        self._queued()
        return mark

    async def prune(self, before: int) -> int:
        self._tables.must_be_writable()
        old = list(takewhile(lambda record: record.created_at < before, self._tables.records.values()))
        # Tags stay; what else metadata may tell goes.
        self._tables.pruned += (
            replace(record, metadata=msgspec.json.encode(tags).decode() if (tags := tags_of(record)) else None)
            for record in old
        )
        for record in old:
            del self._tables.records[record.request_id]
        return len(old)

    async def flush(self) -> None:
        """Commit what is queued. Raises StoreError at once when the ledger cannot write: waiting would not help."""
        self._commit()
        if self._reason is not None:
            raise StoreError(f"the ledger cannot be written: {self._reason}")

    async def close(self) -> None:
        """Flush, and accept nothing more. Raises StoreError, also to all waiters, when anything is lost."""
        self._closed = True
        try:
            await self.flush()
        except StoreError as error:
            marks = (mark for _, mark in self._marks if not mark.done())
            waiting: list[asyncio.Future[Any]] = [*marks, *([] if self._future is None else [self._future])]
            for future in waiting:
                future.set_exception(error)
                # Retrieved, so that asyncio does not log an exception of a future that nothing awaits.
                future.exception()
            raise

    def resume(self) -> None:
        """Commit what was kept, if the tables can be written again."""
        if self._reason is not None:
            self._commit()

    def _must_be_open(self) -> None:
        if self._closed:
            raise StoreError("the store is closed")

    def _queued(self) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        if not self._soon:
            self._soon = True
            loop.call_soon(self._commit)
        if self._future is None:
            self._future = loop.create_future()
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
        tables.claims |= {(claim.user_id, claim.key): claim for claim in self._claims}
        before = len(tables.pruned) + len(tables.records)
        new = [request_id not in tables.records for request_id in self._records]
        for request_id, record in self._records.items():
            tables.records.setdefault(request_id, record)
            tables.intents.pop(request_id, None)
        for request_id in self._withdrawn:
            tables.intents.pop(request_id, None)
            for place in [place for place, claim in tables.claims.items() if claim.request_id == request_id]:
                del tables.claims[place]
        for count, mark in self._marks:
            if not mark.done():
                mark.set_result(before + sum(new[:count]))
        self._intents, self._claims, self._records, self._withdrawn, self._marks = {}, [], {}, [], []
        done, self._future = self._future, None
        if done is not None and not done.done():
            done.set_result(None)
