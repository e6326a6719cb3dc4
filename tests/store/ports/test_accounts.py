"""What every engine keeps of users, keys and the audit log."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.values import ANN, AUDIT, KEY, NOON, saved
from tollkeeper.rules.limits import Limits
from tollkeeper.store.errors import StoreConflict, StoreError
from tollkeeper.store.ports.store import Store


async def test_what_is_saved_is_loaded(store: Store) -> None:
    bob = replace(ANN, user_id="bob", role="admin", name=None, password_hash=None)
    second = replace(KEY, id="key_2", name=None, expires_at=NOON + 1, revoked_at=NOON + 2, last_used_at=NOON + 3)
    await store.accounts.save(users=[bob, ANN], keys=[second, KEY], audit=AUDIT)
    assert await store.accounts.load() == ([saved(ANN), saved(bob)], [saved(KEY), saved(second)])


async def test_limits_are_kept_to_the_last_digit(store: Store) -> None:
    limits = Limits(
        counts={"requests_per_day": 0, "cost_usd_total": 10**27 + 1},
        max_concurrent_requests=3,
        max_tokens_per_request=100,
        allowed_models=(),
        models={"llama3.2:1b": {"tokens_per_minute": 5}},
    )
    limited, key = replace(ANN, limits=limits), replace(KEY, limits=replace(limits, allowed_models=("a", "b")))
    await store.accounts.save(users=[limited], keys=[key], audit=AUDIT)
    assert await store.accounts.load() == ([saved(limited)], [saved(key)])


async def test_saving_again_replaces(store: Store) -> None:
    [ann], [key] = await store.accounts.save(users=[ANN], keys=[KEY], audit=AUDIT)
    suspended, revoked = replace(ann, status="suspended", name=None), replace(key, revoked_at=NOON + 9)
    assert await store.accounts.save(users=[suspended], keys=[revoked], audit=AUDIT) == await store.accounts.load()
    assert await store.accounts.load() == ([saved(suspended)], [saved(revoked)])


async def test_of_two_writers_who_read_the_same_the_second_is_refused_and_changes_nothing(store: Store) -> None:
    await store.accounts.save(users=[ANN], keys=[KEY], audit=AUDIT)
    [ann], [key] = one = await store.accounts.load()
    assert one == await store.accounts.load()
    await store.accounts.save(users=[replace(ann, name="first")], keys=[key], audit=AUDIT)
    now = await store.accounts.load()
    for late in (
        {"users": [replace(ann, name="second")]},
        {"users": [replace(now[0][0], name="third")], "keys": [replace(key, name="second")]},
        {"users": [replace(ANN, name="another of this name")]},
        {"keys": [replace(KEY, name="another of this name")]},
        {"users": [replace(ANN, user_id="nobody", version=1)]},
    ):
        with pytest.raises(StoreConflict):
            await store.accounts.save(**late, ended=["a"], audit=AUDIT)
    assert await store.accounts.load() == now
    assert len(await store.audit.entries(limit=10, after=None)) == 2
    await store.accounts.save(users=[replace(now[0][0], name="second")], audit=AUDIT)


async def test_a_note_of_use_is_no_change_that_a_writer_must_have_read(store: Store) -> None:
    _, [key] = await store.accounts.save(keys=[KEY], audit=AUDIT)
    await store.accounts.touch({key.id: NOON + 5})
    await store.accounts.save(keys=[replace(key, revoked_at=NOON + 9)], audit=AUDIT)


async def test_no_two_users_differ_by_case_only_and_a_refused_save_leaves_nothing(store: Store) -> None:
    await store.accounts.save(users=[ANN], audit=AUDIT)
    with pytest.raises(StoreError) as caught:
        await store.accounts.save(users=[replace(ANN, user_id="ANN")], keys=[KEY], audit=AUDIT)
    assert "secret" not in str(caught.value)
    assert await store.accounts.load() == ([saved(ANN)], [])
    assert len(await store.audit.entries(limit=10, after=None)) == 1


async def test_touch_notes_when_keys_were_used_and_ignores_unknown_ones(store: Store) -> None:
    await store.accounts.save(keys=[KEY], audit=AUDIT)
    await store.accounts.touch({})
    await store.accounts.touch({"key_1": NOON + 5, "key_unknown": NOON})
    _, [key] = await store.accounts.load()
    assert key.last_used_at == NOON + 5


async def test_forgotten_keys_are_gone_in_the_same_save_and_no_other_is(store: Store) -> None:
    old, older, left = (replace(KEY, id=f"key_{n}", digest=b"%d" % n) for n in (2, 3, 4))
    await store.accounts.save(users=[ANN], keys=[KEY, old, older, left], audit=AUDIT)
    new = replace(KEY, id="key_5", digest=b"5")
    await store.accounts.save(keys=[new], forgotten=[old.id, older.id, "key_unknown"], audit=AUDIT)
    _, keys = await store.accounts.load()
    assert {key.id for key in keys} == {KEY.id, left.id, new.id}
    # What it was found by is free again.
    await store.accounts.save(keys=[replace(new, id="key_6", digest=old.digest)], audit=AUDIT)


async def test_a_save_that_fails_forgets_no_key(store: Store) -> None:
    await store.accounts.save(users=[ANN], keys=[KEY], audit=AUDIT)
    with pytest.raises(StoreError):
        await store.accounts.save(users=[replace(ANN, user_id="ANN")], forgotten=[KEY.id], audit=AUDIT)
    assert await store.accounts.load() == ([saved(ANN)], [saved(KEY)])


async def test_every_change_is_in_the_audit_log_newest_first(store: Store) -> None:
    for n in range(5):
        await store.accounts.save(audit=replace(AUDIT, target=f"user {n}", address=None if n else "::1"))
    newest = await store.audit.entries(limit=2, after=None)
    rest = await store.audit.entries(limit=10, after=newest[-1].id)
    assert [entry.target for entry in newest + rest] == ["user 4", "user 3", "user 2", "user 1", "user 0"]
    assert [entry.id for entry in newest + rest] == [5, 4, 3, 2, 1]
    assert rest[-1] == replace(AUDIT, target="user 0", address="::1", id=1)


async def test_several_changes_in_one_transaction_have_an_entry_each(store: Store) -> None:
    bob = replace(ANN, user_id="bob")
    also = [replace(AUDIT, target="bob")]
    await store.accounts.save(users=[ANN, bob], audit=AUDIT, also=also)
    assert [entry.target for entry in await store.audit.entries(limit=9, after=None)] == ["bob", AUDIT.target]
