"""Whom keys act for: made once, found again, blocked, erased."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.services.in_memory import ROOT, InMemoryAccounts
from tollkeeper.rules.errors import Conflict, Forbidden, LedgerUnavailable, NotFound, Unprocessable
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.rules.owners import END_USER
from tollkeeper.services.accounts import end_users as module
from tollkeeper.store.ports.accounts import Acting
from tollkeeper.store.ports.end_users import EndUser

MAKES = Acting()
FINDS = Acting(create=False)
LIMITED = Acting(limits=Limits(counts={"requests_per_day": 5}))


@pytest.fixture(autouse=True)
async def accounts(house: InMemoryAccounts) -> None:
    for user_id in ("alice", "bob"):
        await house.accounts.create_user(user_id, ROOT)
    house.limited.clear()


async def test_a_name_is_one_end_user_of_each_owner_from_first_sight_on(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", MAKES)
    assert (mia.kind, mia.users, mia.end_users) == (END_USER, ("alice",), (mia.id,))
    assert mia.id.startswith("eu_")
    assert "mia" not in mia.id
    assert await people.named("alice", "mia", FINDS) is mia
    assert (await people.named("bob", "mia", MAKES)).id != mia.id
    after_a_start = house.again().end_users
    assert (await after_a_start.named("alice", "mia", FINDS)).id == mia.id


async def test_two_hundred_first_sights_at_once_make_one(
    house: InMemoryAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, find = house.accounts.end_users, house.store.end_users.find
    searched = []

    async def slow(user_id: str, value: str) -> EndUser | None:
        searched.append(value)
        await asyncio.sleep(0)
        return await find(user_id, value)

    monkeypatch.setattr(house.store.end_users, "find", slow)
    found = await asyncio.gather(*[people.named("alice", "mia", LIMITED) for _ in range(200)])
    assert len({id(owner) for owner in found}) == 1
    assert len(await people.of("alice", limit=1000, after=None)) == 1
    assert len(house.begun) == 1
    assert searched == ["mia"], "all wait for one search"


async def test_who_leaves_does_not_end_the_search_of_others(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    first, second = (asyncio.create_task(people.named("alice", "mia", MAKES)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id


async def test_a_key_that_may_not_make_end_users_refuses_new_names(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    with pytest.raises(Forbidden) as refused:
        await people.named("alice", "mia", FINDS)
    assert refused.value.code == "end_user_unknown"
    assert await people.of("alice", limit=10, after=None) == []
    assert await people.known("alice", "mia") is None
    mia = await people.named("alice", "mia", MAKES)
    assert await people.known("alice", "mia") is mia


async def test_no_more_are_made_than_the_key_may_have(house: InMemoryAccounts) -> None:
    people, two = house.accounts.end_users, Acting(most=2, limits=LIMITED.limits)
    for name in ("mia", "noa"):
        await people.named("alice", name, two)
    with pytest.raises(Forbidden, match="at most 2 people") as refused:
        await people.named("alice", "ida", two)
    assert refused.value.code == "too_many_end_users"
    assert [owner.id for owner in house.forgotten] == [house.begun[-1].id], "its counters are gone again"
    assert (await people.named("alice", "mia", two)).id == house.begun[0].id
    await people.erase(house.begun[0].id, ROOT)
    await people.named("alice", "ida", two)


async def test_new_end_users_get_the_limits_of_the_key_and_keep_them(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", LIMITED)
    assert mia.limits == LIMITED.limits
    assert house.begun == [mia]
    assert (await house.again().end_users.named("alice", "mia", MAKES)).limits == LIMITED.limits
    assert [owner.id for owner in house.limited] == [mia.id], "one that was read has its usage counted first"
    assert [owner.id for owner in await people.owners()] == [mia.id]


async def test_new_limits_are_in_force_at_once_with_the_past_counted_first(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", MAKES)
    changed = await people.set_limits(mia.id, ROOT, {"requests_total": 3})
    assert house.limited[-1].limits == changed.limits == Limits(counts={"requests_total": 3})
    assert people.current(mia).limits == changed.limits
    assert (await people.named("alice", "mia", FINDS)).limits == changed.limits
    with pytest.raises(Unprocessable) as refused:
        await people.set_limits(mia.id, ROOT, {"queue_weight": 3})
    assert refused.value.param == "queue_weight"


async def test_one_that_is_blocked_is_refused_and_its_requests_end(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", MAKES)
    await people.set_blocked(mia.id, ROOT, blocked=True)
    assert house.ended == [mia.id]
    with pytest.raises(Forbidden, match="blocked"):
        await people.named("alice", "mia", MAKES)
    with pytest.raises(Forbidden, match="blocked"):
        await people.known("alice", "mia")
    with pytest.raises(Forbidden) as refused:
        people.current(mia)
    assert refused.value.code == "end_user_blocked"
    await people.set_blocked(mia.id, ROOT, blocked=True)
    assert [entry.action for entry in await house.audit()].count("end_user.block") == 1, "nothing changed"
    await people.set_blocked(mia.id, ROOT, blocked=False)
    assert (await people.named("alice", "mia", FINDS)).id == mia.id


async def test_an_erased_one_is_nobody_and_its_name_is_somebody_else(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", LIMITED)
    erased = await people.erase(mia.id, ROOT)
    assert (erased.value, erased.status, erased.limits) == (None, "erased", NO_LIMITS)
    assert await people.erase(mia.id, ROOT) == erased
    assert people.current(mia) is mia, "what runs ends as it began"
    assert (await people.named("alice", "mia", MAKES)).id != mia.id
    for change in (
        people.set_blocked(mia.id, ROOT, blocked=True),
        people.set_limits(mia.id, ROOT, {"requests_total": 1}),
    ):
        with pytest.raises(Conflict):
            await change
    [entry, *others] = await house.audit()
    assert [each.action for each in others] == ["user.create"] * 2
    assert (entry.action, entry.target, entry.actor) == ("end_user.erase", mia.id, ROOT.name)
    assert "mia" not in entry.detail


async def test_one_that_is_erased_while_it_is_read_is_not_found_by_its_name(
    house: InMemoryAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = house.accounts.end_users
    mia = await people.named("alice", "mia", LIMITED)
    other = house.again().end_users
    erased = False

    async def limits_changed(_: object) -> None:
        nonlocal erased
        if not erased:
            erased = True
            await other.erase(mia.id, ROOT)

    monkeypatch.setattr(other, "_limits_changed", limits_changed)
    with pytest.raises(Forbidden) as refused:
        await other.named("alice", "mia", FINDS)
    assert refused.value.code == "end_user_unknown"


async def test_all_of_an_owner_are_erased_at_once(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    mia, noa = await people.named("alice", "mia", MAKES), await people.named("alice", "noa", MAKES)
    bobs = await people.named("bob", "mia", MAKES)
    assert await people.erase_of("alice") == sorted([mia.id, noa.id])
    assert await people.known("alice", "mia") is None
    assert await people.known("bob", "mia") is bobs


async def test_those_in_memory_are_bounded_and_others_are_read_again(
    house: InMemoryAccounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 3)
    people = house.accounts.end_users
    made = [await people.named("alice", f"person {number}", MAKES) for number in range(10)]
    assert repr(people) == "EndUsers(3 in memory)"
    assert len(people._by_value) == 3
    assert [(await people.named("alice", f"person {number}", FINDS)).id for number in range(10)] == [
        owner.id for owner in made
    ]
    gone = next(owner for owner in made if owner.id not in people._known)
    assert people.current(gone) is gone
    await people.set_blocked(gone.id, ROOT, blocked=True)
    with pytest.raises(Forbidden):
        people.current(gone)


async def test_what_cannot_be_saved_is_not_acted_for(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    house.store.fail = "disk full"
    with pytest.raises(LedgerUnavailable):
        await people.named("alice", "mia", LIMITED)
    assert house.forgotten == house.begun
    house.store.fail = None
    assert await people.known("alice", "mia") is None
    assert (await people.named("alice", "mia", MAKES)).id


async def test_a_change_is_decided_anew_where_another_writer_came_first(house: InMemoryAccounts) -> None:
    people, other = house.accounts.end_users, house.again().end_users
    mia = await people.named("alice", "mia", MAKES)
    save = house.store.end_users.save
    came_first = False

    async def late(end_user: EndUser, audit: object) -> EndUser:
        nonlocal came_first
        if not came_first:
            came_first = True
            await other.set_limits(mia.id, ROOT, {"requests_total": 7})
        return await save(end_user, audit)  # type: ignore[arg-type]

    house.store.end_users.save = late  # type: ignore[method-assign]
    changed = await people.set_blocked(mia.id, ROOT, blocked=True)
    assert (changed.status, changed.limits.counts) == ("blocked", {"requests_total": 7})


async def test_there_is_no_end_user_of_a_wrong_id(house: InMemoryAccounts) -> None:
    people = house.accounts.end_users
    for change in (people.read("eu_0"), people.erase("eu_0", ROOT), people.set_blocked("eu_0", ROOT, blocked=True)):
        with pytest.raises(NotFound):
            await change


async def test_an_owner_of_limits_has_the_limits_of_the_value(house: InMemoryAccounts) -> None:
    kept = await house.store.end_users.add(EndUser("eu_1", "alice", "mia", 0, LIMITED.limits), 10)
    assert kept is not None
    await house.store.end_users.save(replace(kept, limits=NO_LIMITS), ROOT.entry(0, "a", "b"))
    assert [*await house.accounts.end_users.owners()] == []


@pytest.mark.parametrize("closes", ["before", "while"])
async def test_for_a_closed_account_nobody_is_made(
    house: InMemoryAccounts, monkeypatch: pytest.MonkeyPatch, closes: str
) -> None:
    """Who is saved after its owner was erased would be whoever's who gets the id next."""
    people = house.accounts.end_users
    if closes == "before":
        await house.accounts.close_user("alice", ROOT)
    else:
        find = house.store.end_users.find

        async def slow(user_id: str, value: str) -> EndUser | None:
            found = await find(user_id, value)
            await house.accounts.close_user("alice", ROOT)
            return found

        monkeypatch.setattr(house.store.end_users, "find", slow)
    with pytest.raises(Forbidden, match="closed"):
        await people.named("alice", "mia", MAKES)
    assert await house.store.end_users.page("alice", limit=9, after=None) == []
    assert [owner.id for owner in house.forgotten] == [owner.id for owner in house.begun]
