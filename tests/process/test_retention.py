"""A gateway that keeps records for some days only, and one that keeps them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from tests.process.served import PATIENCE, Served, served
from tests.store.values import a_record
from tollkeeper.app import now_ms
from tollkeeper.store.sqlite import open_store
from tollkeeper.store.sqlite.verify import verify

pytestmark = pytest.mark.process

NOBODY = "http://127.0.0.1:9"
DAY = 86_400_000


async def kept(path: Path) -> None:
    store = await open_store(path, now=now_ms)
    for age in (400, 4, 1):
        await store.ledger.settle(a_record(now_ms() - age * DAY, model=f"{age} days"))
    await store.close()


def models(gateway: Served) -> list[str]:
    return [record["model"] for record in gateway.admin("GET", "/admin/usage")["data"]]


def test_old_records_go_at_the_start(tmp_path: Path) -> None:
    asyncio.run(kept(tmp_path / "tollkeeper.db"))
    with served(tmp_path, NOBODY) as gateway:
        assert models(gateway) == ["1 days", "4 days", "400 days"]
        gateway.terminate()
        assert gateway.exit_code() == 0
    with served(tmp_path, NOBODY, retention_days=3) as gateway:
        deadline = time.monotonic() + PATIENCE
        while "2 records over 3 days old were deleted" not in gateway.log.read_text():
            assert time.monotonic() < deadline, gateway.log.read_text()
            time.sleep(0.005)
        assert models(gateway) == ["1 days"]
        found = verify(gateway.database)
        assert found.ok, found.faults
        assert (found.records, found.pruned) == (1, 2)
        gateway.terminate()
        assert gateway.exit_code() == 0
