"""What every engine keeps of the models that have colours."""

from __future__ import annotations

import pytest

from tests.store.engines import Engine
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Store


async def test_models_are_kept_in_the_order_in_which_they_came(store: Store) -> None:
    assert await store.model_colors.load() == []
    assert await store.model_colors.add(["tiny", "large"], 4) == ["tiny", "large"]
    assert await store.model_colors.add(["large", "a", "tiny", "a"], 4) == ["tiny", "large", "a"]
    assert await store.model_colors.add([], 4) == ["tiny", "large", "a"]
    assert await store.model_colors.add(["b", "c"], 4) == ["tiny", "large", "a", "b"]
    assert await store.model_colors.add(["c"], 2) == ["tiny", "large", "a", "b"]
    assert await store.model_colors.load() == ["tiny", "large", "a", "b"]


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.model_colors.add(["tiny"], 4)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.model_colors.add(["large"], 4)
    engine.mend_it()
    assert await store.model_colors.load() == ["tiny"]
