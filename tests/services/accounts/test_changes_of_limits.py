"""Limits, set and in force."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT
from tollkeeper.rules.errors import Unprocessable
from tollkeeper.rules.limits import MOST_ALLOWED, MOST_MODELS, NO_LIMITS
from tollkeeper.rules.owners import USER, Owner
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.store.errors import StoreError


async def test_limits_are_in_force_at_once_and_after_a_start(house):
    _, made = await house.accounts.create_user("alice", ROOT, limits={"tokens_per_day": 5})
    await house.accounts.set_limits("ALICE", ROOT, {"tokens_per_day": None, "cost_usd_total": "0.1"})
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={"requests_total": 0}))
    await house.accounts.set_default_limits(ROOT, {"models": {"Tiny": {"tokens_total": 3}}, "cost_usd_per_day": 2})
    again = house.again()
    await again.load()
    for accounts in (house.accounts, again):
        caller = accounts.identify(made.secret)
        assert caller.user.limits.counts == {"cost_usd_total": 10**11}
        assert caller.key.limits.counts == {"requests_total": 0}
        assert accounts.default_limits().body() == house.accounts.default_limits().body()
        assert accounts.default_limits().models == {"tiny": {"tokens_total": 3}}


async def test_windows_are_prepared_before_limits_are_saved_and_in_force(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    seen = []

    async def prepare(changed: Owner) -> None:
        [users, keys] = await house.store.accounts.load()
        saved = users[0] if changed.kind is USER else keys[0]
        in_force = [owner.limits for owner in house.accounts.identify(made.secret).owners]
        seen.append((saved.limits == NO_LIMITS, in_force == [saved.limits] * 2))

    house.accounts._limits_changed = prepare
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={"tokens_per_day": 6}))
    assert seen == [(True, True)]
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    await house.accounts.set_limits("alice", ROOT, {"tokens_per_day": 5})
    assert seen[2:] == [(True, True)]


async def test_limits_whose_windows_cannot_be_prepared_are_neither_saved_nor_in_force(house):
    await house.accounts.create_user("alice", ROOT)

    async def fail(_: Owner) -> None:
        raise StoreError("no")

    house.accounts._limits_changed = fail
    with pytest.raises(StoreError):
        await house.accounts.set_limits("alice", ROOT, {"requests_total": 0})
    [[saved], _] = await house.store.accounts.load()
    assert house.accounts.user("alice").limits == saved.limits == NO_LIMITS
    assert [entry.action for entry in await house.audit()] == ["user.create"]


async def test_an_empty_change_of_limits_changes_none(house):
    await house.accounts.create_user("alice", ROOT)
    made = await house.accounts.create_key("alice", ROOT, limits={"requests_total": 1, "allowed_models": ["a"]})
    key = await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits={}))
    assert key.limits == made.key.limits != NO_LIMITS
    key = await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    assert key.limits == NO_LIMITS


async def test_who_is_told_of_limits(house):
    user, made = await house.accounts.create_user("alice", ROOT)
    key = await house.accounts.create_key("alice", ROOT, limits={"requests_total": 1})
    rotated = await house.accounts.rotate_key(key.key.id, ROOT)
    assert [owner.scope for owner in house.limited] == [("user", "alice"), ("key", key.key.id), ("key", key.key.id)]
    assert [owner.limits for owner in house.limited] == [user.limits, key.key.limits, rotated.key.limits]
    assert rotated.key.limits == key.key.limits
    house.limited.clear()
    await house.accounts.update_user("alice", ROOT, UserChange(name="A"))
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(name="A"))
    await house.accounts.update_key(made.key.id, ROOT, KeyChange(limits=None))
    assert [changed.limits for changed in house.limited] == [made.key.limits]


async def test_limits_that_cannot_be_saved_are_not_in_force(house):
    await house.accounts.create_user("alice", ROOT)
    house.store.fail = "disk full"
    for change in (
        house.accounts.set_limits("alice", ROOT, {"requests_total": 0}),
        house.accounts.set_default_limits(ROOT, {"requests_total": 0}),
    ):
        with pytest.raises(StoreError):
            await change
    assert house.accounts.user("alice").limits == house.accounts.default_limits() == NO_LIMITS


async def test_limits_name_so_many_models_and_no_more(house):
    await house.accounts.create_user("alice", ROOT)
    many: dict[str, object] = {f"m{number}": {"tokens_total": 1} for number in range(MOST_MODELS)}
    allowed = [f"m{number}" for number in range(MOST_ALLOWED)]
    await house.accounts.set_limits("alice", ROOT, {"models": many, "allowed_models": allowed})
    for change, param in (
        ({"models": {"x": {"tokens_total": 1}}}, "models"),
        ({"allowed_models": [*allowed, "x"]}, "allowed_models"),
    ):
        with pytest.raises(Unprocessable) as refused:
            await house.accounts.set_limits("alice", ROOT, change)
        assert refused.value.param == param
