"""Refusals give users their opaque ids, as records do."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from tests.store.values import NOON, a_record
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sqlite import open_store

PACE = RefusalKey(NOON, "ann", "key_1", "tiny", 429, "rate_limit_exceeded", "requests_per_minute")


async def test_an_id_that_was_not_written_is_given_to_nobody(tmp_path: Path) -> None:
    """Else a later record would have an id that stands for no user."""
    store = await open_store(tmp_path / "t.db", now=lambda: NOON)
    with pytest.raises(StoreError):
        await store.refusals.add([(PACE._replace(status=cast(Any, None)), 1)])
    store.ledger.settle(a_record(user_id="ann"))
    await asyncio.shield(store.ledger.flush())
    await store.close()
    store = await open_store(tmp_path / "t.db", now=lambda: NOON)
    assert len(await store.reports.records(Filter(user_id="ann"), limit=9, after=None)) == 1
    await store.close()
