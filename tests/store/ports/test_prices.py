"""What every engine keeps of prices."""

from __future__ import annotations

from msgspec.structs import replace

from tests.store.values import AUDIT, NOON
from tollkeeper.rules.pricing import Price
from tollkeeper.store.ports.store import Store

PRICE = Price(0, "llama3.2:1b", 150_000, 600_000, None, None, NOON, NOON)


async def test_prices_are_appended_and_given_ids(store: Store) -> None:
    [first] = await store.prices.add([PRICE], AUDIT)
    later = replace(
        PRICE, cached_input=75_000, cache_write=0, cache_write_1h=5, effective_at=NOON + 1, upstream="up", seeded=True,
        per_request=1, per_image=2, per_minute=3, per_mchar=4,
    )  # fmt: skip
    added = await store.prices.add([later, PRICE], AUDIT)
    assert first == replace(PRICE, id=1)
    assert added == [replace(later, id=2), replace(PRICE, id=3)]
    assert await store.prices.load() == [first, *added]


async def test_added_prices_are_audited(store: Store) -> None:
    await store.prices.add([PRICE], replace(AUDIT, action="prices.add"))
    [entry] = await store.audit.entries(limit=10, after=None)
    assert entry.action == "prices.add"
