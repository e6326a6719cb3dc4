from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT, Clock
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore

TEST = Actor("@test", "192.0.2.7")


@pytest.mark.parametrize("alias", ["gpt", "library/GPT", "gpt:latest"])
async def test_an_alias_counts_at_the_next_request_and_after_a_start(
    aliases: Aliases, resolver: Resolver, store: MemoryStore, alias: str
) -> None:
    await aliases.replace({alias: ["tiny"]}, TEST)
    for spelling in ("gpt", "GPT:latest", "library/gpt"):
        assert (await resolver.model(spelling)).name == "tiny:latest"
    again = Aliases(store.aliases, Clock())
    await again.load()
    assert again.table == {"gpt": ("tiny",)}
    (entry,) = await store.audit.entries(limit=10, after=None)
    assert (entry.actor, entry.address, entry.action) == ("@test", "192.0.2.7", "aliases.replace")


async def test_aliases_that_were_not_saved_do_not_count(aliases: Aliases, store: MemoryStore) -> None:
    await aliases.replace({"a": ["tiny", "big"]}, ROOT)
    store.fail = "disk full"
    with pytest.raises(StoreError):
        await aliases.replace({"b": ["tiny"]}, ROOT)
    assert aliases.table == {"a": ("tiny", "big")}
