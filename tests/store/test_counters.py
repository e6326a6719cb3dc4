"""What every engine of counters must do; another one is added to `ENGINES`."""

import pytest

from tollkeeper.rules.admission import Demand, Refused
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.store.counting import Asked
from tollkeeper.store.memory.counters import MemoryCounters

ENGINES = [MemoryCounters]
NOW = 1_795_000_000_000
USER, KEY = ("user", "alice"), ("key", "k1")


@pytest.fixture(params=ENGINES)
def counters(request):
    return request.param()


def asked(user=None, key=None, *, demand=None, model="tiny:latest", key_id="k1"):
    limits = (NO_LIMITS.merged(user or {}), NO_LIMITS.merged(key or {}))
    return Asked("alice", key_id, model, *limits, demand or Demand())


def stands(counters, at=NOW, **limits):
    given = NO_LIMITS.merged(limits)
    return {standing.name: (standing.used, standing.held) for standing in counters.stand_of(USER, given, at)}


async def test_what_is_taken_is_held_and_then_used(counters):
    limits = {"requests_per_day": 5, "tokens_per_day": 100, "cost_usd_total": 1}
    taken = await counters.admit(asked(limits, demand=Demand(10, 20, 30, 1, 2, 3)), NOW)
    assert taken.allowance == 30
    assert stands(counters, **limits) == {
        "requests_per_day": (1, 0),
        "tokens_per_day": (0, 50),
        "cost_usd_total": (0, 20 * 2 + 30 * 3),
    }
    counters.settle(taken, 25, 60, NOW + 1)
    assert stands(counters, **limits) == {
        "requests_per_day": (1, 0),
        "tokens_per_day": (25, 0),
        "cost_usd_total": (60, 0),
    }


async def test_what_is_given_back_never_was(counters):
    limits = {"requests_total": 5, "tokens_total": 100, "max_concurrent_requests": 1}
    counters.give_back(await counters.admit(asked(limits, demand=Demand(1, 1, 50)), NOW))
    assert set(stands(counters, **limits).values()) == {(0, 0)}


async def test_all_or_nothing_over_user_key_and_model(counters):
    user = {"requests_total": 5, "models": {"tiny": {"tokens_total": 1000}}}
    key = {"requests_total": 5, "tokens_total": 10}
    with pytest.raises(Refused) as caught:
        await counters.admit(asked(user, key, demand=Demand(20, 20, 0)), NOW)
    assert caught.value.obstacle.gate.scope == " of this key"
    taken = await counters.admit(asked(user, demand=Demand(20, 20, 0)), NOW)
    assert stands(counters, requests_total=5) == {"requests_total": (1, 0)}
    counters.settle(taken, 20, 0, NOW)
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
    counters.settle(first, 0, 0, NOW)
    await counters.admit(asked(key={"max_concurrent_requests": 1}), NOW)


async def test_a_request_that_ends_counts_for_limits_that_came_while_it_ran(counters):
    taken = await counters.admit(asked(), NOW)
    assert counters.begin(USER, frozenset({"requests_total", "tokens_total"})) == {"requests_total", "tokens_total"}
    assert counters.begin(USER, frozenset({"requests_total"})) == frozenset()
    counters.add(USER, "tokens_total", 100, 0)
    counters.settle(taken, 7, 0, NOW)
    assert stands(counters, requests_total=5, tokens_total=5) == {"requests_total": (1, 0), "tokens_total": (107, 0)}


async def test_a_month_counts_what_was_admitted_in_it(counters):
    december, january = 1_798_761_599_999, 1_798_761_600_000
    limits = {"tokens_per_month": 100, "tokens_per_day": 100}
    taken = await counters.admit(asked(limits), december)
    counters.settle(taken, 30, 0, january)
    assert stands(counters, at=january, **limits) == {"tokens_per_month": (0, 0), "tokens_per_day": (30, 0)}
    assert stands(counters, at=december, **limits)["tokens_per_month"] == (30, 0)


async def test_corrections_count_for_cost_alone(counters):
    limits = {"cost_usd_total": 1, "requests_total": 5, "tokens_total": 5}
    counters.begin(USER, frozenset(limits))
    counters.adjust(USER, -500, NOW)
    assert stands(counters, **limits)["cost_usd_total"] == (-500, 0)
    assert stands(counters, **limits)["requests_total"] == (0, 0)


async def test_the_limits_of_pace_a_request_passed_are_told(counters):
    limits = {"requests_per_minute": 3, "tokens_per_minute": 500, "tokens_total": 9000, "max_concurrent_requests": 7}
    taken = await counters.admit(asked(limits, {"requests_per_second": 9}, demand=Demand(5, 5, 10)), NOW)
    told = {standing.name: (standing.limit, standing.used, standing.held) for standing in counters.pace(taken, NOW)}
    assert told == {
        "requests_per_minute": (3, 1, 0),
        "tokens_per_minute": (500, 0, 15),
        "requests_per_second": (9, 1, 0),
    }
