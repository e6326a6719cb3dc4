"""What every engine keeps of second factors."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT, FACTOR
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Store


async def test_a_user_has_one(store: Store) -> None:
    other = replace(FACTOR, user_id="bob", recovery=())
    used = replace(FACTOR, last_step=3, recovery=FACTOR.recovery[1:])
    await store.second_factors.save(other, AUDIT)
    await store.second_factors.save(FACTOR, AUDIT)
    await store.second_factors.save(used)
    assert await store.second_factors.load() == [used, other]
    assert len(await store.audit.entries(limit=10, after=None)) == 2


async def test_deleting_tells_whether_there_was_one(store: Store) -> None:
    await store.second_factors.save(FACTOR, AUDIT)
    assert await store.second_factors.delete("ann", AUDIT)
    assert not await store.second_factors.delete("ann", AUDIT)
    assert await store.second_factors.load() == []


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.second_factors.save(FACTOR, AUDIT)
    engine.break_it()
    for change in (
        store.second_factors.save(replace(FACTOR, last_step=9)),
        store.second_factors.delete("ann", AUDIT),
    ):
        with pytest.raises(StoreError):
            await change
    engine.mend_it()
    assert await store.second_factors.load() == [FACTOR]
