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


async def test_the_first_eight_have_colours_and_the_ninth_shares_one() -> None:
    colors = await colors_over(MemoryStore())
    names = [f"m{place}" for place in range(COLORS + 2)]
    colors.note(names)
    await colors.write()
    assert [colors.color_of(name) for name in names] == [*range(COLORS), None, None]
    assert colors.color_of("unheard of") is None


async def test_a_record_or_a_listing_counts_whichever_comes_first() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    colors.settled(record(model="used"), None)
    colors.note(["listed", "used"])
    colors.settled(record(model=""), None)
    colors.settled(record(model="listed"), None)
    assert colors.models() == []
    await colors.write()
    assert await store.model_colors.load() == colors.models() == ["used", "listed"]


async def test_a_restart_and_new_models_change_nothing() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    colors.note(["z", "y"])
    await colors.write()
    again = await colors_over(store)
    again.note(["a", "z"])
    await again.write()
    assert [again.color_of(name) for name in ("z", "y", "a")] == [0, 1, 2]


async def test_what_cannot_be_written_is_written_later_in_its_order() -> None:
    store = MemoryStore()
    colors = await colors_over(store)
    colors.note(["b"])
    store.fail = "the disk is full"
    with pytest.raises(StoreError):
        await colors.write()
    colors.note(["a"])
    store.fail = None
    await colors.write()
    assert colors.models() == ["b", "a"]
