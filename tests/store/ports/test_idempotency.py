"""What every engine keeps of claims to idempotency keys."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine, until
from tests.store.values import NOON, an_intent, settled
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.idempotency import Claim
from tollkeeper.store.ports.records import Intent
from tollkeeper.store.ports.store import Store

OF_JOURNALS = True
KEY, OTHER_KEY = b"k" * 32, b"o" * 32


def claim_of(intent: Intent, key: bytes = KEY, fingerprint: bytes = b"f" * 32) -> Claim:
    return Claim(intent.user_id, key, fingerprint, intent.request_id)


async def test_a_claim_is_there_once_its_intent_is_durable(engine: Engine, store: Store) -> None:
    intent = an_intent()
    claim = claim_of(intent)
    assert await store.idempotency.find("ann", KEY) is None
    await store.ledger.intend(intent, claim)
    assert engine.under_way() == {intent.request_id}
    assert await store.idempotency.find("ann", KEY) == claim


async def test_keys_are_those_of_one_user(store: Store) -> None:
    anns, bobs = an_intent(), an_intent(user_id="bob")
    store.ledger.intend(anns, claim_of(anns))
    await store.ledger.intend(bobs, claim_of(bobs, OTHER_KEY))
    assert await store.idempotency.find("bob", KEY) is None
    assert await store.idempotency.find("ann", OTHER_KEY) is None
    assert await store.idempotency.find("bob", OTHER_KEY) == claim_of(bobs, OTHER_KEY)


async def test_a_claim_stays_when_its_request_is_settled_at_any_moment(store: Store) -> None:
    intents = [an_intent(NOON + n) for n in range(30)]
    claims = [claim_of(intent, bytes([number]) * 32) for number, intent in enumerate(intents)]
    for number, intent in enumerate(intents):
        journalled = store.ledger.intend(intent, claims[number])
        if number % 3 == 1:
            await journalled
        if number % 3 == 2:
            await asyncio.sleep(0)
        store.ledger.settle(settled(intent))
    await store.ledger.flush()
    assert [await store.idempotency.find("ann", claim.key) for claim in claims] == claims


async def test_a_claim_goes_when_its_request_is_withdrawn_at_any_moment(store: Store) -> None:
    intents = [an_intent(NOON + n) for n in range(30)]
    claims = [claim_of(intent, bytes([number]) * 32) for number, intent in enumerate(intents)]
    kept = an_intent(NOON + 99)
    store.ledger.intend(kept, claim_of(kept))
    for number, intent in enumerate(intents):
        journalled = store.ledger.intend(intent, claims[number])
        if number % 3 == 1:
            await journalled
        if number % 3 == 2:
            await asyncio.sleep(0)
        store.ledger.withdraw(intent.request_id)
    await store.ledger.flush()
    assert [await store.idempotency.find("ann", claim.key) for claim in claims] == [None] * 30
    assert await store.idempotency.find("ann", KEY) == claim_of(kept)


async def test_another_attempt_of_a_request_changes_nothing_about_its_claim(store: Store) -> None:
    intent = an_intent()
    await store.ledger.intend(intent, claim_of(intent))
    await store.ledger.intend(replace(intent, upstream="another"), claim_of(intent))
    assert await store.idempotency.find("ann", KEY) == claim_of(intent)


@pytest.mark.parametrize("waits", [True, False])
async def test_a_key_that_was_withdrawn_is_claimed_anew(store: Store, waits: bool) -> None:
    first, second = an_intent(), an_intent(NOON + 1)
    await store.ledger.intend(first, claim_of(first))
    withdrawn = store.ledger.withdraw(first.request_id)
    if waits:
        await withdrawn
    await store.ledger.intend(second, claim_of(second, fingerprint=b"g" * 32))
    await store.ledger.flush()
    assert await store.idempotency.find("ann", KEY) == claim_of(second, fingerprint=b"g" * 32)


async def test_a_key_withdrawn_while_nothing_can_be_written_is_free_later(engine: Engine, store: Store) -> None:
    before, meanwhile, kept = (an_intent(NOON + n) for n in range(3))
    await store.ledger.intend(before, claim_of(before))
    engine.break_it()
    store.ledger.intend(meanwhile, claim_of(meanwhile, OTHER_KEY))
    await until(lambda: store.ledger.failing is not None)
    store.ledger.withdraw(before.request_id)
    store.ledger.withdraw(meanwhile.request_id)
    store.ledger.intend(kept, claim_of(kept))
    engine.mend_it()
    await store.ledger.flush()
    assert await store.idempotency.find("ann", KEY) == claim_of(kept)
    assert await store.idempotency.find("ann", OTHER_KEY) is None


async def test_claims_of_before_a_moment_are_deleted_however_many(store: Store) -> None:
    """One transaction deletes a thousand at most."""
    for number in range(2100):
        intent = an_intent(NOON + number)
        store.ledger.intend(intent, claim_of(intent, number.to_bytes(32)))
    await store.ledger.flush()
    assert await store.idempotency.prune(NOON) == 0
    assert await store.idempotency.prune(NOON + 2050) == 2050
    assert await store.idempotency.find("ann", (2049).to_bytes(32)) is None
    assert await store.idempotency.find("ann", (2050).to_bytes(32)) is not None


async def test_what_cannot_be_written_is_not_deleted(engine: Engine, store: Store) -> None:
    intent = an_intent()
    await store.ledger.intend(intent, claim_of(intent))
    engine.break_it()
    with pytest.raises(StoreError):
        await store.idempotency.prune(NOON + 1)
    engine.mend_it()
    assert await store.idempotency.find("ann", KEY) == claim_of(intent)
