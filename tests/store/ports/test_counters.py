"""What every engine of counters must do; another one is added to `new_counters`."""

import asyncio
from contextlib import suppress

import pytest

from tests.store.slow_counters import SlowCounters
from tests.store.valkey.server import EmptyCounters
from tollkeeper.rules.admission import Demand, Refused
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.owners import KEY as KEY_KIND
from tollkeeper.rules.owners import USER as USER_KIND
from tollkeeper.rules.owners import Owner
from tollkeeper.rules.terms import terms_of
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.counters import AdmissionRequest, PastUse

IN_PROCESS = {"memory": MemoryCounters, "slow": SlowCounters}
NOW = 1_795_000_000_000
USER, KEY = ("user", "alice"), ("key", "k1")


@pytest.fixture(params=[*IN_PROCESS, "valkey"])
async def new_counters(request):
    """Makes counters in which nothing is counted yet."""
    if request.param != "valkey":
        yield IN_PROCESS[request.param]
        return
    server, opened = request.getfixturevalue("valkey_server"), []

    async def new():
        opened.append(await EmptyCounters.opened(server))
        return opened[-1]

    yield new
    for each in opened:
        await each.close()


@pytest.fixture
async def counters(new_counters):
    made = new_counters()
    return await made if asyncio.iscoroutine(made) else made


@pytest.fixture(params=IN_PROCESS.values())
def in_process(request):
    """An engine of which we see how many counters it has."""
    return request.param()


def asked(user=None, key=None, *, demand=None, model="tiny:latest", key_id="k1", others=()):
    owners = (
        Owner(USER_KIND, "alice", NO_LIMITS.merged(user or {})),
        Owner(KEY_KIND, key_id, NO_LIMITS.merged(key or {})),
    )
    return AdmissionRequest(terms_of(owners, model, *others), demand or Demand())


async def stands(counters, at=NOW, scope=USER, **limits):
    [statuses] = await counters.status([(scope, NO_LIMITS.merged(limits).checked_limits())], at)
    return {status.name: (status.used, status.reserved) for status in statuses}


async def begin(counters, owner, names):
    """What is new of one owner's."""
    return (await counters.begin({owner: names})).get(owner, {})


async def test_what_is_taken_is_held_and_then_used(counters):
    limits = {"requests_per_day": 5, "tokens_per_day": 100, "cost_usd_total": 1}
    taken = await counters.admit(asked(limits, demand=Demand(10, 20, 30, 1, 2, 3)), NOW)
    assert taken.allowance == 30
    assert await stands(counters, **limits) == {
        "requests_per_day": (1, 0),
        "tokens_per_day": (0, 50),
        "cost_usd_total": (0, 20 * 2 + 30 * 3),
    }
    counters.settle(taken, "tiny:latest", 25, 60, NOW + 1)
    assert await stands(counters, **limits) == {
        "requests_per_day": (1, 0),
        "tokens_per_day": (25, 0),
        "cost_usd_total": (60, 0),
    }


async def test_what_is_given_back_never_was(counters):
    limits = {"requests_total": 5, "tokens_total": 100, "max_concurrent_requests": 1}
    counters.give_back(await counters.admit(asked(limits, demand=Demand(1, 1, 50)), NOW))
    assert set((await stands(counters, **limits)).values()) == {(0, 0)}


async def test_all_or_nothing_over_user_key_and_model(counters):
    user = {"requests_total": 5, "models": {"tiny": {"tokens_total": 1000}}}
    key = {"requests_total": 5, "tokens_total": 10}
    with pytest.raises(Refused) as caught:
        await counters.admit(asked(user, key, demand=Demand(20, 20, 0)), NOW)
    assert caught.value.violation.scope == KEY
    taken = await counters.admit(asked(user, demand=Demand(20, 20, 0)), NOW)
    assert await stands(counters, requests_total=5) == {"requests_total": (1, 0)}
    counters.settle(taken, "tiny:latest", 20, 0, NOW)
    small = {"models": {"tiny": {"tokens_total": 39}}}
    with pytest.raises(Refused):
        await counters.admit(asked(small, demand=Demand(20, 20, 0)), NOW)
    await counters.admit(asked(small, demand=Demand(20, 20, 0), model="other:latest"), NOW)


async def test_what_runs_is_counted_before_there_is_a_limit_on_it(counters):
    first = await counters.admit(asked(), NOW)
    with pytest.raises(Refused):
        await counters.admit(asked({"max_concurrent_requests": 1}), NOW)
    with pytest.raises(Refused):
        await counters.admit(asked(key={"max_concurrent_requests": 1}), NOW)
    await counters.admit(asked(key={"max_concurrent_requests": 1}, key_id="k2"), NOW)
    counters.settle(first, "tiny:latest", 0, 0, NOW)
    await counters.admit(asked(key={"max_concurrent_requests": 1}), NOW)


async def test_a_request_that_ends_counts_for_limits_that_came_while_it_ran(counters):
    taken = await counters.admit(asked(), NOW)
    both = {"": frozenset({"requests_total", "tokens_total"})}
    assert await begin(counters, USER, both) == both
    assert await begin(counters, USER, {"": frozenset({"requests_total"})}) == {}
    await counters.add([PastUse(USER, "tokens_total", 100, 0)])
    counters.settle(taken, "tiny:latest", 7, 0, NOW)
    assert await stands(counters, requests_total=5, tokens_total=5) == {
        "requests_total": (1, 0),
        "tokens_total": (107, 0),
    }


async def test_a_month_counts_what_was_admitted_in_it(counters):
    december, january = 1_798_761_599_999, 1_798_761_600_000
    limits = {"tokens_per_month": 100, "tokens_per_day": 100}
    taken = await counters.admit(asked(limits), december)
    counters.settle(taken, "tiny:latest", 30, 0, january)
    assert await stands(counters, at=january, **limits) == {"tokens_per_month": (0, 0), "tokens_per_day": (30, 0)}


async def test_a_month_is_still_known_when_the_clock_is_set_back_into_it(in_process):
    december, january = 1_798_761_599_999, 1_798_761_600_000
    limits = {"tokens_per_month": 100}
    taken = await in_process.admit(asked(limits), december)
    in_process.settle(taken, "tiny:latest", 30, 0, january)
    await stands(in_process, at=january, **limits)
    assert (await stands(in_process, at=december, **limits))["tokens_per_month"] == (30, 0)


async def test_corrections_count_for_cost_alone(counters):
    limits = {"cost_usd_total": 1, "requests_total": 5, "tokens_total": 5}
    await begin(counters, USER, {"": frozenset(limits)})
    counters.adjust(USER, -500, NOW)
    assert (await stands(counters, **limits))["cost_usd_total"] == (-500, 0)
    assert (await stands(counters, **limits))["requests_total"] == (0, 0)


async def test_a_reservation_has_the_limits_of_pace_as_they_are_once_it_has_taken(counters):
    limits = {"requests_per_minute": 3, "tokens_per_minute": 500, "tokens_total": 9000, "max_concurrent_requests": 7}
    request = asked(limits, {"requests_per_second": 9}, demand=Demand(5, 5, 10))
    first, second = await asyncio.gather(*(counters.admit(request, NOW) for _ in range(2)))
    for count, reservation in ((1, first), (2, second)):
        assert {status.name: (status.limit, status.used, status.reserved) for status in reservation.pace} == {
            "requests_per_minute": (3, count, 0),
            "tokens_per_minute": (500, 0, 15 * count),
            "requests_per_second": (9, count, 0),
        }
    assert first.at == second.at == NOW
    counters.settle(first, "tiny:latest", 9, 0, NOW)
    assert first.pace[1].reserved == 15, "it is of the moment of admission"


OWN = {
    "": frozenset({"tokens_total"}),
    "tiny:latest": frozenset({"tokens_total"}),
    "other": frozenset({"tokens_total"}),
}


async def test_what_begins_for_one_model_counts_its_requests_alone(counters):
    taken = await counters.admit(asked(), NOW)
    assert await begin(counters, USER, OWN) == OWN
    counters.settle(taken, "tiny:latest", 7, 0, NOW)
    counters.settle(await counters.admit(asked(), NOW), "tiny:latest", 2, 0, NOW)
    assert await of_models(counters) == {"tiny:latest": (9, 0), "other": (0, 0)}
    assert await stands(counters, tokens_total=5) == {"tokens_total": (9, 0)}


async def test_what_is_counted_no_longer_begins_at_nothing_and_the_rest_goes_on(counters):
    await begin(counters, USER, OWN)
    counters.settle(await counters.admit(asked(), NOW), "tiny:latest", 7, 0, NOW)
    counters.forget({USER: {"tiny:latest": frozenset({"tokens_total"}), "other": frozenset({"tokens_total"})}})
    assert await of_models(counters) == {"tiny:latest": (0, 0), "other": (0, 0)}
    assert await stands(counters, tokens_total=5) == {"tokens_total": (7, 0)}
    assert await begin(counters, USER, OWN) == {model: names for model, names in OWN.items() if model}


async def test_what_begins_counts_the_next_request_of_somebody_who_came_before(counters):
    same = asked()
    counters.settle(await counters.admit(same, NOW), "tiny:latest", 7, 0, NOW)
    await begin(counters, USER, OWN)
    counters.settle(await counters.admit(same, NOW), "tiny:latest", 2, 0, NOW)
    assert await of_models(counters) == {"tiny:latest": (2, 0), "other": (0, 0)}


async def test_nothing_is_kept_of_a_key_that_is_dropped(counters):
    await begin(counters, USER, OWN)
    await begin(counters, KEY, OWN)
    counters.settle(await counters.admit(asked(), NOW), "tiny:latest", 7, 0, NOW)
    counters.drop(KEY)
    assert await begin(counters, KEY, OWN) == OWN
    assert await stands(counters, scope=KEY, tokens_total=9) == {"tokens_total": (0, 0)}
    assert await stands(counters, tokens_total=5) == {"tokens_total": (7, 0)}


async def test_nothing_at_all_is_left_of_owners_that_are_dropped(in_process):
    await begin(in_process, USER, OWN)
    await begin(in_process, KEY, OWN)
    in_process.settle(await in_process.admit(asked(), NOW), "tiny:latest", 7, 0, NOW)
    in_process.drop(KEY)
    in_process.drop(USER)
    await in_process.status([], NOW)
    assert repr(in_process) == repr(type(in_process)())


async def test_limits_that_nobody_used_have_no_counters_yet(in_process):
    await begin(in_process, USER, {f"model-{number}": frozenset({"tokens_total"}) for number in range(100)})
    await stands(in_process, tokens_total=5)
    assert "0 counters" in repr(in_process)


async def of_models(counters):
    found = {model: await stands(counters, scope=(*USER, model), tokens_total=9) for model in OWN if model}
    return {model: statuses["tokens_total"] for model, statuses in found.items()}


async def test_a_refusal_has_the_moment_of_its_decision(counters):
    with pytest.raises(Refused) as caught:
        await counters.admit(asked({"requests_total": 0}), NOW)
    assert caught.value.at == NOW


async def test_calls_count_in_the_order_in_which_they_are_made(counters):
    """Whether or not their answers are there: what ended before a limit began is of its past, and nothing else."""
    before = await counters.admit(asked(), NOW)
    after = await counters.admit(asked(), NOW)
    counters.settle(before, "tiny:latest", 100, 0, NOW)
    beginning = counters.begin({USER: {"": frozenset({"tokens_total"})}})
    counters.settle(after, "tiny:latest", 7, 0, NOW)
    await beginning
    assert await stands(counters, tokens_total=9) == {"tokens_total": (7, 0)}


async def test_who_leaves_before_the_answer_leaves_nothing_behind(counters):
    limits = {"requests_total": 5, "tokens_total": 500, "max_concurrent_requests": 4}
    for turns in range(20):
        admitting = asyncio.create_task(counters.admit(asked(limits, demand=Demand(5, 5, 10)), NOW))
        for _ in range(turns):
            await asyncio.sleep(0)
        admitting.cancel()
        with suppress(asyncio.CancelledError):
            counters.give_back(await admitting)
    for _ in range(40):
        await asyncio.sleep(0.0005)
    assert set((await stands(counters, **limits)).values()) == {(0, 0)}


async def test_who_leaves_before_a_limit_has_begun_leaves_it_to_begin_again(counters):
    for turns in range(20):
        beginning = asyncio.create_task(begin(counters, USER, OWN))
        for _ in range(turns):
            await asyncio.sleep(0)
        beginning.cancel()
        with suppress(asyncio.CancelledError):
            counters.forget({USER: await beginning})
        for _ in range(40):
            await asyncio.sleep(0.0005)
    assert await begin(counters, USER, OWN) == OWN


async def test_answers_come_after_others_were_served():
    """So the engine that stands for a server really is one."""
    counters = SlowCounters()
    await asyncio.gather(*(counters.admit(asked(), NOW) for _ in range(50)))
    assert counters.overlapped > 10


OF_EACH = {"models": {"tiny:latest": {"tokens_total": 100, "requests_total": 9}, "big": {"tokens_total": 60}}}


async def of_each(counters):
    limits = {"tokens_total": 1, "requests_total": 1}
    return {name: await stands(counters, scope=(*USER, name), **limits) for name in ("tiny:latest", "big")}


@pytest.mark.parametrize(("served", "used"), [("tiny:latest", (25, 0)), ("big", (0, 25))])
async def test_of_several_models_all_hold_and_the_one_that_serves_is_charged(counters, served, used):
    limits = OF_EACH | {"tokens_total": 1000}
    taken = await counters.admit(asked(limits, demand=Demand(0, 20, 30), others=("big",)), NOW)
    assert [found["tokens_total"] for found in (await of_each(counters)).values()] == [(0, 50), (0, 50)]
    counters.settle(taken, served, 25, 0, NOW)
    found = await of_each(counters)
    assert [found[name]["tokens_total"] for name in ("tiny:latest", "big")] == [(each, 0) for each in used]
    assert found["tiny:latest"]["requests_total"] == (int(served == "tiny:latest"), 0)
    assert (await stands(counters, tokens_total=1))["tokens_total"] == (25, 0)
    assert {reserved for each in found.values() for _, reserved in each.values()} == {0}


async def test_of_several_models_the_limits_of_each_must_be_passed_or_nothing_is_held(counters):
    with pytest.raises(Refused) as refused:
        await counters.admit(asked(OF_EACH, demand=Demand(0, 50, 50), others=("big",)), NOW)
    assert refused.value.violation.scope == (*USER, "big")
    taken = await counters.admit(asked(OF_EACH, demand=Demand(0, 50, 50)), NOW)
    counters.give_back(taken)
    assert (await of_each(counters))["tiny:latest"]["tokens_total"] == (0, 0)


async def test_a_counter_that_begins_meanwhile_counts_at_its_model_only_where_that_serves(counters):
    first, second = [await counters.admit(asked(demand=Demand(0, 5, 5), others=("big",)), NOW) for _ in range(2)]
    await begin(counters, USER, {"big": frozenset({"tokens_total"})})
    counters.settle(first, "tiny:latest", 7, 0, NOW)
    counters.settle(second, "big", 7, 0, NOW)
    assert (await of_each(counters))["big"]["tokens_total"] == (7, 0)


async def test_what_has_left_a_window_stays_away_after_a_refusal(counters):
    limits, small = {"tokens_per_day": 100}, {"tokens_per_day": 100, "requests_total": 0}
    hour = 3_600_000
    for at in (NOW, NOW + 12 * hour):  # in two buckets
        counters.settle(await counters.admit(asked(limits), at), "tiny:latest", 30, 0, at)
    with pytest.raises(Refused):
        await counters.admit(asked(small), NOW + 25 * hour)
    assert await stands(counters, NOW + 25 * hour, **limits) == {"tokens_per_day": (30, 0)}
    await counters.admit(asked(limits), NOW + 26 * hour)
    assert await stands(counters, NOW + 26 * hour, **limits) == {"tokens_per_day": (30, 0)}
