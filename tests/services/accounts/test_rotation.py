"""Rotated keys and their grace."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT
from tollkeeper.rules.errors import Conflict, InvalidKey


@pytest.mark.parametrize("grace", [0, 60])
async def test_a_rotated_key_is_counted_as_the_first_of_its_line(house, grace):
    _, made = await house.accounts.create_user("alice", ROOT)
    second = await house.accounts.rotate_key(made.key.id, ROOT, grace_seconds=grace)
    third = await house.accounts.rotate_key(second.key.id, ROOT, grace_seconds=grace)
    other = await house.accounts.create_key("alice", ROOT)
    keys = (made.key, second.key, third.key, other.key)
    assert [key.counter_id for key in keys] == [made.key.id] * 3 + [other.key.id]
    again = house.again()
    await again.load()
    assert [again.key(key.id).counter_id for key in keys] == [key.counter_id for key in keys]


async def test_revoking_cuts_what_runs_under_a_key_whose_grace_is_over(house):
    _, made = await house.accounts.create_user("alice", ROOT)
    other = await house.accounts.create_key("alice", ROOT)
    for key in (made.key, other.key):
        await house.accounts.rotate_key(key.id, ROOT, grace_seconds=1)
    house.clock.ms += 2000
    assert house.ended == []
    await house.accounts.revoke_key(made.key.id, ROOT)
    assert house.ended == [made.key.id]
    entries = len(await house.audit())
    await house.accounts.revoke_key(made.key.id, ROOT)
    assert (len(house.ended), len(await house.audit())) == (1, entries), "once more changes nothing"
    await house.accounts.close_user("alice", ROOT)
    assert other.key.id in house.ended[1:]


async def test_a_rotated_key_dies_at_once_by_default(house):
    _, old = await house.accounts.create_user("alice", ROOT)
    new = await house.accounts.rotate_key(old.key.id, ROOT)
    with pytest.raises(InvalidKey):
        house.accounts.identify(old.secret)
    assert house.accounts.identify(new.secret).key.name == old.key.name == "default"
    assert house.ended == [old.key.id]
    with pytest.raises(Conflict):
        await house.accounts.rotate_key(old.key.id, ROOT)


async def test_a_grace_period_lets_both_keys_open_until_it_ends(house):
    _, old = await house.accounts.create_user("alice", ROOT)
    new = await house.accounts.rotate_key(old.key.id, ROOT, grace_seconds=60)
    house.clock.ms += 59_999
    assert house.accounts.identify(old.secret).user.user_id == "alice"
    house.clock.ms += 1
    with pytest.raises(InvalidKey):
        house.accounts.identify(old.secret)
    assert house.accounts.identify(new.secret).user.user_id == "alice"
    assert house.ended == []


async def test_rotating_again_changes_nothing(house):
    _, first = await house.accounts.create_user("alice", ROOT)
    await house.accounts.rotate_key(first.key.id, ROOT, grace_seconds=60)
    before = house.accounts.keys_of("alice")
    for grace in (0, 30, 3600):
        with pytest.raises(Conflict):
            await house.accounts.rotate_key(first.key.id, ROOT, grace_seconds=grace)
    assert house.accounts.keys_of("alice") == before
    house.clock.ms += 59_999
    house.accounts.identify(first.secret)
    house.clock.ms += 1
    with pytest.raises(InvalidKey):
        house.accounts.identify(first.secret)
