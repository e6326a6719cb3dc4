"""What every engine keeps of the installation's values."""

from __future__ import annotations

from tollkeeper.store.ports.store import Store


async def test_values_are_kept_by_name(store: Store) -> None:
    assert await store.installation.value("pepper check") is None
    await store.installation.set_value("pepper check", b"\x00\xff")
    await store.installation.set_value("pepper check", b"new")
    assert await store.installation.value("pepper check") == b"new"
