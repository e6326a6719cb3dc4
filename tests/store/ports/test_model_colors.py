"""What every engine keeps of the order in which models were first seen."""

from __future__ import annotations

import pytest

from tests.store.engines import Engine
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Store


async def test_models_are_kept_in_the_order_in_which_they_came(store: Store) -> None:
    assert await store.model_colors.load() == []
    assert await store.model_colors.add(["tiny", "large"]) == ["tiny", "large"]
    assert await store.model_colors.add(["large", "a", "tiny", "a"]) == ["tiny", "large", "a"]
    assert await store.model_colors.add([]) == ["tiny", "large", "a"]
    assert await store.model_colors.load() == ["tiny", "large", "a"]


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.model_colors.add(["tiny"])
    engine.break_it()
    with pytest.raises(StoreError):
        await store.model_colors.add(["large"])
    engine.mend_it()
    assert await store.model_colors.load() == ["tiny"]
