"""What the embedded ledger alone promises: how it groups, what it forgets, and what it does when a disk hangs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.store.engines import until
from tests.store.values import EVERYTHING, NOON, a_record, an_intent, settled
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.ledger import SqliteLedger
from tollkeeper.store.sqlite.verify import verify

MINUTE = 60_000


class Scripted:
    """A writer that does as the test says: it keeps what it is handed until `answer`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.handed: list[tuple[Callable[[sqlite3.Connection], None], Callable[[Exception | None], None]]] = []

    def hand(self, work: Callable[[sqlite3.Connection], None], done: Callable[[Exception | None], None]) -> None:
        self.handed.append((work, done))

    def answer(self, error: Exception | None = None) -> None:
        work, done = self.handed.pop(0)
        if error is None:
            self.connection.execute("BEGIN IMMEDIATE")
            work(self.connection)
            self.connection.execute("COMMIT")
        done(error)

    def count(self, table: str) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "ledger.db", now=lambda: NOON)
    yield opened
    await opened.close()


@pytest.fixture
async def writer(store: SqliteStore, tmp_path: Path) -> AsyncIterator[Scripted]:
    scripted = Scripted(tmp_path / "ledger.db")
    yield scripted
    scripted.connection.close()


async def turn() -> None:
    """One turn of the loop."""
    await asyncio.sleep(0)


def ledger_on(writer: Scripted, **options: float) -> SqliteLedger:
    return SqliteLedger(writer, Identities(), intent_wait=0, retry_wait=0, patience=0, **options)  # type: ignore[arg-type]


async def test_while_a_group_is_committed_the_next_gathers(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    first = ledger.settle(a_record())
    await turn()
    later = {ledger.settle(a_record(NOON + n)) for n in range(100)}
    await turn()
    assert len(writer.handed) == 1
    assert first not in later
    writer.answer()
    assert first.done()
    assert len(later) == len(writer.handed) == 1
    writer.answer()
    assert later.pop().done()
    assert writer.count("records") == 101


async def test_an_intent_settled_before_it_was_handed_over_is_never_written(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    intent = an_intent()
    ledger.intend(intent)
    ledger.settle(settled(intent))
    ledger.intend(an_intent())
    await turn()
    writer.connection.execute("CREATE TABLE seen (id)")
    writer.connection.execute(
        "CREATE TRIGGER watch AFTER INSERT ON intents BEGIN INSERT INTO seen VALUES (new.request_id); END"
    )
    writer.answer()
    assert writer.count("seen") == 1
    assert writer.count("intents") == 1


async def test_an_intent_settled_while_it_is_in_flight_ends_with_the_next_group(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    intent = an_intent()
    ledger.intend(intent)
    await until(lambda: bool(writer.handed))
    ledger.settle(settled(intent))
    writer.answer()
    assert writer.count("intents") == 1
    await turn()
    writer.answer()
    assert (writer.count("intents"), writer.count("records")) == (0, 1)


async def test_an_intent_settled_while_its_commit_fails_is_only_a_record(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    intent = an_intent()
    ledger.intend(intent)
    await until(lambda: bool(writer.handed))
    future = ledger.settle(settled(intent))
    writer.answer(sqlite3.OperationalError("disk I/O error"))
    assert ledger.failing == "disk I/O error"
    await until(lambda: bool(writer.handed))
    writer.answer()
    assert future.done()
    assert (writer.count("intents"), writer.count("records")) == (0, 1)


async def test_of_two_settlements_the_first_counts_even_when_its_commit_fails(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    first = a_record(cost_pico=100)
    ledger.settle(first)
    await turn()
    ledger.settle(replace(first, cost_pico=999))
    writer.answer(sqlite3.OperationalError("disk I/O error"))
    await until(lambda: bool(writer.handed))
    writer.answer()
    assert writer.connection.execute("SELECT cost_pico FROM records").fetchall() == [(100,)]


async def test_over_its_bound_it_forgets_the_oldest_intents_and_never_a_record(writer: Scripted) -> None:
    ledger = ledger_on(writer, kept=4)
    intents = [an_intent(NOON + n) for n in range(6)]
    for intent in intents[:3]:
        ledger.intend(intent)
    records = [a_record(NOON + n) for n in range(2)]
    for record in records:
        ledger.settle(record)
    await turn()
    writer.answer(sqlite3.OperationalError("database or disk is full"))
    for intent in intents[3:]:
        ledger.intend(intent)
    await until(lambda: bool(writer.handed))
    writer.answer()
    kept = {row[0] for row in writer.connection.execute("SELECT request_id FROM intents")}
    assert kept == {intent.request_id for intent in intents[4:]}
    assert writer.count("records") == 2


async def test_a_commit_that_does_not_come_back_counts_as_failing(writer: Scripted) -> None:
    ledger = ledger_on(writer, stall=0)
    assert ledger.failing is None
    ledger.settle(a_record())
    await turn()
    await until(lambda: ledger.failing is not None)
    writer.answer()
    assert ledger.failing is None


async def test_flush_that_cannot_be_says_so_and_loses_nothing(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    future = ledger.settle(a_record())
    with pytest.raises(StoreError, match="cannot be written"):
        await ledger.flush()
    assert not future.done()
    writer.answer()
    assert future.done()


async def test_close_that_cannot_flush_tells_how_much_is_lost_and_fails_those_who_wait(
    writer: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = ledger_on(writer)
    first = ledger.settle(a_record())
    await turn()
    second = ledger.settle(a_record(NOON + 1))
    with pytest.raises(StoreError):
        await ledger.close()
    assert "2 settlements are lost" in caplog.text
    for future in (first, second):
        with pytest.raises(StoreError):
            await future
    writer.answer()


async def test_half_a_surrogate_pair_does_not_stop_the_ledger(store: SqliteStore) -> None:
    bad, good = a_record(finish_reason="st\ud800op"), a_record(NOON + 1)
    async with asyncio.timeout(60):
        store.ledger.settle(good)
        await store.ledger.settle(bad)
    kept = await store.reports.record(bad.request_id)
    assert kept is not None
    assert kept.finish_reason == "st?op"
    assert len(await store.reports.records(EVERYTHING, limit=10, after=None)) == 2


async def test_a_close_that_fails_releases_the_database_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    store = await open_store(path, now=lambda: NOON, patience=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.ledger.settle(a_record())
    with pytest.raises(StoreError):
        await store.close()
    other.close()
    # The thread may have been inside its last try; the lock goes with it.
    await until(lambda: not store._writer._thread.is_alive())


async def test_the_chain_goes_on_from_what_was_committed_not_from_what_was_tried(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    ledger.settle(a_record())
    await turn()
    work, done = writer.handed.pop(0)
    writer.connection.execute("BEGIN IMMEDIATE")
    work(writer.connection)
    writer.connection.execute("ROLLBACK")
    done(sqlite3.OperationalError("disk I/O error"))
    ledger.settle(a_record(NOON + 1))
    await until(lambda: bool(writer.handed))
    writer.answer()
    assert [seq for (seq,) in writer.connection.execute("SELECT seq FROM records ORDER BY seq")] == [1, 2]
    assert verify(writer.path).faults == ()


async def test_a_mark_keeps_its_place_when_its_group_joins_one_that_failed(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    first = a_record()
    ledger.settle(first)
    ledger.settle(a_record(NOON - 1))
    early = ledger.mark()
    await turn()
    ledger.settle(first)
    ledger.settle(a_record(NOON + 1))
    late = ledger.mark()
    ledger.settle(a_record(NOON + 2))
    writer.answer(sqlite3.OperationalError("disk I/O error"))
    await until(lambda: bool(writer.handed))
    writer.answer()
    assert (early.result(), late.result()) == (2, 3)


async def test_marks_of_a_ledger_that_closes_without_writing_fail(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    ledger.settle(a_record())
    mark = ledger.mark()
    await turn()
    with pytest.raises(StoreError):
        await ledger.close()
    with pytest.raises(StoreError):
        mark.result()
    writer.answer()


async def test_a_clock_that_jumps_ahead_and_back_costs_no_history(store: SqliteStore, tmp_path: Path) -> None:
    month = 30 * 24 * 60 * MINUTE
    for n in range(3):
        await store.ledger.settle(a_record(NOON + n * 20 * MINUTE))
    for n in range(80):
        await store.ledger.settle(a_record(NOON + month + n))
    await store.ledger.settle(a_record(NOON + 61 * MINUTE))
    history = await store.reports.history(NOON + 62 * MINUTE)
    near = [each for each in history.minutes if each.at < NOON + month]
    assert [each.at - NOON for each in near if each.requests] == [0, 20 * MINUTE, 40 * MINUTE, 61 * MINUTE]
    assert sum(each.tokens for each in near) == 4 * 15
    assert sum(each.requests for each in history.moments if each.at < NOON + month) == 1
    assert verify(tmp_path / "ledger.db").faults == ()


async def test_a_key_that_changes_hands_while_commits_fail_belongs_to_the_last(writer: Scripted) -> None:
    ledger = ledger_on(writer)
    first, second = an_intent(NOON), an_intent(NOON + 1)
    for intent in (first, second):
        ledger.intend(intent, Claim("ann", b"k" * 32, b"f" * 32, intent.request_id))
        if intent is first:
            await until(lambda: bool(writer.handed))
            ledger.withdraw(first.request_id)
    writer.answer(sqlite3.OperationalError("disk I/O error"))
    await until(lambda: bool(writer.handed))
    writer.answer()
    rows = writer.connection.execute("SELECT request_id FROM idempotency_claims").fetchall()
    assert rows == [(second.request_id,)]
    assert writer.count("intents") == 1


async def test_a_claim_is_forgotten_with_its_intent(writer: Scripted) -> None:
    ledger = ledger_on(writer, kept=1)
    intents = [an_intent(NOON + n) for n in range(3)]
    for number, intent in enumerate(intents):
        ledger.intend(intent, Claim("ann", bytes([number]) * 32, b"f" * 32, intent.request_id))
    await until(lambda: bool(writer.handed))
    writer.answer(sqlite3.OperationalError("database or disk is full"))
    await until(lambda: bool(writer.handed))
    writer.answer()
    rows = writer.connection.execute("SELECT request_id FROM idempotency_claims").fetchall()
    assert rows == [(intents[-1].request_id,)]
