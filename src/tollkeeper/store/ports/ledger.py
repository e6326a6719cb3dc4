"""The write side of the ledger."""

from __future__ import annotations

import asyncio
from typing import Protocol

from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent, Record


class Ledger(Protocol):
    """The write side. Its calls are synchronous and short: they queue the work and return the future of the group
    commit that will contain it, one future shared by everything that is committed together."""

    @property
    def failing(self) -> str | None:
        """Why the last commit failed, or None while the ledger writes. New requests are refused while it is set."""

    def intend(self, intent: Intent, claim: Claim | None = None) -> asyncio.Future[None]:
        """Journal an intent, within 5 ms; it replaces an earlier one of the same request. Only a caller that awaits the
        future waits for it. In the same transaction the request claims an idempotency key; its claim takes the place
        of an earlier one to that key, which must have expired or be withdrawn."""

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        """Withdraw an intent, and the claim made with it: nothing was dispatched, so there will be no record. Only a
        caller that awaits the future waits for it; a process that is killed before that is durable leaves a record of
        status "lost"."""

    def settle(self, record: Record) -> asyncio.Future[None]:
        """Write a record, add it to its rollups and end its intent, in one transaction, at once. Idempotent by
        `request_id`: a second settlement changes nothing. Await with `asyncio.shield`: the future is shared."""

    def mark(self) -> asyncio.Future[int]:
        """The `seq` of the last record settled before this call, once it is durable: records settled before have at
        most that number, records settled afterwards have a larger one.

        This lets a counter include earlier usage without counting anything twice or not at all:

            counter = …                      # in one step, nothing awaited between: from here on every settlement
            mark = store.ledger.mark()       # is added to the counter by whoever settles
            history = await store.reports.history(now, user_id=…, upto=await mark)
            …                                # add the history to the counter

        Until then the counter is too low: let its readers wait for the history."""

    async def prune(self, before: int) -> int:
        """Delete records made before `before`, oldest in the chain first and up to the first younger one, in bounded
        steps. A checkpoint replaces them in the chain; sums by hour stay. Returns how many were deleted. `before` must
        lie more than 25 hours back, since a history needs younger records. A summary over a span that begins or ends
        within an hour of deleted records lacks that part of the hour. What no invoice covers can never be invoiced
        then: callers wait for the months to be finalized (`InvoiceStore.open_months`)."""

    async def flush(self) -> None:
        """Wait until everything queued so far is durable."""
