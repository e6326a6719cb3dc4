"""Whatever is done to a ledger behind its back is found, and nothing else is."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.store.sqlite.older import earlier_revision
from tests.store.values import AUDIT, NOON, a_record, an_intent, settled
from tollkeeper.rules.pricing import Price
from tollkeeper.rules.usage import NO_USAGE, Usage
from tollkeeper.store.clamp import MAX_COST
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.maintenance import Verification
from tollkeeper.store.ports.records import ADJUSTMENT, Record
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import MOST_FAULTS, verify

HOUR = 3_600_000
DAY = 24 * HOUR
INTENT = "request_id, created_at, user_id, key_id, model, requested_model, endpoint, upstream, stream"


def some_records() -> list[Record]:
    """Of two users over two hours, one over a minute's end, and a refund."""
    usual = [
        a_record(NOON + n * 600_000, user_id="ann" if n % 2 else "bob", cost_pico=10**6 * n - 3) for n in range(12)
    ]
    refund = a_record(
        NOON + 1,
        endpoint=ADJUSTMENT,
        model="",
        upstream="",
        usage=NO_USAGE,
        cost_pico=-(10**9) - 1,
        settled_at=NOON + 1,
    )
    return [*usual, a_record(NOON + 59_900), a_record(NOON + 7 * HOUR, key_id=None, status="lost"), refund]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    store = await open_store(path, now=lambda: NOON)
    for record in some_records():
        await store.ledger.settle(record)
    store.ledger.intend(an_intent())
    await store.ledger.flush()
    await store.reports.spending(0)  # brings the sums up
    # As a kill leaves it: with its log, and an intent under way.
    copy = tmp_path / "copy.db"
    for end in ("", "-wal"):
        shutil.copy(str(path) + end, str(copy) + end)
    await store.close()
    return copy


def pruned_users(path: Path) -> list[tuple[Any, ...]]:
    """The sums of what was pruned, by month and user id, the two parts of a cost as one: they may be cut otherwise."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT * FROM pruned_users").fetchall()
        names = dict(connection.execute("SELECT id, user_id FROM identities").fetchall())
    return sorted((row[0], names[row[1]], *row[2:-2], row[-2] * 10**6 + row[-1]) for row in rows)


def tampered(path: Path, *statements: str) -> Verification:
    connection = sqlite3.connect(path, isolation_level=None)
    ids = dict(connection.execute("SELECT user_id, id FROM identities").fetchall())
    connection.create_function("opaque", 1, ids.__getitem__)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return verify(path)


def test_an_untouched_ledger_holds(path: Path) -> None:
    found = verify(path)
    assert found.faults == ()
    assert found.ok
    assert (found.records, found.pruned, found.seq) == (15, 0, 15)
    [(kept,)] = sqlite3.connect(path).execute("SELECT hash FROM records WHERE seq = 15")
    assert found.hash == kept.hex()


async def test_an_empty_ledger_holds(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    await (await open_store(path, now=lambda: NOON)).close()
    assert verify(path).ok


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE records SET cost_pico = cost_pico - 1 WHERE seq = 5", "record 5 .* is not what was written"),
        ("UPDATE records SET metadata_digest = NULL WHERE seq = 1", "record 1 .* is not what was written"),
        ("UPDATE record_metadata SET metadata = '{}'", r"the metadata of record 1 .* is not what was written"),
        ("UPDATE records SET stream = 2 WHERE seq = 1", "record 1 .* is not what was written"),
        ("UPDATE records SET hash = randomblob(32) WHERE seq = 5", "record 6 .* or follows another record"),
        ("UPDATE records SET hash = randomblob(32) WHERE seq = 15", "record 15 .* is not what was written"),
        ("DELETE FROM records WHERE seq = 1", "record 1 is missing before req_"),
        ("DELETE FROM records WHERE seq IN (5, 6)", "records 5 to 6 are missing before req_"),
        ("DELETE FROM records WHERE seq > 13", "cut off after record 13: there were 15"),
        ("DELETE FROM records", "cut off after record 0: there were 15"),
        ("UPDATE head SET seq = 14", "goes on to record 15 after its end, 14"),
        ("UPDATE head SET hash = zeroblob(32)", "record 15, is not the one that was written"),
        ("DELETE FROM head", "head of the chain is missing"),
        (
            "UPDATE hourly SET requests = requests + 1 WHERE user_id = opaque('bob')",
            "hour 2026-11-20T12:00:00.000Z of bob",
        ),
        (
            "UPDATE hourly SET cost_micro = cost_micro + 1, cost_rest = cost_rest - 1 WHERE model = ''",
            "hour .* of ann, ,",
        ),
        ("DELETE FROM hourly WHERE key_id = ''", "hour 2026-11-20T19:00:00.000Z of ann, llama3.2:1b, no key, lost"),
        ("UPDATE rollup_minutes SET completion_tokens = 0 WHERE key_id = ''", "minute 2026-11-20T19:00:00.000Z of ann"),
        (
            "DELETE FROM rollup_minutes WHERE requests = 0 AND prompt_tokens > 0",
            "minute 2026-11-20T12:01:00.000Z of ann",
        ),
        (
            "UPDATE rollup_minutes SET minute = minute + 60000 WHERE key_id = ''",
            "minute 2026-11-20T19:01:00.000Z of ann",
        ),
        (
            "UPDATE hourly_models SET requests = 0 WHERE status = 'lost'",
            "hour 2026-11-20T19.* of llama3.2:1b, lost, ollama",
        ),
        (
            "UPDATE daily_upstreams SET cost_micro = cost_micro + 1",
            "cost of ollama on the day 2026-11-20T00:00:00.000Z is",
        ),
        (
            "UPDATE hourly SET endpoint = '/v1/rerank' WHERE hour = 1795201200000",
            "the sums of the hour 2026-11-20T19.* /v1/rerank are not those of its records",
        ),
        (
            "UPDATE hourly SET latency_7 = latency_7 - 1, latency_8 = latency_8 + 1 WHERE hour = 1795201200000",
            "the sums of the hour 2026-11-20T19.* are not those of its records",
        ),
        (
            "UPDATE hourly_models SET first_token_5 = first_token_5 + 1 WHERE status = 'lost'",
            "hour 2026-11-20T19.* of llama3.2:1b, lost, ollama, /v1/chat/completions are not those of its hours",
        ),
        (
            "UPDATE hourly_teams SET requests = requests + 1 WHERE status = 'lost'",
            "sums of the hour 2026-11-20T19.* of llama3.2:1b, lost are not those of its hours",
        ),
        (
            "UPDATE daily_teams SET latency_8 = latency_8 + 1 WHERE status = 'lost'",
            "sums of the day 2026-11-20T00.* of llama3.2:1b, lost are not those of its hours",
        ),
        (
            "UPDATE daily_users SET day = day - 86400000 WHERE user_id = opaque('bob')",
            "day 2026-11-19T00:00:00.000Z of bob, key_1, completed are not",
        ),
        ("UPDATE monthly SET upstream = 'far' WHERE status = 'lost'", "month 2026-11-01T00.* of ann, .* far, /v1"),
        (
            "UPDATE hourly_tags SET value = 'red' WHERE user_id = opaque('bob')",
            "sums by tag of the hour 2026-11-20T12.* of bob, llama3.2:1b, key_1, completed, .* team, red are not",
        ),
        (
            "UPDATE daily_tags SET latency_8 = latency_8 + 1",
            "sums of the day 2026-11-20T00.* of llama3.2:1b, completed, team, blue, .* are not those of its hours",
        ),
        ("DELETE FROM record_index WHERE field = 1", "req_.* is not in the index of records by model"),
        (
            "INSERT INTO record_index VALUES (0, 'u_1', 'req_1')",
            "the index of records by user_id has some that do not exist",
        ),
        ("UPDATE head SET rolled_up = 14", "the sums of the hour 2026-11-20T12.* are not those of its records"),
        ("UPDATE head SET rolled_up = 16", "the sums have the records up to 16, which is not between 0 and 15"),
        ("DELETE FROM daily_upstreams", "cost of ollama on the day 2026-11-20T00:00:00.000Z is not"),
        (
            "DELETE FROM monthly_users WHERE user_id = opaque('bob')",
            "month 2026-11-01T00:00:00.000Z of bob, key_1, completed are not",
        ),
        (
            f"INSERT INTO intents ({INTENT}) SELECT {INTENT} FROM records WHERE seq = 2",
            "is settled, but its intent was not ended",
        ),
    ],
)
def test_what_is_changed_is_found(path: Path, change: str, fault: str) -> None:
    found = tampered(path, change)
    assert not found.ok
    assert any(_matches(fault, line) for line in found.faults), found.faults


def _matches(pattern: str, line: str) -> bool:
    return re.search(pattern, line) is not None


class TestPrices:
    """Each record costs what its version of the price makes of its usage."""

    @pytest.fixture
    async def priced(self, tmp_path: Path) -> Path:
        path = tmp_path / "ledger.db"
        store = await open_store(path, now=lambda: NOON)
        price = Price(0, "llama3.2:1b", 100, 3000, 10, 125, NOON, NOON, cache_write_1h=200, per_request=3, per_image=5)
        wild = Price(0, "gold", 2**40, 2**40, None, None, NOON, NOON)
        versions = await store.prices.add([price, wild, replace(price, input=1)], AUDIT)
        for version in versions:
            usage = Usage(1000, 200, 300, 40, 5, cache_write_1h_tokens=100, images=1)
            cost = min(version.cost(usage), MAX_COST)
            await store.ledger.settle(a_record(price_id=version.id, usage=usage, cost_pico=cost))
            await store.ledger.settle(a_record(price_id=version.id, usage=NO_USAGE, cost_pico=0, status="failed"))
        absurd = a_record(price_id=2, usage=Usage(2**40, 0, 0, 0), cost_pico=2**80)
        await store.ledger.settle(absurd)
        await store.close()
        return path

    def test_what_was_charged_right_holds(self, priced: Path) -> None:
        assert verify(priced).faults == ()

    @pytest.mark.parametrize(
        ("change", "faults"),
        [
            ("UPDATE prices SET output = output / 10 WHERE id = 1", ["record 1 .* not cost what version 1 "]),
            ("UPDATE prices SET cached_input = NULL WHERE id = 1", ["record 1 .* not cost what version 1 "]),
            ("UPDATE prices SET cache_write = 124 WHERE id = 3", ["record 5 .* not cost what version 3 "]),
            ("UPDATE prices SET cache_write_1h = 199 WHERE id = 3", ["record 5 .* not cost what version 3 "]),
            ("UPDATE prices SET per_image = 6 WHERE id = 3", ["record 5 .* not cost what version 3 "]),
            ("UPDATE prices SET per_request = 4 WHERE id = 3", ["record 5 .* not cost what version 3 "]),
            ("DELETE FROM prices WHERE id = 3", ["price of record 5 .*, version 3, is m", "price of record 6 "]),
        ],
    )
    def test_a_price_that_was_changed_or_taken_out_is_found(self, priced: Path, change: str, faults: list[str]) -> None:
        found = tampered(priced, change)
        assert len(found.faults) == len(faults)
        assert all(_matches(*pair) for pair in zip(faults, found.faults, strict=True)), found.faults


def test_two_records_that_change_places_are_found(path: Path) -> None:
    found = tampered(
        path,
        "UPDATE records SET seq = -1 WHERE seq = 4",
        "UPDATE records SET seq = 4 WHERE seq = 5",
        "UPDATE records SET seq = 5 WHERE seq = -1",
    )
    assert len([line for line in found.faults if "follows another record" in line]) >= 2


def test_an_added_record_is_found_even_with_its_sums_and_a_new_end(path: Path) -> None:
    connection = sqlite3.connect(path)
    names = [row[1] for row in connection.execute("PRAGMA table_info(records)")]
    connection.close()
    values = {"request_id": "'req_000000000000ffff'", "seq": "16", "hash": "zeroblob(32)", "cost_pico": "0"}
    copied = ", ".join(values.get(name, name) for name in names)
    found = tampered(
        path,
        f"INSERT INTO records SELECT {copied} FROM records WHERE seq = 15",
        "UPDATE head SET seq = 16, hash = zeroblob(32)",
    )
    assert any("record 16 (req_000000000000ffff) is not what was written" in line for line in found.faults)


def test_faults_are_bounded_and_counted(path: Path) -> None:
    found = tampered(path, "UPDATE records SET cost_pico = 1, hash = randomblob(32)")
    assert len(found.faults) == MOST_FAULTS < found.fault_count


def test_progress_is_told_to_the_end(path: Path) -> None:
    told: list[tuple[int, int]] = []
    verify(path, lambda done, total: told.append((done, total)))
    assert told[-1] == (15, 15)


def test_what_is_no_ledger_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        verify(tmp_path / "nothing.db")
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE songs (name)").connection.close()
    with pytest.raises(StoreError, match="no database of Tollkeeper"):
        verify(tmp_path / "other.db")
    (tmp_path / "letter.db").write_bytes(b"a letter to a friend " * 100)
    with pytest.raises(StoreError, match="not a database"):
        verify(tmp_path / "letter.db")


async def test_it_holds_while_it_is_written(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "ledger.db", now=lambda: NOON)
    stop = asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set():
            await store.ledger.settle(a_record(NOON + count * 1000))
            count += 1
        return count

    writing = asyncio.ensure_future(write())
    found = [await asyncio.to_thread(verify, tmp_path / "ledger.db") for _ in range(5)]
    stop.set()
    assert await writing > 0
    await store.close()
    assert [each.faults for each in found] == [()] * 5


class TestPruned:
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteStore]:
        store = await open_store(tmp_path / "ledger.db", now=lambda: NOON)
        for n in range(40):
            user_id = "bob" if n % 4 == 1 else "ann"
            at = NOON + n * HOUR // 4
            store.ledger.settle(a_record(at, user_id=user_id, cost_pico=n - 5, metadata='{"team":"blue"}'))
        await store.ledger.flush()
        yield store
        await store.close()

    async def test_what_is_left_still_holds(self, store: SqliteStore, tmp_path: Path) -> None:
        assert await store.ledger.prune(NOON + HOUR) == 4
        assert await store.ledger.prune(NOON + 3 * HOUR + 1) == 9
        await store.ledger.settle(a_record(NOON + 11 * HOUR))
        found = verify(tmp_path / "ledger.db")
        assert found.faults == ()
        assert (found.records, found.pruned, found.seq) == (28, 13, 41)

    async def test_what_earlier_versions_pruned_is_checked_by_user_too(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await store.ledger.prune(NOON + 3 * HOUR + 1)
        path = tmp_path / "older.db"
        earlier_revision(path, 4, tmp_path / "ledger.db")
        await (await open_store(path, now=lambda: NOON)).close()
        assert pruned_users(path) == pruned_users(tmp_path / "ledger.db")
        assert verify(path).faults == ()

    async def test_what_upstreams_cost_is_checked_on_days_without_pruned_records(
        self, store: SqliteStore, tmp_path: Path
    ) -> None:
        await store.ledger.settle(a_record(NOON + DAY))
        await store.ledger.prune(NOON + HOUR)
        path = tmp_path / "copy.db"
        with closing(sqlite3.connect(tmp_path / "ledger.db")) as now, closing(sqlite3.connect(path)) as connection:
            now.backup(connection)
        today = NOON - NOON % DAY
        change = "UPDATE daily_upstreams SET cost_rest = cost_rest + 1 WHERE day = "
        assert tampered(path, f"{change}{today}").faults == ()
        (fault,) = tampered(path, f"{change}{today + DAY}").faults
        assert "cost of ollama on the day 2026-11-21" in fault

    async def test_all_of_it_may_be_pruned(self, store: SqliteStore, tmp_path: Path) -> None:
        assert await store.ledger.prune(NOON + DAY) == 40
        assert verify(tmp_path / "ledger.db").ok
        await store.ledger.settle(a_record(NOON + 2 * DAY))
        found = verify(tmp_path / "ledger.db")
        assert (found.faults, found.records, found.seq) == ((), 1, 41)

    @pytest.mark.parametrize(
        ("change", "fault"),
        [
            ("DELETE FROM records WHERE seq = 14", "record 14 is missing"),
            ("UPDATE checkpoints SET hash = zeroblob(32)", "record 14 .* follows another record"),
            ("UPDATE checkpoints SET requests = 12", "by user are not those of the last checkpoint"),
            ("DELETE FROM pruned_users WHERE user_id = opaque('bob')", "by user are not those of the last checkpoint"),
            (
                "UPDATE hourly SET cost_rest = 0 WHERE hour = 1795176000000",
                "before 2026-11-20T16:00:00.000Z of ann in the month 2026-11-01",
            ),
            (
                (
                    "UPDATE hourly SET requests = requests + iif(user_id = opaque('ann'), 1, -1)"
                    " WHERE hour = 1795179600000"
                ),
                "before 2026-11-20T16:00:00.000Z of bob in the month 2026-11-01",
            ),
            (
                "UPDATE hourly SET hour = hour - 2592000000 WHERE hour = 1795176000000",
                "before 2026-11-20T16:00:00.000Z of ann in the month 2026-10-01",
            ),
            ("UPDATE hourly SET cost_rest = 0 WHERE hour >= 1795194000000", "hour 2026-11-20T17:00:00.000Z"),
            ("DELETE FROM checkpoints", "records 1 to 13 are missing"),
            (
                "UPDATE hourly_tags SET requests = requests + 1 WHERE hour = 1795176000000",
                "by tag of the hour 2026-11-20T12:00:00.000Z of ann, .* are more than those of all requests",
            ),
            (
                "UPDATE hourly_tags SET latency_7 = latency_7 + 1 WHERE hour = 1795176000000",
                "by tag of the hour 2026-11-20T12:00:00.000Z of bob, .* are more than those of all requests",
            ),
            (
                "UPDATE hourly_tags SET model = 'another' WHERE hour = 1795176000000",
                "by tag of the hour 2026-11-20T12:00:00.000Z of bob, another, .* are more than those of all requests",
            ),
            (
                "UPDATE hourly_tags SET requests = requests - 1 WHERE hour = 1795186800000",
                "by tag of the hour 2026-11-20T15:00:00.000Z of bob, .* are not those of its records",
            ),
            ("DELETE FROM hourly_tags WHERE hour = 1795190400000", "by tag of the hour 2026-11-20T16:00:00.000Z"),
        ],
    )
    async def test_what_is_changed_is_found(self, store: SqliteStore, tmp_path: Path, change: str, fault: str) -> None:
        await store.ledger.prune(NOON + 3 * HOUR + 1)
        found = tampered(tmp_path / "ledger.db", change)
        assert any(_matches(fault, line) for line in found.faults), found.faults


async def test_lost_and_repeated_settlements_leave_a_ledger_that_holds(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    store = await open_store(path, now=lambda: NOON)
    intents = [an_intent(NOON - n) for n in range(6)]
    for intent in intents:
        store.ledger.intend(intent)
    await store.ledger.flush()
    first = settled(intents[0])
    await store.ledger.settle(first)
    store.ledger.settle(a_record())
    store.ledger.settle(replace(first, cost_pico=9))
    await store.ledger.settle(a_record(finish_reason="st\ud800op"))
    await store.close()
    again = await open_store(path, now=lambda: NOON + HOUR)
    assert again.lost_at_start == 5
    found = verify(path)
    await again.close()
    assert (found.faults, found.records) == ((), 8)
