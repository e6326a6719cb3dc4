"""The ledger on the event loop: gathers entries, and hands them to the writer thread group by group.

While one group is committed, the next one gathers. A settlement is handed over at the end of its loop iteration, with
all entries of that iteration; intents alone wait a few milliseconds for more. The thread wakes the loop once per
commit, and all waiters of that commit share one future. A group that cannot be committed is merged before the entries
gathered since, and retried until it can.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from msgspec import Struct

from tollkeeper.store.clamp import clamp_intent, clamp_record, within_bounds
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent, Record
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.prune import prune_step
from tollkeeper.store.sqlite.commit import Committer, write_claims
from tollkeeper.store.sqlite.connections import plain_reason
from tollkeeper.store.sqlite.writer import Writer

LOG = logging.getLogger("tollkeeper.store")


class _Group(Struct, eq=False):
    """The content of one commit. `ended` are the ids of intents from earlier groups, `withdrawn` those of them without
    a record; `claims` are by request id, as intents are; each of `marks` waits for the number in the chain of the last
    of the first `count` records. The last of the `futures` is that of this commit, the others of those merged into it.
    """

    futures: list[asyncio.Future[None]]
    intents: dict[str, Intent] = {}
    records: dict[str, Record] = {}
    claims: dict[str, Claim] = {}
    ended: list[str] = []
    withdrawn: list[str] = []
    marks: list[tuple[int, asyncio.Future[int]]] = []
    _marked: list[int] = []

    def __bool__(self) -> bool:
        return bool(self.intents or self.records or self.ended or self.marks)

    def __len__(self) -> int:
        return len(self.intents) + len(self.records)

    def write(self, committer: Committer, connection: sqlite3.Connection) -> None:
        written = committer.write(connection, self.intents.values(), self.records.values(), self.ended)
        if self.claims or self.withdrawn:
            write_claims(connection, self.claims.values(), self.withdrawn)
        if self.marks:
            self._marked = [written.seq_after(count) for count, _ in self.marks]

    def done(self) -> None:
        """Resolve all waiters."""
        for future in self.futures:
            if not future.done():
                future.set_result(None)
        if self.marks:
            for seq, (_, mark) in zip(self._marked, self.marks, strict=True):
                if not mark.done():
                    mark.set_result(seq)

    def fail(self, error: StoreError) -> None:
        """Give up, and fail all waiters."""
        waiting: list[asyncio.Future[Any]] = [*self.waiting(), *(mark for _, mark in self.marks if not mark.done())]
        for future in waiting:
            future.set_exception(error)
            # Retrieved, so that asyncio does not log an exception of a future that nothing awaits.
            future.exception()

    def put_before(self, older: _Group) -> None:
        """Merge an older group before this one. Of two records with the same id the older stays."""
        moved = [
            (len(older.records) + sum(i not in older.records for i in islice(self.records, count)), mark)
            for count, mark in self.marks
        ]
        self.marks = older.marks + moved
        self.records = older.records | {i: record for i, record in self.records.items() if i not in older.records}
        self.intents = older.intents | self.intents
        self.claims = older.claims | self.claims
        self.ended = older.ended + self.ended
        self.withdrawn = older.withdrawn + self.withdrawn
        # The newest last: it is the one that later callers get.
        self.futures = older.futures + self.futures

    def waiting(self) -> Iterator[asyncio.Future[None]]:
        return (future for future in self.futures if not future.done())


class SqliteLedger:
    """See `ports.Ledger`. `kept` bounds the intents and records in memory while nothing can be written: beyond it the
    oldest intents are dropped, records never. Durations are seconds: `intent_wait` until an intent is handed
    over, `retry_wait` between tries of a failed commit, `patience` of `flush`, and `stall` after which a commit that
    has not returned counts as failing. `blocked` gives a reason not to write, before any commit has failed."""

    def __init__(
        self,
        writer: Writer,
        identities: Identities,
        *,
        kept: int = 100_000,
        intent_wait: float = 0.004,
        retry_wait: float = 0.1,
        patience: float = 5.0,
        stall: float = 2.0,
        blocked: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._writer = writer
        self._committer = Committer(identities)
        self._kept = kept
        self._intent_wait = intent_wait
        self._retry_wait = retry_wait
        self._patience = patience
        self._stall = stall
        self._blocked = blocked
        self._loop = asyncio.get_running_loop()
        self._gathering = self._group()
        self._in_flight: _Group | None = None
        self._handed_at = 0.0
        self._journalled: set[str] = set()
        self._soon = False
        self._later = False
        self._due = False
        self._retry: asyncio.TimerHandle | None = None
        self._reason: str | None = None
        self._closed = False

    def __repr__(self) -> str:
        flying = len(self._in_flight) if self._in_flight is not None else 0
        return f"SqliteLedger(gathering={len(self._gathering)}, in_flight={flying}, failing={self.failing!r})"

    @property
    def failing(self) -> str | None:
        """See `ports.Ledger`. A commit that does not return counts too: a disk may hang instead of failing."""
        if self._reason is None and self._in_flight is not None and self._loop.time() - self._handed_at > self._stall:
            return f"the last commit has not returned for {self._stall:g} s"
        return self._reason or self._blocked()

    def intend(self, intent: Intent, claim: Claim | None = None) -> asyncio.Future[None]:
        if self._closed:
            raise StoreError("the store is closed")
        group = self._gathering
        group.intents[intent.request_id] = clamp_intent(intent)
        if claim is not None:
            group.claims[intent.request_id] = claim
        self._hand_later()
        if self._reason is not None:
            self._forget_oldest()
        return group.futures[-1]

    def withdraw(self, request_id: str) -> asyncio.Future[None]:
        if self._closed:
            raise StoreError("the store is closed")
        if request_id in self._journalled:
            self._gathering.withdrawn.append(request_id)
        self._gathering.claims.pop(request_id, None)
        self._end_intent(request_id)
        self._hand_later()
        return self._gathering.futures[-1]

    def settle(self, record: Record) -> asyncio.Future[None]:
        if self._closed:
            raise StoreError("the store is closed")
        request_id = record.request_id
        if not within_bounds(record):
            LOG.error("the figures of %s exceed the ledger's bounds: recorded clamped to them", request_id)
            record = clamp_record(record)
        group = self._gathering
        self._end_intent(request_id)
        group.records.setdefault(request_id, record)
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._hand_soon)
        if self._reason is not None:
            self._forget_oldest()
        return group.futures[-1]

    def mark(self) -> asyncio.Future[int]:
        if self._closed:
            raise StoreError("the store is closed")
        mark: asyncio.Future[int] = self._loop.create_future()
        self._gathering.marks.append((len(self._gathering.records), mark))
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._hand_soon)
        return mark

    async def prune(self, before: int) -> int:
        """See `ports.Ledger`. Raises StoreError; completed steps stay deleted."""
        deleted, checkpoint = 0, None
        while True:
            count, checkpoint = await self._writer.run(partial(prune_step, before=before, replaced=checkpoint))
            if not count:
                return deleted
            deleted += count

    async def flush(self) -> None:
        """Wait until everything queued so far is durable. Raises StoreError when it is not within `patience`; the
        entries are still kept and retried."""
        self._hand()
        groups = [group for group in (self._in_flight, self._gathering) if group]
        futures = [future for group in groups for future in group.waiting()]
        if not futures:
            return
        _, pending = await asyncio.wait(futures, timeout=self._patience)
        if pending:
            raise StoreError(f"the ledger cannot be written: {self.failing or 'it takes too long'}")

    async def close(self) -> None:
        """Flush, and accept nothing more. Raises StoreError, also to all waiters, when anything is lost."""
        self._closed = True
        try:
            await self.flush()
        except StoreError as error:
            groups = [group for group in (self._in_flight, self._gathering) if group]
            lost = sum(len(group.records) for group in groups)
            LOG.critical("closed while the ledger could not be written: %d settlements are lost (%s)", lost, error)
            for group in groups:
                group.fail(error)
            raise
        finally:
            if self._retry is not None:
                self._retry.cancel()

    def _end_intent(self, request_id: str) -> None:
        if request_id in self._journalled:
            self._journalled.discard(request_id)
            self._gathering.ended.append(request_id)
        else:
            # It is in this group: an intent that has ended need not be written.
            self._gathering.intents.pop(request_id, None)

    def _group(self) -> _Group:
        return _Group([self._loop.create_future()])

    def _hand_soon(self) -> None:
        self._soon = False
        self._hand()

    def _hand_later(self) -> None:
        """Hand over within a few milliseconds, with the entries that come until then."""
        if not self._later:
            self._later = True
            self._loop.call_later(self._intent_wait, self._hand_delayed)

    def _hand_delayed(self) -> None:
        self._later = False
        self._hand()

    def _hand(self) -> None:
        if self._in_flight is not None or self._retry is not None:
            self._due = True
            return
        self._due = False
        if not self._gathering:
            return
        group = self._in_flight = self._gathering
        self._gathering = self._group()
        self._journalled.update(group.intents)
        self._handed_at = self._loop.time()
        self._writer.hand(partial(group.write, self._committer), self._done)

    def _done(self, error: Exception | None) -> None:
        group, self._in_flight = self._in_flight, None
        assert group is not None
        if error is not None:
            self._committer.forget()
            self._put_back(group, plain_reason(error))
            return
        self._committer.committed()
        if self._reason is not None:
            LOG.warning("the ledger can be written again")
            self._reason = None
        group.done()
        if self._due:
            self._hand()

    def _put_back(self, group: _Group, reason: str) -> None:
        if self._reason != reason:
            LOG.error("the ledger cannot be written: %s", reason)
        self._reason = reason
        self._journalled.difference_update(group.intents)
        self._gathering.put_before(group)
        self._forget_oldest()
        self._retry = self._loop.call_later(self._retry_wait, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._hand()

    def _forget_oldest(self) -> None:
        intents = self._gathering.intents
        excess = max(0, len(self._gathering) - self._kept)
        for request_id in list(islice(intents, excess)):
            del intents[request_id]
            self._gathering.claims.pop(request_id, None)
