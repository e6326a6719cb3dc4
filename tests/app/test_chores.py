"""What is done again and again beside the requests."""

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.services.billing.house import ANN, DAY, NOVEMBER, finalize_all, house
from tests.services.in_memory import ROOT, START, Clock, InMemoryAccounts, record
from tests.services.upstreams.http.helpers import until
from tests.store.values import a_record, an_intent
from tollkeeper.app import chores
from tollkeeper.app.build import now_ms
from tollkeeper.app.chores import (
    background,
    coloring,
    delete_old,
    drains,
    expiry,
    finalize_due,
    housekeeping,
    invoicing,
    refusals,
    retention,
    upstream_watch,
    write_last_used,
)
from tollkeeper.rules.errors import Conflict
from tollkeeper.services.ledger.observers import Refusal
from tollkeeper.services.requests.idempotency import KEPT_MS, IdempotencyKeys
from tollkeeper.services.watching.model_colors import ModelColors
from tollkeeper.services.watching.refusals import RefusalCounts
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.invoices import InvoiceFilter
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.ports.store import Store
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify
from tollkeeper.store.time_buckets import MINUTES_KEPT_MS, hour_of


async def store_of(path: Path, ages: Sequence[float]) -> SqliteStore:
    """With records of these ages, in days; their models tell them."""
    store = await open_store(path, now=now_ms)
    for age in ages:
        await store.ledger.settle(a_record(now_ms() - int(age * 86_400_000), model=f"{age} days"))
    await finalize_all(store, now_ms() + 40 * 86_400_000)
    return store


async def models(store: Store) -> list[str]:
    return [record.model for record in await store.reports.records(Filter(), limit=100, after=None)]


async def test_records_are_kept_for_as_long_as_is_set(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    store = await store_of(tmp_path / "t.db", [400, 3.1, 2.9, 0])
    await delete_old(store, house(store).billing, 3, now_ms)
    assert await models(store) == ["0 days", "2.9 days"]
    assert "2 records over 3 days old were deleted from the ledger" in caplog.text
    await store.close()
    assert verify(tmp_path / "t.db").ok


async def test_a_ledger_that_cannot_delete_is_logged_and_tried_again(tmp_path, caplog):
    store = await store_of(tmp_path / "t.db", [400, 0])
    with closing(sqlite3.connect(tmp_path / "t.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await delete_old(store, house(store).billing, 3, now_ms)
    assert "could not be deleted; it will be tried again" in caplog.text
    assert await models(store) == ["0 days", "400 days"]
    await delete_old(store, house(store).billing, 3, now_ms)
    assert await models(store) == ["0 days"]
    await store.close()


async def test_old_records_are_deleted_again_and_again(tmp_path, monkeypatch):
    monkeypatch.setattr(chores, "RETENTION_EVERY", 0)
    store = await store_of(tmp_path / "t.db", [30, 0])
    ahead = 0
    deleting = asyncio.create_task(retention(store, house(store).billing, 3, lambda: now_ms() + ahead))
    async with asyncio.timeout(60):
        while await models(store) != ["0 days"]:
            await asyncio.sleep(0)
        ahead = 10 * 86_400_000
        await store.ledger.settle(a_record(now_ms() + ahead, model="in ten days"))
        await finalize_all(store, now_ms() + 50 * 86_400_000)
        while await models(store) != ["in ten days"]:
            await asyncio.sleep(0)
    deleting.cancel()
    await asyncio.gather(deleting, return_exceptions=True)
    await store.close()


async def test_records_of_a_month_that_is_not_finalized_are_kept(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    store = await open_store(tmp_path / "t.db", now=now_ms)
    now = NOVEMBER + 40 * DAY
    for age in (45, 35, 5):
        await store.ledger.settle(a_record(now - age * DAY, model=f"{age} days"))
    here = house(store)
    await here.billing.finalize("2026-10", by=ROOT)
    await delete_old(store, here.billing, 3, lambda: now)
    assert await models(store) == ["5 days", "35 days"]
    assert "records of 2026-11 and later are kept until the month is finalized" in caplog.text
    await here.billing.finalize("2026-11", by=ROOT)
    await delete_old(store, here.billing, 3, lambda: now)
    assert await models(store) == ["5 days"]
    await store.close()
    assert verify(tmp_path / "t.db").ok


async def test_an_invoice_is_not_voided_while_its_records_are_deleted(monkeypatch):
    store = MemoryStore()
    here = house(store)
    for at in (NOVEMBER, NOVEMBER + 35 * DAY):
        await here.used(at)
    [issued] = (await here.billing.finalize("2026-11", by=ROOT)).issued
    prune, voiding = store.ledger.prune, []

    async def prune_when_all_others_have_had_their_turn(before: int) -> int:
        voiding.append(asyncio.create_task(here.billing.void(issued.id, "wrong", by=ROOT)))
        for _ in range(50):
            await asyncio.sleep(0)
        return await prune(before)

    monkeypatch.setattr(store.ledger, "prune", prune_when_all_others_have_had_their_turn)
    await delete_old(store, here.billing, 3, lambda: NOVEMBER + 36 * DAY)
    with pytest.raises(Conflict) as refused:
        await voiding[0]
    assert refused.value.code == "records_pruned"
    assert (await here.billing.get(issued.id)).status == "finalized"


async def test_months_are_finalized_again_and_again_whatever_happens(monkeypatch, caplog):
    monkeypatch.setattr(chores, "INVOICING_EVERY", 0)
    caplog.set_level(logging.INFO)
    store = MemoryStore()
    here = house(store)
    await here.used(NOVEMBER)
    here.now = NOVEMBER + 40 * DAY
    intent = an_intent(NOVEMBER + DAY)
    await store.ledger.intend(intent)
    finalizing = asyncio.create_task(invoicing(here.billing))
    async with asyncio.timeout(60):
        while "1 requests that were admitted in 2026-11 are still running" not in caplog.text:
            await asyncio.sleep(0)
        await store.ledger.withdraw(intent.request_id)
        while "1 invoices of 2026-11 were issued" not in caplog.text:
            await asyncio.sleep(0)
    finalizing.cancel()
    await asyncio.gather(finalizing, return_exceptions=True)
    assert [each.payer.ref for each in await here.billing.list(InvoiceFilter())] == [ANN]


async def test_a_month_that_cannot_be_finalized_yet_is_logged_and_tried_again(caplog):
    store = MemoryStore()
    here = house(store, patience=0)
    await here.used(NOVEMBER)
    here.now = NOVEMBER + 40 * DAY
    store.fail = "the disk is full"
    await finalize_due(here.billing)
    assert "a month that is due is not finalized yet: The ledger cannot be written" in caplog.text
    store.fail = None
    again = house(store)
    again.now = here.now
    await finalize_due(again.billing)
    assert len(await here.billing.list(InvoiceFilter())) == 1


async def test_whatever_else_goes_wrong_is_logged_too(caplog, monkeypatch):
    here = house(MemoryStore())

    async def broken() -> list[int]:
        raise StoreError("the database cannot be read")

    monkeypatch.setattr(here.store.invoices, "open_months", broken)
    await finalize_due(here.billing)
    assert "it will be tried again in an hour" in caplog.text


async def test_housekeeping_goes_on_after_a_failure(monkeypatch, caplog):
    """The lists of models are there before anything else."""
    monkeypatch.setattr(chores, "HOUSEKEEPING_EVERY", 0)
    done: list[str] = []

    class FakeCatalog:
        async def refresh_due(self) -> None:
            done.append("refresh")

    class FakeFacts:
        async def fetch_missing(self) -> None:
            done.append("learn")

    class FakeAccounts:
        sessions: Any = None

        async def write_last_used(self) -> None:
            done.append("write")
            raise StoreError("the disk is full")

    working = asyncio.create_task(
        housekeeping(cast(Any, FakeCatalog()), cast(Any, FakeFacts()), cast(Any, FakeAccounts()))
    )
    async with asyncio.timeout(60):
        while done.count("write") < 2:
            await asyncio.sleep(0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert done[:5] == ["refresh", "learn", "write", "learn", "write"]
    assert "it will be tried again" in caplog.text


async def test_upstreams_are_probed_and_their_lists_kept_fresh(monkeypatch):
    began: list[str] = []

    class Endless:
        def __init__(self, name: str) -> None:
            self.name = name

        async def keep_fresh(self) -> None:
            began.append(self.name)
            await asyncio.Event().wait()

        run = keep_fresh

        async def finish_drains(self) -> None:
            await self.keep_fresh()

    monkeypatch.setattr(chores, "DRAINS_EVERY", 0)
    parts = [cast(Any, Endless(name)) for name in ("lists", "probes", "drains")]
    async with background(upstream_watch(*parts)):
        await until(lambda: len(began) == 3)
    assert sorted(began) == ["drains", "lists", "probes"]


async def test_when_keys_were_last_used_is_written():
    house = InMemoryAccounts()
    _, made = await house.accounts.create_user("alice", ROOT)
    house.accounts.identify(made.secret)
    await write_last_used(house.accounts)
    again = house.again()
    await again.load()
    assert [key.last_used_at for key in again.keys_of("alice")] == [START]


async def test_background_work_ends_with_the_block():
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    async with background(work("one"), work("two")):
        await asyncio.sleep(0)
        assert not ended
    assert sorted(ended) == ["one", "two"]


async def test_drained_upstreams_are_looked_for_again_and_again(monkeypatch, caplog):
    monkeypatch.setattr("tollkeeper.app.chores.DRAINS_EVERY", 0)
    looked = 0

    class Draining:
        async def finish_drains(self):
            nonlocal looked
            looked += 1
            raise StoreError("disk full")

    async with background(drains(Draining())):  # type: ignore[arg-type]
        while looked < 3:
            await asyncio.sleep(0)
    assert "it will be tried again" in caplog.text


async def test_refusals_are_written_and_folded_again_and_again(monkeypatch, caplog):
    """Also after a failure, which is said once."""
    monkeypatch.setattr(chores, "REFUSALS_EVERY", 0)
    store, now = MemoryStore(), Clock()
    counts = RefusalCounts(store.refusals, now)
    async with background(refusals(counts)):
        store.fail = "the disk is full"
        counts.refused(Refusal("/v1/chat/completions", 404, "model_not_found", "ann"))
        await until(lambda: "it will be tried again" in caplog.text)
        store.fail = None
        await until(lambda: bool(store._tables.refusals))
        now.ms += 2 * MINUTES_KEPT_MS
        await until(lambda: [key.minute for key in store._tables.refusals] == [hour_of(START)])
    assert caplog.text.count("refusals could not be counted") == 1


async def test_first_uses_of_models_are_written_again_and_again(monkeypatch, caplog):
    """Also after a failure, which is said once."""
    monkeypatch.setattr(chores, "COLORING_EVERY", 0)
    store = MemoryStore()
    colors = ModelColors(store.model_colors)
    async with background(coloring(colors)):
        store.fail = "the disk is full"
        colors.settled(record(model="tiny"), None)
        await until(lambda: "it will be tried again" in caplog.text)
        store.fail = None
        await until(lambda: colors.numbers() == {"tiny": 0})
    assert caplog.text.count("could not be written") == 1


async def test_claims_to_keys_that_have_expired_are_deleted_again_and_again(monkeypatch, caplog):
    """Also after a failure."""
    monkeypatch.setattr(chores, "EXPIRY_EVERY", 0)
    store, now = MemoryStore(), Clock()
    keys = IdempotencyKeys(store.idempotency, now)
    intent = an_intent(START)
    await store.ledger.intend(intent, Claim("ann", b"k" * 32, b"f" * 32, intent.request_id))
    async with background(expiry(keys)):
        store.fail = "the disk is full"
        now.ms = START + KEPT_MS + 1
        await until(lambda: "it will be tried again" in caplog.text)
        assert await store.idempotency.find("ann", b"k" * 32) is not None
        store.fail = None
        await until(lambda: not store._tables.claims)


async def test_background_work_that_ends_by_a_fault_is_logged(caplog):
    ended = asyncio.Event()

    async def faulty() -> None:
        try:
            raise RuntimeError("a fault of the gateway")
        finally:
            ended.set()

    async with background(faulty()):
        await ended.wait()
    [line] = [entry for entry in caplog.records if entry.levelname == "ERROR"]
    assert "faulty" in line.getMessage()
    assert "a fault of the gateway" in str(line.exc_info)
