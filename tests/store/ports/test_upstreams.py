"""What every engine keeps of upstreams."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT, FACTOR
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Store
from tollkeeper.store.ports.upstreams import StoredUpstream

PLAIN = StoredUpstream("desk", '{"kind":"ollama"}')
SEALED = StoredUpstream("azure", '{"kind":"openai"}', b"\x00sealed", "old")
OTHER = StoredUpstream("zoo", "{}", b"another", "old")


async def test_upstreams_keep_the_order_in_which_they_were_added(store: Store) -> None:
    for upstream in (PLAIN, SEALED):
        await store.upstreams.save(upstream, AUDIT)
    changed = replace(PLAIN, settings='{"kind":"ollama","slots":2}')
    await store.upstreams.save(changed, AUDIT)
    assert await store.upstreams.load() == [changed, SEALED]


async def test_a_removed_one_is_gone_and_comes_back_as_the_last(store: Store) -> None:
    for upstream in (PLAIN, SEALED):
        await store.upstreams.save(upstream, AUDIT)
    await store.upstreams.delete("desk", AUDIT)
    assert await store.upstreams.load() == [SEALED]
    await store.upstreams.save(PLAIN, AUDIT)
    assert await store.upstreams.load() == [SEALED, PLAIN]


async def test_every_change_is_audited(store: Store) -> None:
    await store.upstreams.save(SEALED, replace(AUDIT, action="upstream.create"))
    await store.upstreams.reseal({"azure": b"x"}, "new", {}, replace(AUDIT, action="secrets.rotate"), factors={})
    await store.upstreams.delete("azure", replace(AUDIT, action="upstream.delete"))
    entries = await store.audit.entries(limit=10, after=None)
    assert [entry.action for entry in entries] == ["upstream.delete", "secrets.rotate", "upstream.create"]


async def test_all_secrets_are_replaced_together_with_the_values_of_the_installation(store: Store) -> None:
    for upstream in (PLAIN, SEALED, OTHER):
        await store.upstreams.save(upstream, AUDIT)
    await store.second_factors.save(FACTOR)
    await store.installation.set_value("check", b"old")
    await store.upstreams.reseal(
        {"azure": b"A", "zoo": b"Z"}, "new", {"check": b"new", "other": b"o"}, AUDIT, factors={"ann": b"F"}
    )
    assert await store.upstreams.load() == [
        PLAIN,
        replace(SEALED, sealed=b"A", key_id="new"),
        replace(OTHER, sealed=b"Z", key_id="new"),
    ]
    assert await store.second_factors.load() == [replace(FACTOR, sealed=b"F", key_id="new")]
    assert (await store.installation.value("check"), await store.installation.value("other")) == (b"new", b"o")


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.upstreams.save(SEALED, AUDIT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.upstreams.save(PLAIN, AUDIT)
    with pytest.raises(StoreError):
        await store.upstreams.delete("azure", AUDIT)
    with pytest.raises(StoreError):
        await store.upstreams.reseal({"azure": b"A"}, "new", {"check": b"new"}, AUDIT, factors={"ann": b"F"})
    engine.mend_it()
    assert await store.upstreams.load() == [SEALED]
    assert await store.installation.value("check") is None
