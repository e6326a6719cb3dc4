from __future__ import annotations

import asyncio

import pytest

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.services.accounts.changes.bulk import UserStep
from tollkeeper.store.errors import StoreError

FIVE = NO_LIMITS.merged({"tokens_per_day": 5})


@pytest.fixture
async def house() -> InMemoryAccounts:
    house = InMemoryAccounts()
    for number in range(120):
        await house.accounts.create_user(f"user{number}", ROOT)
    return house


def steps(count: int = 120) -> list[UserStep]:
    return [UserStep(f"user{number}", limits=lambda _: FIVE) for number in range(count)]


async def test_others_have_their_turn_in_between(house):
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(other())
    for dry_run in (True, False):
        turns = 0
        await house.accounts.change_many(steps(), ROOT, dry_run=dry_run)
        assert turns >= 2
    task.cancel()


async def test_the_past_of_new_limits_is_counted_before_they_are_saved(house):
    await house.accounts.change_many(steps(2), ROOT)
    assert [owner.id for owner in house.limited[-2:]] == ["user0", "user1"]


async def test_what_another_writer_saved_meanwhile_is_not_lost(house):
    other = house.again()
    await other.load()
    await other.set_limits("user1", ROOT, {"requests_per_day": 7})
    result = await house.accounts.change_many([UserStep("user1", status="suspended")], ROOT)
    assert [after.limits.counts for _, after in result.changed] == [{"requests_per_day": 7}]
    assert house.accounts.user("user1").status == "suspended"


async def test_what_cannot_be_saved_changes_nobody_of_the_transaction(house):
    house.store.fail = "disk full"
    with pytest.raises(StoreError):
        await house.accounts.change_many(steps(), ROOT)
    assert all(user.limits == NO_LIMITS for user in house.accounts.users())


async def test_who_is_so_already_is_not_saved_again(house):
    await house.accounts.change_many(steps(2), ROOT)
    before = await house.audit()
    result = await house.accounts.change_many(steps(2), ROOT)
    assert (result.changed, result.unchanged) == ([], 2)
    assert await house.audit() == before
