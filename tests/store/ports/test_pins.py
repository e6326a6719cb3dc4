"""What every engine keeps of pins."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.pins import Pin
from tollkeeper.store.ports.store import Store

TINY, LARGE = Pin("tiny:latest", "ab" * 32, loaded=False), Pin("large", None, loaded=True)


async def test_a_model_has_one_pin(store: Store) -> None:
    for pin in (TINY, LARGE, replace(TINY, loaded=True)):
        await store.pins.save(pin, AUDIT)
    assert await store.pins.load() == [LARGE, replace(TINY, loaded=True)]
    await store.pins.delete("large", AUDIT)
    assert await store.pins.load() == [replace(TINY, loaded=True)]
    assert len(await store.audit.entries(limit=10, after=None)) == 4


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.pins.save(TINY, AUDIT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.pins.save(LARGE, AUDIT)
    with pytest.raises(StoreError):
        await store.pins.delete("tiny:latest", AUDIT)
    with pytest.raises(StoreError):
        await store.audit.add(AUDIT)
    engine.mend_it()
    assert await store.pins.load() == [TINY]
