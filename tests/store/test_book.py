"""What every engine keeps of prices, aliases and the installation's values."""

from __future__ import annotations

from msgspec.structs import replace

from tests.store.values import AUDIT, NOON
from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports import Store

PRICE = Price(0, "llama3.2:1b", 150_000, 600_000, None, None, NOON, NOON)


async def test_prices_are_appended_and_given_ids(store: Store) -> None:
    [first] = await store.book.add_prices([PRICE], AUDIT)
    later = replace(PRICE, cached_input=75_000, cache_write=0, effective_at=NOON + 1)
    added = await store.book.add_prices([later, PRICE], AUDIT)
    assert first == replace(PRICE, id=1)
    assert added == [replace(later, id=2), replace(PRICE, id=3)]
    assert await store.book.prices() == [first, *added]


async def test_aliases_are_replaced_as_a_whole(store: Store) -> None:
    await store.book.replace_aliases({"small": "llama3.2:1b", "eyes": "moondream:latest"}, AUDIT)
    await store.book.replace_aliases({"small": "qwen3:0.6b"}, AUDIT)
    assert await store.book.aliases() == {"small": "qwen3:0.6b"}
    await store.book.replace_aliases({}, AUDIT)
    assert await store.book.aliases() == {}


async def test_values_are_kept_by_name(store: Store) -> None:
    assert await store.book.value("pepper check") is None
    await store.book.set_value("pepper check", b"\x00\xff")
    await store.book.set_value("pepper check", b"new")
    assert await store.book.value("pepper check") == b"new"


async def test_changes_of_the_book_are_audited(store: Store) -> None:
    await store.book.add_prices([PRICE], replace(AUDIT, action="prices.add"))
    await store.book.replace_aliases({}, replace(AUDIT, action="aliases.replace"))
    entries = await store.audit.entries(limit=10, after=None)
    assert [entry.action for entry in entries] == ["aliases.replace", "prices.add"]
