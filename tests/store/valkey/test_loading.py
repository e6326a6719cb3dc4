"""A place that the server does not know is filled before anything is taken from it, once, whoever asks."""

import asyncio

import pytest

from tests.store.ports.test_counters import NOW, USER, asked, stands
from tests.store.valkey.server import ClockedCounters
from tollkeeper.rules.admission import Demand, Refused
from tollkeeper.rules.owners import Scope
from tollkeeper.store.ports.counters import Names, PastUse
from tollkeeper.store.valkey.errors import CountersUnavailable
from tollkeeper.store.valkey.loading import HeldRequest, PlaceContents

LIMITS = {"tokens_total": 1000, "requests_total": 100, "max_concurrent_requests": 3}
NAMES: dict[Scope, Names] = {USER: {"": frozenset({"tokens_total", "requests_total"})}}
PAST = [PastUse(USER, "tokens_total", 900, NOW - 10**9), PastUse(USER, "requests_total", 7, NOW - 10**9)]
SCOPES = (USER, (*USER, "tiny:latest"), ("key", "k1"), ("key", "k1", "tiny:latest"))


def held(name, node=b"other", tokens=40):
    return HeldRequest(name, node, False, NOW - 5000, tokens, tokens, 0, SCOPES)


class Loaded:
    """What a place holds by the records, and how often somebody asked."""

    def __init__(self, contents, *, takes=0.0):
        self.contents, self.takes, self.asked = contents, takes, 0

    async def __call__(self, place):
        assert place == b"{u:alice}"
        self.asked += 1
        await asyncio.sleep(self.takes)
        if isinstance(self.contents, Exception):
            raise self.contents
        return self.contents


@pytest.fixture
async def engine(valkey_server):
    """Makes engines whose places are loaded so."""
    valkey_server.ask("FLUSHALL")
    opened = []

    async def make(loaded, **options):
        counters = ClockedCounters(valkey_server.address, lambda scope: b"{u:alice}", loaded, patience=2, **options)
        opened.append(counters)
        await counters.open()
        return counters

    yield make
    for each in opened:
        await each.close()


async def test_the_first_request_is_admitted_by_what_was_used_before(engine):
    loaded = Loaded(PlaceContents(NAMES, PAST))
    counters = await engine(loaded)
    with pytest.raises(Refused) as refused:
        await counters.admit(asked(LIMITS, demand=Demand(0, 101, 0)), NOW)
    assert refused.value.violation.remaining == 100
    await counters.admit(asked(LIMITS, demand=Demand(0, 100, 0)), NOW)
    assert loaded.asked == 1
    assert (await stands(counters, **LIMITS))["requests_total"] == (8, 0)


async def test_what_others_hold_counts_and_ends(engine):
    counters = await engine(Loaded(PlaceContents(NAMES, PAST, [held(b"a"), held(b"b")])))
    assert await stands(counters, **LIMITS) == {
        "tokens_total": (900, 80),
        "requests_total": (9, 0),
        "max_concurrent_requests": (0, 0),
    }
    counters._tell("settle", b"{u:alice}", (b"a", b"tiny:latest", b"5", b"0", b"0", b"%d" % NOW))
    counters._tell("give_back", b"{u:alice}", (b"b",))
    assert (await stands(counters, **LIMITS))["tokens_total"] == (905, 0)
    assert (await stands(counters, **LIMITS))["requests_total"] == (8, 0)


async def test_many_calls_wait_for_one_load_and_keep_their_order(engine):
    loaded = Loaded(PlaceContents(NAMES, PAST), takes=0.05)
    counters = await engine(loaded)
    admits = [asyncio.ensure_future(counters.admit(asked(LIMITS, demand=Demand(0, 30, 0)), NOW)) for _ in range(5)]
    results = await asyncio.gather(*admits, return_exceptions=True)
    assert [isinstance(result, Refused) for result in results] == [False] * 3 + [True] * 2
    assert loaded.asked == 1


async def test_of_two_that_load_at_once_what_they_load_counts_once(engine):
    first, second = [await engine(Loaded(PlaceContents(NAMES, PAST, [held(b"a")]), takes=0.01)) for _ in range(2)]
    await asyncio.gather(*(each.admit(asked(LIMITS, demand=Demand(0, 5, 0)), NOW) for each in (first, second)))
    assert (await stands(first, **LIMITS))["tokens_total"] == (900, 50)


async def test_many_loaders_do_not_hinder_each_other(engine):
    many = [await engine(Loaded(PlaceContents(NAMES, PAST, [held(b"a")]), takes=number / 500)) for number in range(8)]
    await asyncio.gather(*(each.admit(asked(LIMITS, demand=Demand(0, 5, 0)), NOW) for each in many[:3]))
    await asyncio.gather(*(stands(each, **LIMITS) for each in many))
    assert (await stands(many[0], **LIMITS))["tokens_total"] == (900, 55)
    assert max(each._contents.asked for each in many) == 1


async def test_a_loader_that_never_ends_is_replaced(engine, valkey_server):
    counters = await engine(Loaded(PlaceContents(NAMES, PAST)))
    valkey_server.ask("HSET", "{u:alice}", "e", "loading:another", "a", str(NOW), "l", str(NOW - 2001))
    assert (await stands(counters, **LIMITS))["tokens_total"] == (900, 0)


async def test_what_an_absent_node_holds_stays_until_it_tells(engine, valkey_server):
    counters = await engine(Loaded(PlaceContents(NAMES, PAST)), node=b"me")
    await counters.admit(asked(LIMITS, demand=Demand(0, 20, 0)), NOW)
    other = await engine(Loaded(PlaceContents(NAMES, PAST)), node=b"other")
    await other.admit(asked(LIMITS, demand=Demand(0, 3, 0)), NOW)
    valkey_server.ask("HSET", "{u:alice}", "e", "another server's")
    third = await engine(Loaded(PlaceContents(NAMES, PAST, nodes=[b"me"])))
    assert (await stands(third, **LIMITS))["tokens_total"] == (900, 3)


async def test_a_settlement_that_meets_an_unknown_place_counts_once_it_is_loaded(engine, valkey_server):
    loaded = Loaded(PlaceContents(NAMES, PAST))
    counters = await engine(loaded, node=b"me")
    taken = await counters.admit(asked(LIMITS, demand=Demand(0, 20, 0)), NOW)
    valkey_server.ask("HSET", "{u:alice}", "e", "another server's")
    assert counters.holds(b"{u:bob}") == []
    loaded.contents = PlaceContents(NAMES, PAST, counters.holds(b"{u:alice}"), [b"me"])
    assert (await stands(counters, **LIMITS))["tokens_total"] == (900, 20)
    valkey_server.ask("HSET", "{u:alice}", "e", "another server's")
    counters.settle(taken, "tiny:latest", 11, 0, NOW)
    assert (await stands(counters, **LIMITS))["tokens_total"] == (911, 0)


async def test_who_waits_for_a_place_that_cannot_be_loaded_is_told_and_it_is_tried_again(engine):
    loaded = Loaded(OSError("no database"))
    counters = await engine(loaded)
    with pytest.raises(CountersUnavailable, match="no database"):
        await counters.admit(asked(LIMITS), NOW)
    loaded.contents = PlaceContents(NAMES, PAST)
    await counters.admit(asked(LIMITS), NOW)
    assert (await stands(counters, **LIMITS))["requests_total"] == (8, 0)


async def test_much_past_travels_in_parts(engine):
    models = [f"model-{number}" for number in range(100)]
    names: dict[Scope, Names] = {USER: {model: frozenset({"tokens_total"}) for model in models}}
    past = [PastUse((*USER, model), "tokens_total", number, 0) for number, model in enumerate(models)]
    counters = await engine(Loaded(PlaceContents(names, past)))
    found = await counters.status([((*USER, model), {"tokens_total": 10**6}) for model in models], NOW)
    assert [status.used for [status] in found] == list(range(100))
