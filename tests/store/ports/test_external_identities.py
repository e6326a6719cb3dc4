"""What every engine keeps of identities at OpenID providers."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import ANN, AUDIT, NOON, saved
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.external_identities import ExternalIdentity
from tollkeeper.store.ports.store import Store

FIRST = ExternalIdentity("https://a.example", "sub-1", "ann", NOON)
SAME_SUB = ExternalIdentity("https://b.example", "sub-1", "bob", NOON + 1)


async def test_a_person_is_known_by_issuer_and_subject_together(store: Store) -> None:
    for identity in (SAME_SUB, FIRST, replace(FIRST, user_id="bob")):
        await store.external_identities.save(identity, AUDIT)
    assert await store.external_identities.load() == [replace(FIRST, user_id="bob"), SAME_SUB]
    await store.external_identities.delete("https://a.example", "sub-1", AUDIT)
    await store.external_identities.delete("https://a.example", "sub-1", AUDIT)
    assert await store.external_identities.load() == [SAME_SUB]
    assert len(await store.audit.entries(limit=10, after=None)) == 5


async def test_a_user_is_made_with_their_identity(store: Store) -> None:
    await store.accounts.save(users=[ANN], linked=[FIRST], audit=AUDIT)
    assert await store.accounts.load() == ([saved(ANN)], [])
    assert await store.external_identities.load() == [FIRST]


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.external_identities.save(FIRST, AUDIT)
    engine.break_it()
    for change in (
        store.external_identities.save(SAME_SUB, AUDIT),
        store.external_identities.delete(FIRST.issuer, FIRST.subject, AUDIT),
        store.accounts.save(users=[ANN], linked=[SAME_SUB], audit=AUDIT),
    ):
        with pytest.raises(StoreError):
            await change
    engine.mend_it()
    assert await store.external_identities.load() == [FIRST]
