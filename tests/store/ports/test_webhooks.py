"""What every engine keeps of webhooks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Store
from tollkeeper.store.ports.webhooks import StoredWebhook

FIRST = StoredWebhook("wh_2", 1000, '{"url":"https://a"}', b"sealed", "key")
SECOND = replace(FIRST, id="wh_1", created_at=2000)


async def test_webhooks_come_in_the_order_in_which_they_were_added(store: Store) -> None:
    for webhook in (SECOND, FIRST):
        await store.webhooks.save(webhook, AUDIT)
    assert await store.webhooks.load() == [FIRST, SECOND]
    assert len(await store.audit.entries(limit=9, after=None)) == 2


async def test_a_webhook_is_replaced_and_deleted_by_its_id(store: Store) -> None:
    await store.webhooks.save(FIRST, AUDIT)
    changed = replace(FIRST, settings="{}", sealed=b"other")
    await store.webhooks.save(changed, AUDIT)
    assert await store.webhooks.load() == [changed]
    await store.webhooks.delete(FIRST.id, AUDIT)
    assert await store.webhooks.load() == []
    assert len(await store.audit.entries(limit=9, after=None)) == 3


async def test_secrets_are_sealed_anew_with_those_of_upstreams(store: Store) -> None:
    await store.webhooks.save(FIRST, AUDIT)
    await store.upstreams.reseal({}, "key_2", {"check": b"x"}, AUDIT, webhooks={FIRST.id: b"anew"})
    assert await store.webhooks.load() == [replace(FIRST, sealed=b"anew", key_id="key_2")]
    assert await store.installation.value("check") == b"x"


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.webhooks.save(FIRST, AUDIT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.webhooks.save(SECOND, AUDIT)
    with pytest.raises(StoreError):
        await store.webhooks.delete(FIRST.id, AUDIT)
    engine.mend_it()
    assert await store.webhooks.load() == [FIRST]
