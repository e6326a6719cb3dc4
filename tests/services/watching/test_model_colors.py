"""Models keep their colours, whoever asks, and whatever comes after them."""

from __future__ import annotations

import pytest

from tests.services.in_memory import record
from tollkeeper.services.watching.model_colors import COLORS, ModelColors
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore


async def colors_over(store: MemoryStore) -> ModelColors:
    colors = ModelColors(store.model_colors)
    await colors.load()
    return colors


def use(colors: ModelColors, *models: str) -> None:
    for model in models:
        colors.settled(record(model=model), None)


async def test_the_first_eight_that_are_used_have_colours_and_nobody_else_takes_room() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    names = [f"m{place}" for place in range(COLORS + 2)]
    use(colors, names[0], "", names[0], *names)
    assert colors.numbers() == {}
    await colors.write()
    use(colors, "late")
    await colors.write()
    assert colors.numbers() == {name: place for place, name in enumerate(names[:COLORS])}
    assert await store.model_colors.load() == names[:COLORS]
    assert repr(colors) == f"ModelColors({COLORS} models, 0 to write)"


async def test_a_restart_and_new_models_change_nothing() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    use(colors, "z", "y")
    await colors.write()
    again = await colors_over(store)
    use(again, "a", "z")
    await again.write()
    assert again.numbers() == {"z": 0, "y": 1, "a": 2}


async def test_what_cannot_be_written_is_written_later_in_its_order() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    use(colors, "b")
    store.fail = "the disk is full"
    with pytest.raises(StoreError):
        await colors.write()
    use(colors, "a")
    store.fail = None
    await colors.write()
    assert [*colors.numbers()] == ["b", "a"]
