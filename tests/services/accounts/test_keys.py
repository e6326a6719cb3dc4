"""How many keys a user may have, what becomes of dead ones, and that a key is rotated once."""

from __future__ import annotations

import asyncio

import pytest

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.errors import Conflict, NotFound
from tollkeeper.services.accounts import keys
from tollkeeper.services.accounts.changes.keys import KeyChange
from tollkeeper.services.accounts.keys import MOST_ALIVE, MOST_MODELS


@pytest.fixture
async def house() -> InMemoryAccounts:
    house = InMemoryAccounts()
    await house.accounts.create_user("alice", ROOT)
    return house


async def fill(house: InMemoryAccounts) -> None:
    while len(house.accounts.keys_of("alice")) < MOST_ALIVE:
        await house.accounts.create_key("alice", ROOT)


async def test_a_user_has_a_hundred_keys_that_open(house):
    await fill(house)
    first = house.accounts.keys_of("alice")[0]
    with pytest.raises(Conflict, match="at most 100 keys") as caught:
        await house.accounts.create_key("alice", ROOT)
    assert (caught.value.status, caught.value.code) == (409, "too_many_keys")
    with pytest.raises(Conflict, match="grace_seconds 0"):
        await house.accounts.rotate_key(first.id, ROOT, grace_seconds=60)
    await house.accounts.rotate_key(first.id, ROOT)  # one for one
    await house.accounts.revoke_key(house.accounts.keys_of("alice")[1].id, ROOT)
    await house.accounts.create_key("alice", ROOT)
    await house.accounts.create_user("bob", ROOT)  # others have their own


async def test_many_at_once_do_not_get_past(house):
    made = await asyncio.gather(
        *(house.accounts.create_key("alice", ROOT) for _ in range(2 * MOST_ALIVE)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Conflict) for outcome in made) == MOST_ALIVE + 1


async def test_one_that_expired_comes_back_only_where_there_is_room(house):
    short = await house.accounts.create_key("alice", ROOT, expires_at=house.clock() + 1000)
    house.clock.ms += 1000
    while len(house.accounts.keys_of("alice")) < MOST_ALIVE + 1:
        await house.accounts.create_key("alice", ROOT)
    with pytest.raises(Conflict, match="at most 100 keys"):
        await house.accounts.update_key(short.key.id, ROOT, KeyChange(expires_at=None))


async def test_the_limits_of_a_users_keys_name_so_many_models_in_all(house):
    limits = {"allowed_models": [f"m{number}" for number in range(100)]}
    for _ in range(MOST_MODELS // 100):
        last = await house.accounts.create_key("alice", ROOT, limits=limits)
    plain = await house.accounts.create_key("alice", ROOT)
    with pytest.raises(Conflict, match="1000 models"):
        await house.accounts.create_key("alice", ROOT, limits=limits)
    with pytest.raises(Conflict, match="1000 models"):
        await house.accounts.update_key(plain.key.id, ROOT, KeyChange(limits=limits))
    await house.accounts.revoke_key(last.key.id, ROOT)
    await house.accounts.update_key(plain.key.id, ROOT, KeyChange(limits=limits))


async def test_of_dead_keys_the_newest_are_kept(house, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEPT", 5)
    gone = []
    house.accounts._forgotten = lambda key: gone.append(key.id)
    made = []
    for _ in range(8):
        made.append(await house.accounts.create_key("alice", ROOT))
        await house.accounts.revoke_key(made[-1].key.id, ROOT)
    last = await house.accounts.create_key("alice", ROOT)
    assert [key.id for key in house.accounts.keys_of("alice")][1:] == [
        *(new.key.id for new in made[3:]),
        last.key.id,
    ]
    assert gone == [new.key.id for new in made[:3]]
    with pytest.raises(NotFound):
        house.accounts.key(made[0].key.id)
    after = house.again()
    await after.load()
    assert {key.id for key in after.keys_of("alice")} == {key.id for key in house.accounts.keys_of("alice")}


async def test_what_still_counts_for_a_living_key_goes_on_counting(house, monkeypatch):
    monkeypatch.setattr(keys, "MOST_KEPT", 1)
    gone = []
    house.accounts._forgotten = lambda key: gone.append(key.id)
    key = house.accounts.keys_of("alice")[0]
    for _ in range(4):
        key = (await house.accounts.rotate_key(key.id, ROOT)).key
    assert len(house.accounts.keys_of("alice")) == 2
    assert gone == []


@pytest.mark.parametrize("grace", [0, 60])
async def test_a_key_is_rotated_once_and_a_repeat_names_the_one_in_its_place(house, grace):
    old = house.accounts.keys_of("alice")[0]
    outcomes = await asyncio.gather(
        *(house.accounts.rotate_key(old.id, ROOT, grace_seconds=grace) for _ in range(8)), return_exceptions=True
    )
    [made] = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    for outcome in outcomes:
        if outcome is not made:
            assert isinstance(outcome, Conflict)
            assert (outcome.status, outcome.code) == (409, "key_rotated")
            assert made.key.id in outcome.message
            assert made.secret not in outcome.message
    assert len(house.accounts.keys_of("alice")) == 2
    after = house.again()
    await after.load()
    house.clock.ms += 60_000
    house.clock.ms += 1
    with pytest.raises(Conflict, match=made.key.id):
        await after.rotate_key(old.id, ROOT)
    again = await after.rotate_key(made.key.id, ROOT)  # the one in its place may be
    with pytest.raises(Conflict, match=again.key.id):
        await after.rotate_key(made.key.id, ROOT)


async def test_a_key_that_was_only_revoked_was_not_rotated(house):
    old = house.accounts.keys_of("alice")[0]
    await house.accounts.create_key("alice", ROOT)
    await house.accounts.revoke_key(old.id, ROOT)
    with pytest.raises(Conflict, match="dead already") as caught:
        await house.accounts.rotate_key(old.id, ROOT)
    assert caught.value.code == "key_not_active"
