"""A gateway that keeps records for some days only, and one that keeps them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.process.clock import Clock
from tests.process.served import PATIENCE, Served, served
from tests.services.billing.house import finalize_all
from tests.store.values import a_record
from tollkeeper.app.build import now_ms
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

NOBODY = "http://127.0.0.1:9"
DAY = 86_400_000


async def kept(path: Path) -> None:
    store = await open_store(path, now=now_ms)
    for age in (400, 4, 1):
        await store.ledger.settle(a_record(now_ms() - age * DAY, model=f"{age} days"))
    await finalize_all(store, now_ms() + 40 * DAY)
    await store.close()


def models(gateway: Served) -> list[str]:
    return [record["model"] for record in gateway.admin("GET", "/admin/usage")["data"]]


def until_logged(gateway: Served, text: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while text not in gateway.log.read_text():
        assert time.monotonic() < deadline, gateway.log.read_text()
        time.sleep(0.005)


def test_old_records_go_at_the_start(tmp_path: Path) -> None:
    asyncio.run(kept(tmp_path / "tollkeeper.db"))
    with served(tmp_path, NOBODY) as gateway:
        assert models(gateway) == ["1 days", "4 days", "400 days"]
        gateway.terminate()
        assert gateway.exit_code() == 0
    with served(tmp_path, NOBODY, retention_days=3) as gateway:
        until_logged(gateway, "2 records over 3 days old were deleted")
        assert models(gateway) == ["1 days"]
        found = verify(gateway.database)
        assert found.ok, found.faults
        assert (found.records, found.pruned) == (1, 2)
        gateway.terminate()
        assert gateway.exit_code() == 0


def test_a_clock_that_is_ahead_deletes_nothing_that_is_young_by_the_records(tmp_path: Path) -> None:
    asyncio.run(kept(tmp_path / "tollkeeper.db"))
    clock = Clock.at(tmp_path / "clock", now_ms() + 40 * DAY)
    with served(tmp_path, NOBODY, retention_days=30, clock=clock) as gateway:
        until_logged(gateway, "1 records over 30 days old were deleted")
        assert "deleting 1 records of before" in gateway.log.read_text()
        assert "db prune --before" in gateway.log.read_text()
        assert models(gateway) == ["1 days", "4 days"]
        gateway.terminate()
        assert gateway.exit_code() == 0
    assert verify(tmp_path / "tollkeeper.db").ok
