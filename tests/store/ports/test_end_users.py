"""What every engine keeps of end users."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT, KEY, NOON
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.errors import StoreConflict, StoreError
from tollkeeper.store.ports.accounts import Acting
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.store import Store

LIMITS = Limits(counts={"cost_usd_total": 10**27 + 1}, allowed_models=("tiny",), models={"tiny": {"requests_total": 1}})
MIA = EndUser("eu_1", "ann", "mia@example.org", NOON, LIMITS)
NOA = EndUser("eu_0", "ann", "Noa", NOON + 1)


async def test_a_value_has_one_end_user_of_each_owner(store: Store) -> None:
    assert await store.end_users.add(MIA, 10) == replace(MIA, version=1)
    assert await store.end_users.add(replace(MIA, id="eu_2"), 10) == replace(MIA, version=1), "the one there is"
    others = replace(MIA, id="eu_3", user_id="bob")
    assert await store.end_users.add(others, 10) == replace(others, version=1)
    assert await store.end_users.find("ann", MIA.value or "") == replace(MIA, version=1)
    assert await store.end_users.find("bob", MIA.value or "") == replace(others, version=1)
    assert await store.end_users.find("ann", "MIA@example.org") is None
    assert await store.end_users.read("eu_1") == replace(MIA, version=1)
    assert await store.end_users.read("eu_2") is None


async def test_many_at_once_make_one_for_each_value_and_never_more_than_allowed(store: Store) -> None:
    wanted = [EndUser(f"eu_{number}", "ann", f"person {number % 20}", NOON) for number in range(100)]
    made = await asyncio.gather(*[store.end_users.add(each, 12) for each in wanted])
    kept = {each.id for each in made if each is not None}
    assert len(kept) == 12
    assert sum(each is None for each in made) == 40
    assert {each.id for each in await store.end_users.page("ann", limit=100, after=None)} == kept
    assert await store.end_users.add(replace(MIA, id="eu_mia", user_id="bob"), 1) is not None, "others have room"


async def test_a_page_is_in_the_order_of_making_and_goes_on_after_the_last(store: Store) -> None:
    for each in (NOA, MIA, replace(MIA, id="eu_9", user_id="bob")):
        await store.end_users.add(each, 10)
    first = await store.end_users.page("ann", limit=1, after=None)
    assert [each.id for each in first] == ["eu_1"]
    assert [each.id for each in await store.end_users.page("ann", limit=10, after="eu_1")] == ["eu_0"]
    assert await store.end_users.page("ann", limit=10, after="eu_0") == []
    assert await store.end_users.page("ann", limit=10, after="nobody") == []
    for ids, found in ((["eu_0", "eu_9", "eu_5"], ["eu_0"]), (["eu_0", "eu_1"], ["eu_1", "eu_0"]), ([], [])):
        assert [each.id for each in await store.end_users.page("ann", limit=10, after=None, ids=ids)] == found
    for part, found in (("NO", ["eu_0"]), ("@example", ["eu_1"]), ("%", []), ("a", ["eu_1", "eu_0"])):
        assert [each.id for each in await store.end_users.page("ann", limit=10, after=None, part=part)] == found


async def test_ids_are_told_by_what_apps_call_them_whoever_owns_them(store: Store) -> None:
    for each in (MIA, NOA, replace(MIA, id="eu_9", user_id="bob")):
        await store.end_users.add(each, 10)
    wanted = ["eu_9", "eu_0", "eu_5", ""]
    assert await store.end_users.values(wanted) == {"eu_9": MIA.value, "eu_0": NOA.value}
    assert await store.end_users.values([]) == {}
    await store.end_users.erase_of("bob")
    assert await store.end_users.values(wanted) == {"eu_0": NOA.value}


async def test_those_with_limits_are_found_whoever_owns_them(store: Store) -> None:
    for each in (MIA, NOA, replace(MIA, id="eu_9", user_id="bob")):
        await store.end_users.add(each, 10)
    assert [each.id for each in await store.end_users.with_limits()] == ["eu_1", "eu_9"]
    assert (await store.end_users.with_limits())[0].limits == LIMITS


async def test_a_change_replaces_only_what_it_was_derived_from(store: Store) -> None:
    await store.end_users.add(MIA, 10)
    read = await store.end_users.read("eu_1")
    assert read is not None
    blocked = await store.end_users.save(replace(read, status="blocked", limits=NO_LIMITS), AUDIT)
    assert blocked == await store.end_users.read("eu_1") == replace(MIA, status="blocked", limits=NO_LIMITS, version=2)
    for late in (replace(read, status="active"), replace(NOA, version=1)):
        with pytest.raises(StoreConflict):
            await store.end_users.save(late, AUDIT)
    assert await store.end_users.read("eu_1") == blocked
    assert len(await store.audit.entries(limit=10, after=None)) == 1


async def test_an_erased_value_is_gone_and_may_come_again_as_somebody_else(store: Store) -> None:
    await store.end_users.add(MIA, 1)
    read = await store.end_users.read("eu_1")
    assert read is not None
    erased = replace(read, value=None, limits=NO_LIMITS, status="erased")
    assert await store.end_users.save(erased, AUDIT) == replace(erased, version=2)
    assert await store.end_users.find("ann", MIA.value or "") is None
    again = replace(MIA, id="eu_2")
    assert await store.end_users.add(again, 1) == replace(again, version=1), "an erased one takes no room"
    assert [each.value for each in await store.end_users.page("ann", limit=10, after=None)] == [None, MIA.value]


async def test_all_of_an_owner_are_erased_at_once(store: Store) -> None:
    for each in (MIA, NOA, replace(MIA, id="eu_9", user_id="bob")):
        await store.end_users.add(each, 10)
    assert await store.end_users.erase_of("ann") == ["eu_0", "eu_1"]
    assert await store.end_users.erase_of("ann") == []
    rest = await store.end_users.page("ann", limit=10, after=None)
    assert [(each.value, each.status, each.limits) for each in rest] == [(None, "erased", NO_LIMITS)] * 2
    assert await store.end_users.find("bob", MIA.value or "") is not None


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    kept = await store.end_users.add(MIA, 10)
    assert kept is not None
    engine.break_it()
    for change in (
        store.end_users.add(NOA, 10),
        store.end_users.save(replace(kept, status="blocked"), AUDIT),
        store.end_users.erase_of("ann"),
    ):
        with pytest.raises(StoreError):
            await change
    engine.mend_it()
    assert await store.end_users.page("ann", limit=10, after=None) == [kept]


async def test_a_value_is_never_printed() -> None:
    assert repr(MIA) == "EndUser('eu_1', 'ann', active)"
    assert "mia" not in str(MIA.__rich_repr__())


async def test_a_key_keeps_how_it_acts_for_others(store: Store) -> None:
    acting = replace(KEY, acting=Acting("body", create=False, most=7, limits=LIMITS))
    plain = replace(KEY, id="key_2")
    await store.accounts.save(keys=[acting, plain], audit=AUDIT)
    assert [key.acting for key in (await store.accounts.load())[1]] == [acting.acting, None]
