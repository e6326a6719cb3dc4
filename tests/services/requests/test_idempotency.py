"""Idempotency keys over a ledger in memory: who gets one, and what everyone else is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.services.in_memory import START, Clock
from tests.store.values import an_intent, settled
from tollkeeper.rules.errors import (
    IdempotencyInProgress,
    IdempotencyMismatch,
    IdempotencyReplayed,
    LedgerUnavailable,
)
from tollkeeper.services.requests.idempotency import KEPT_MS, IdempotencyKeys, RunningClaim
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.idempotency import Claim

SAME, OTHER = b"s" * 32, b"o" * 32


class Watched(MemoryStore):
    """A store in memory: `reads` counts the look-ups of claims, and each waits for `gate` where there is one."""

    def __init__(self) -> None:
        super().__init__()
        self._find = self.idempotency.find
        self.idempotency.find = self.find  # type: ignore[method-assign]
        self.reads = 0
        self.gate: asyncio.Event | None = None
        self.broken = False

    async def find(self, user_id: str, key: bytes) -> Claim | None:
        self.reads += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise StoreError("the disk is gone")
        return await self._find(user_id, key)


class Bench:
    def __init__(self) -> None:
        self.store = Watched()
        self.now = Clock()
        self.keys = IdempotencyKeys(self.store.idempotency, self.now)

    async def claim(self, key: str = "key", fingerprint: bytes = SAME, user_id: str = "ann") -> RunningClaim:
        return await self.keys.claim(user_id, key, fingerprint)

    async def dispatched(self, claim: RunningClaim, at: int = START) -> str:
        """Journal the request of a claim. Returns its id."""
        intent = an_intent(at)
        await self.store.ledger.intend(intent, claim.of(intent.request_id))
        return intent.request_id

    async def recorded(self, at: int = START) -> str:
        """Have a request claim the key, and end. Returns its id."""
        claim = await self.claim()
        intent = an_intent(at)
        await self.store.ledger.intend(intent, claim.of(intent.request_id))
        self.store.ledger.settle(settled(intent))
        claim.release()
        return intent.request_id


@pytest.fixture
async def bench() -> Bench:
    return Bench()


@contextmanager
def told(kind: type[Exception], text: str) -> Iterator[pytest.ExceptionInfo[Exception]]:
    with pytest.raises(kind, match=text) as caught:
        yield caught


async def test_a_request_that_runs_has_its_key_for_itself(bench: Bench) -> None:
    await bench.claim()
    with pytest.raises(IdempotencyInProgress) as refused:
        await bench.claim()
    assert (refused.value.status, refused.value.code) == (409, "idempotency_in_progress")
    assert (refused.value.retry_after, refused.value.should_retry, refused.value.param) == (1, True, None)


async def test_another_request_under_the_key_of_one_that_runs_is_a_mismatch(bench: Bench) -> None:
    await bench.claim()
    with pytest.raises(IdempotencyMismatch) as refused:
        await bench.claim(fingerprint=OTHER)
    assert (refused.value.status, refused.value.code) == (422, "idempotency_mismatch")


async def test_keys_differ_by_user_and_by_case(bench: Bench) -> None:
    await bench.claim()
    await bench.claim(user_id="bob")
    await bench.claim("KEY")


async def test_of_many_at_once_one_gets_the_key_while_the_database_is_asked(bench: Bench) -> None:
    bench.store.gate = asyncio.Event()
    claims = [asyncio.create_task(bench.claim()) for _ in range(200)]
    await asyncio.sleep(0)
    bench.store.gate.set()
    got = await asyncio.gather(*claims, return_exceptions=True)
    assert sum(isinstance(each, RunningClaim) for each in got) == 1
    assert sum(isinstance(each, IdempotencyInProgress) for each in got) == 199
    assert bench.store.reads == 1


async def test_a_request_that_ended_is_named_and_not_to_be_retried(bench: Bench) -> None:
    request_id = await bench.recorded()
    with told(IdempotencyReplayed, request_id) as refused:
        await bench.claim()
    error = refused.value
    assert isinstance(error, IdempotencyReplayed)
    assert (error.status, error.code, error.param) == (409, "idempotency_replayed", None)
    assert (error.retry_after, error.should_retry) == (None, False)
    with pytest.raises(IdempotencyMismatch):
        await bench.claim(fingerprint=OTHER)


async def test_another_process_finds_the_key_claimed(bench: Bench) -> None:
    request_id = await bench.dispatched(await bench.claim())
    bench.keys = IdempotencyKeys(bench.store.idempotency, bench.now)
    with told(IdempotencyReplayed, request_id):
        await bench.claim()


async def test_a_key_is_free_24_hours_after_it_was_claimed(bench: Bench) -> None:
    await bench.recorded()
    bench.now.ms = START + KEPT_MS - 1
    with pytest.raises(IdempotencyReplayed):
        await bench.claim()
    bench.now.ms += 1
    second = await bench.recorded(bench.now.ms)
    with told(IdempotencyReplayed, second):
        await bench.claim()


async def test_what_has_expired_is_deleted_and_nothing_else(bench: Bench) -> None:
    await bench.recorded()
    bench.now.ms = START + KEPT_MS
    assert await bench.keys.prune() == 0
    bench.now.ms += 1
    assert await bench.keys.prune() == 1


async def test_a_request_that_is_refused_frees_its_key(bench: Bench) -> None:
    (await bench.claim()).release()
    (await bench.claim(fingerprint=OTHER)).release()


async def test_a_request_that_is_withdrawn_frees_its_key_at_once(bench: Bench) -> None:
    claim = await bench.claim()
    request_id = await bench.dispatched(claim)
    bench.store.broken = True  # so the database, where the claim may still stand, cannot be asked
    withdrawal = bench.store.ledger.withdraw(request_id)
    claim.release(withdrawal)
    (await bench.claim(fingerprint=OTHER)).release()  # which is refused, and leaves nothing either
    again = await bench.claim()
    assert not withdrawal.done()
    second = await bench.dispatched(again)
    bench.store.broken = False
    again.release()
    with told(IdempotencyReplayed, second):
        await bench.claim()


async def test_a_withdrawal_that_is_durable_leaves_nothing_in_memory(bench: Bench) -> None:
    claim = await bench.claim()
    withdrawal = bench.store.ledger.withdraw(await bench.dispatched(claim))
    claim.release(withdrawal)
    await withdrawal
    await asyncio.sleep(0)
    reads = bench.store.reads
    await bench.claim()
    assert bench.store.reads == reads + 1


async def test_release_counts_once(bench: Bench) -> None:
    first = await bench.claim()
    first.release()
    await bench.claim()
    first.release()
    with pytest.raises(IdempotencyInProgress):
        await bench.claim()


async def test_who_leaves_while_the_database_is_asked_frees_the_key(bench: Bench) -> None:
    bench.store.gate = asyncio.Event()
    leaving = asyncio.create_task(bench.claim())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    bench.store.gate.set()
    await bench.claim(fingerprint=OTHER)


async def test_while_the_database_cannot_be_read_no_key_is_taken_for_free(bench: Bench) -> None:
    await bench.recorded()
    bench.store.broken = True
    for _ in range(2):
        with pytest.raises(LedgerUnavailable, match="Idempotency-Key"):
            await bench.claim()
    bench.store.broken = False
    with pytest.raises(IdempotencyReplayed):
        await bench.claim()


async def test_neither_keys_nor_digests_in_full_are_shown(bench: Bench) -> None:
    claim = await bench.claim("a-secret-key")
    assert "a-secret-key" not in repr(claim) + repr(bench.keys)
