"""Against real processes: one that is killed at random moments, and one whose disk is full for a while."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.store.sqlite.children import fill_the_disk, settle_for_ever, start
from tests.store.values import EVERYTHING, NOON
from tollkeeper.store.ports.reports import Totals
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path, diary = tmp_path / "ledger.db", tmp_path / "diary"
    diary.touch()
    dice = random.Random()
    for _ in range(20):
        process = start(settle_for_ever, path, diary)
        # A moment somewhere in its life: after so many lines, and then at any instruction.
        enough = diary.stat().st_size + dice.randrange(20_000)
        give_up = time.monotonic() + 30
        while diary.stat().st_size <= enough and process.is_alive() and time.monotonic() < give_up:
            time.sleep(0.001)
        time.sleep(dice.random() / 500)
        process.kill()
        process.join()
        assert process.exitcode == -9, "it should have lived until it was killed"
        store = await open_store(path, now=lambda: NOON)
        await check(store, diary)
        assert verify(path).faults == ()
        await store.close()


async def check(store: SqliteStore, diary: Path) -> None:
    records = await store.reports.records(EVERYTHING, limit=10**9, after=None)
    by_id = {record.request_id: record for record in records}
    assert len(by_id) == len(records)
    for line in diary.read_text().splitlines():
        kind, request_id = line.split()
        status = by_id[request_id].status
        assert status == "completed" or (kind == "i" and status == "lost")
    assert sum(record.status == "lost" for record in records) >= store.lost_at_start
    for group, sums in await store.reports.summary(EVERYTHING, ["status"]):
        which = [record for record in records if (record.status,) == group]
        assert sums == Totals(
            len(which),
            sum(record.usage.prompt_tokens for record in which),
            sum(record.usage.cached_tokens for record in which),
            sum(record.usage.cache_write_tokens for record in which),
            sum(record.usage.completion_tokens for record in which),
            sum(record.usage.reasoning_tokens for record in which),
            sum(record.cost_pico for record in which),
        )


def test_a_full_disk_is_told_of_and_outlived(tmp_path: Path) -> None:
    process = start(fill_the_disk, tmp_path / "ledger.db")
    process.join(60)
    assert process.exitcode == 0
