"""Shipments: every record once, in its journal's order, with its sums; and journals that are not what they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from msgspec.structs import replace

from tests.store.postgres.journals import FakeJournal
from tests.store.postgres_server import PostgresServer
from tests.store.shipping import open_shipping_store
from tests.store.values import EVERYTHING, NOON, a_record
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.explorer import Question
from tollkeeper.store.ports.shipments import JournalFault
from tollkeeper.store.postgres.store import PostgresStore
from tollkeeper.store.sql.rollups import MOST
from tollkeeper.store.sql.sum_tables import LATENCIES

LATER = NOON + 30 * 24 * 3_600_000


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.clean_database()


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[PostgresStore]:
    store = await open_shipping_store(url, tmp_path / "unused.db")
    assert isinstance(store, PostgresStore)
    yield store
    await store.close()


async def requests(store: PostgresStore) -> tuple[int, int]:
    """How many records there are, and how many requests by the sums."""
    [(_, totals)] = await store.reports.summary(EVERYTHING, ())
    return len(await store.reports.records(EVERYTHING, limit=1000, after=None)), totals.requests


def histogram(url: str) -> list[int]:
    """How many requests took how long, by the sums."""
    counts = ", ".join(f"sum({name})::bigint" for name in LATENCIES)
    with psycopg.connect(url) as connection:
        return [*(connection.execute(f"SELECT {counts} FROM hourly").fetchone() or ())]


async def test_a_record_is_as_it_was_settled(store: PostgresStore) -> None:
    record = a_record(stream=False, error='{"code":"x"}', status="failed", first_token_ms=None)
    assert await store.shipments.ship((source := FakeJournal().add(record)).journal, source.batch()) == 1
    assert await store.reports.record(record.request_id) == record


async def test_a_shipment_again_or_in_part_adds_nothing_twice(store: PostgresStore) -> None:
    source = FakeJournal().add(*(a_record(NOON + n) for n in range(5)))
    for after, most, shipped in ((0, 2, 2), (0, 2, 2), (0, 3, 3), (2, 3, 5), (3, 1, 5), (0, 9, 5), (5, 9, 5)):
        assert await store.shipments.ship(source.journal, source.batch(after, most)) == shipped
        assert await requests(store) == (shipped, shipped)


async def test_behind_a_gap_nothing_is_taken(store: PostgresStore) -> None:
    source = FakeJournal().add(*(a_record(NOON + n) for n in range(5)))
    assert await store.shipments.ship(source.journal, source.batch(0, 2)) == 2
    assert await store.shipments.ship(source.journal, source.batch(3)) == 2
    assert await requests(store) == (2, 2)


async def test_more_than_the_sums_can_add_at_once_is_taken_in_parts(store: PostgresStore, url: str) -> None:
    """All in one bucket of a histogram, whose count would run into its neighbour's. What is left counts as open."""
    source = FakeJournal().add(*(a_record(NOON + n, latency_ms=1) for n in range(MOST + 2)))
    whole = source.batch(most=MOST + 2, oldest_open=LATER)
    assert await store.shipments.ship(source.journal, whole) == MOST
    assert (await store.invoices.chain_end(NOON + MOST + 1)).running == 1
    assert histogram(url) == [MOST, *[0] * (len(LATENCIES) - 1)]
    assert await store.shipments.ship(source.journal, whole) == MOST + 2
    assert (await store.invoices.chain_end(NOON + MOST + 1)).running == 0
    assert histogram(url) == [MOST + 2, *[0] * (len(LATENCIES) - 1)]


async def test_journals_have_numbers_of_their_own_and_one_over_all(store: PostgresStore) -> None:
    sources = [FakeJournal(f"journal_{n}").add(*(a_record(NOON + m) for m in range(4))) for n in range(3)]
    for after in range(0, 4, 2):
        await asyncio.gather(*(store.shipments.ship(each.journal, each.batch(after, 2)) for each in sources))
    numbers = [[await store.shipments.number_of(each.journal.id, seq) for seq in (1, 2, 3, 4)] for each in sources]
    assert sorted(number for each in numbers for number in each) == [*range(1, 13)]
    assert all(each == sorted(each) for each in numbers)
    assert await requests(store) == (12, 12)
    assert (await store.reports.history(NOON + 1)).seq == 12


@pytest.mark.parametrize("shipped", [1, 3])
async def test_a_journal_that_went_its_own_way_is_stopped(store: PostgresStore, url: str, shipped: int) -> None:
    same = [a_record(NOON + n) for n in range(2)]
    source, copied = FakeJournal().add(*same), FakeJournal().add(*same)
    source.add(a_record(NOON + 5))
    copied.add(a_record(NOON + 6), a_record(NOON + 7))
    await store.shipments.ship(source.journal, source.batch())
    with pytest.raises(JournalFault, match="record 3 of journal journal_1 has another hash"):
        await store.shipments.ship(copied.journal, copied.batch(shipped))
    assert await requests(store) == (3, 3)
    with pytest.raises(JournalFault, match="record 3"):  # until somebody has looked
        await store.shipments.ship(source.journal, source.batch(3))


async def test_a_journal_tells_what_is_open(store: PostgresStore) -> None:
    source = FakeJournal().add(a_record(NOON))
    await store.shipments.ship(source.journal, source.batch(oldest_open=NOON - 5))
    assert (await store.invoices.chain_end(NOON)).running == 1
    await store.shipments.ship(source.journal, source.batch(1, oldest_open=LATER))
    assert (await store.invoices.chain_end(NOON)).running == 0
    assert (await store.invoices.chain_end(LATER)).running == 1
    await store.shipments.ship(source.journal, source.batch(1))
    assert (await store.invoices.chain_end(NOON + MOST + 1)).running == 0


async def test_the_longest_tags_are_counted(store: PostgresStore) -> None:
    face = "\N{GRINNING FACE}"
    texts = ["".join(chr(0x1F300 + (n * step) % 700) for n in range(512)) for step in (7, 11)]
    records = [
        a_record(NOON + n, model="m" * 255, metadata=f'{{"{face * 64}":"{value}"}}') for n, value in enumerate(texts)
    ]
    source = FakeJournal().add(*records, replace(records[0], request_id=a_record(NOON + 9).request_id))
    await store.shipments.ship(source.journal, source.batch())
    found = await store.explorer.explore(Question(EVERYTHING, [f"tag:{face * 64}"]))
    assert {place: figures.totals.requests for place, figures in found.rows} == {(texts[0],): 2, (texts[1],): 1}


async def test_what_the_database_refuses_fails_and_leaves_nothing(store: PostgresStore) -> None:
    source = FakeJournal().add(a_record(NOON), a_record(NOON + 1, requested_model="\0"))
    with pytest.raises(StoreError, match="records cannot be shipped"):
        await store.shipments.ship(source.journal, source.batch())
    assert await requests(store) == (0, 0)


async def test_a_restart_of_the_server_is_not_noticed(store: PostgresStore, postgres: PostgresServer) -> None:
    source = FakeJournal().add(*(a_record(NOON + n) for n in range(4)))
    await store.shipments.ship(source.journal, source.batch(0, 2))
    postgres.stop()
    postgres.start()
    assert await store.shipments.ship(source.journal, source.batch(2)) == 4
    assert await requests(store) == (4, 4)


async def test_one_that_is_killed_leaves_all_or_nothing(store: PostgresStore, url: str) -> None:
    """The server ends the connection in the middle of a shipment."""
    source = FakeJournal().add(a_record(NOON))
    with psycopg.connect(url) as blocker:
        blocker.execute("LOCK TABLE hourly IN EXCLUSIVE MODE")  # it waits here, with its records inserted
        shipping = asyncio.create_task(store.shipments.ship(source.journal, source.batch()))
        ended = 0
        while not ended:
            await asyncio.sleep(0.01)
            with psycopg.connect(url) as killer:  # within a transaction, the list of processes stays as it was
                found = killer.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                ).fetchone()
            ended = found[0] if found else 0
        with pytest.raises(StoreError):
            await shipping
    assert await requests(store) == (0, 0)
    assert await store.shipments.ship(source.journal, source.batch()) == 1
    assert await requests(store) == (1, 1)


async def test_a_closed_store_takes_nothing(store: PostgresStore) -> None:
    source = FakeJournal().add(a_record(NOON))
    await store.shipments.close()
    with pytest.raises(StoreError, match="closed"):
        await store.shipments.ship(source.journal, source.batch())
