"""What every engine keeps of aliases."""

from __future__ import annotations

from msgspec.structs import replace

from tests.store.values import AUDIT
from tollkeeper.store.ports.store import Store


async def test_aliases_are_replaced_as_a_whole(store: Store) -> None:
    await store.aliases.replace({"small": ["llama3.2:1b"], "eyes": ["moondream:latest", "a"]}, AUDIT)
    await store.aliases.replace({"small": ["qwen3:0.6b"], "best": ["z", "a", "m"]}, AUDIT)
    assert await store.aliases.load() == {"small": ("qwen3:0.6b",), "best": ("z", "a", "m")}
    await store.aliases.replace({}, AUDIT)
    assert await store.aliases.load() == {}


async def test_replaced_aliases_are_audited(store: Store) -> None:
    await store.aliases.replace({}, replace(AUDIT, action="aliases.replace"))
    [entry] = await store.audit.entries(limit=10, after=None)
    assert entry.action == "aliases.replace"
