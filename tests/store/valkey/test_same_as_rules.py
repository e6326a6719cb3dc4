"""The functions on the server and the pure rules are one specification: both engines live through the same histories,
on one clock, and every answer is equal."""

from __future__ import annotations

import asyncio
import functools
import os
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.store.valkey.server import ClockedCounters, nothing
from tollkeeper.rules.admission import Demand, Refused
from tollkeeper.rules.limits import CHECKED_LIMITS, COUNTED, Limits
from tollkeeper.rules.owners import KEY, TEAM, USER, Owner
from tollkeeper.rules.terms import terms_of
from tollkeeper.rules.windows import DAY, HOUR, MINUTE, SLIDING
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.counters import AdmissionRequest, PastUse
from tollkeeper.store.valkey.counters import ValkeyCounters
from tollkeeper.store.valkey.prepared import team_place, user_place
from tollkeeper.store.valkey.protocol import bulk

START = 1_798_761_600_000 - 10 * MINUTE  # shortly before a year begins
MODELS = ("m1", "m2:latest")
MARKS_LIVE = 60_000
NUMBERS = count()

tokens = st.one_of(st.integers(0, 40), st.integers(0, 3000), st.integers(0, 2**33))
prices = st.one_of(st.integers(0, 3), st.sampled_from([1_000_000, 999_999, 2_500_001]), st.integers(0, 10**8))
demands = st.builds(
    Demand,
    tokens,
    tokens,
    tokens,
    st.sampled_from([1, 1, 1, 2, 3, 7]),
    prices,
    prices,
    st.sampled_from([0, 0, 1, 10**7 + 3]),
)
values = st.one_of(st.integers(0, 3), st.integers(4, 200), st.integers(200, 10_000))
costs = st.one_of(st.integers(0, 10**4), st.integers(10**6 - 2, 10**9), st.integers(10**9, 10**21), st.just(10**27))
names = sorted(COUNTED)


def counts(most):
    return st.lists(st.sampled_from(names), max_size=most, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries(
            {name: costs if COUNTED[name].quantity == "cost" else st.one_of(values, st.just(10**15)) for name in chosen}
        )
    )


limits = st.builds(
    Limits,
    counts(4),
    st.one_of(st.none(), st.none(), st.integers(0, 4)),
    models=st.dictionaries(st.sampled_from(["m1", "m2"]), counts(2), max_size=2),
)
some_names = st.dictionaries(
    st.sampled_from(["", *MODELS]),
    st.frozensets(st.sampled_from(names), min_size=1, max_size=3),
    min_size=1,
    max_size=2,
)
pauses = st.one_of(
    st.integers(0, 40), st.integers(0, 2000), st.integers(0, 2 * MINUTE), st.integers(0, 2 * HOUR),
    st.integers(0, 2 * DAY), st.integers(-3000, 0), st.just(32 * DAY),
)  # fmt: skip


class SameAsRules(RuleBasedStateMachine):
    engine: ClockedCounters
    loop: asyncio.AbstractEventLoop

    def __init__(self):
        super().__init__()
        self.shared: Any = None

    @initialize(team=st.booleans())
    def begin_history(self, team):
        number = next(NUMBERS)
        user, of_team = f"u{number}", f"t{number}"
        self.place = team_place(of_team) if team else user_place(user)
        self.owners = {("user", user): Limits(), ("key", "k1"): Limits(), ("key", "k2"): Limits()}
        if team:
            self.owners["team", of_team] = Limits()
        self.now = self.last = START  # the place is loaded now
        self.running: list[Any] = []
        self.sent: list[tuple[int, bytes, bytes, bytes]] = []
        self.moments = [START, START + 10 * MINUTE]
        self.memory = MemoryCounters()
        self.shared = self.engine
        self.shared._place_of = lambda scope: self.place
        send = functools.partial(ClockedCounters._send, self.shared)

        def note(call):
            self.sent.append((self.now, call.place, call.head, call.tail))
            send(call)

        self.shared._send = note  # of this history

    def run(self, what):
        return self.loop.run_until_complete(what)

    def both(self, call):
        """The answers of both to a call that waits; and the moment of the memory's."""
        self.shared.given_time = bulk(b"%d" % self.now)
        return self.run(self.awaited(call, self.memory)), self.run(self.awaited(call, self.shared))

    async def awaited(self, call, engine):
        return await call(engine)

    def told(self, call):
        self.shared.given_time = bulk(b"%d" % self.now)
        for engine in (self.memory, self.shared):
            call(engine)

    def moment(self):
        """The moment of a call: the owners' time never runs back."""
        return max(self.last, self.now)

    def soon(self, moments):
        """Note the moments of interest that are to come."""
        coming = {moment for moment in moments if moment is not None and moment > self.now}
        self.moments = sorted({*self.moments, *coming})[-40:]

    def terms(self, key, models):
        kinds = {"user": USER, "key": KEY, "team": TEAM}
        chosen = [scope for scope in self.owners if scope[0] != "key" or scope[1] == key]
        return terms_of(tuple(Owner(kinds[kind], name, self.owners[kind, name]) for kind, name in chosen), *models)

    @rule(data=st.data(), new=limits)
    def set_limits(self, data, new):
        self.owners[data.draw(st.sampled_from([*self.owners]))] = new

    @rule(pause=pauses)
    def wait(self, pause):
        self.now += pause

    @rule(data=st.data(), off=st.sampled_from([0, 0, -1]))
    def wait_until(self, data, off):
        """Something leaves a window, or a refused request may come again."""
        self.now = data.draw(st.sampled_from(self.moments)) + off

    @rule(
        key=st.sampled_from(["k1", "k2"]),
        models=st.sampled_from([MODELS[:1], MODELS[:1], MODELS[1:], MODELS]),
        demand=demands,
        times=st.sampled_from([1, 1, 2, 5]),
    )
    def admit(self, key, models, demand, times):
        for _ in range(times):
            self.admit_once(self.terms(key, models), demand)

    def admit_once(self, terms, demand):
        at = self.moment()
        found = []
        for engine, moment in ((self.memory, at), (self.shared, self.now)):
            terms.prepared = None
            try:
                found.append(self.run(engine.admit(AdmissionRequest(terms, demand), moment)))
            except Refused as refused:
                found.append(refused)
        memory, shared = found
        if isinstance(memory, Refused):
            assert isinstance(shared, Refused), (memory, shared)
            assert (memory.violation, memory.retry_at, memory.at) == (shared.violation, shared.retry_at, shared.at)
            self.sent.pop()
            self.soon([memory.retry_at, memory.violation.until])
        else:
            assert (memory.at, memory.allowance, memory.pace) == (shared.at, shared.allowance, shared.pace)
            self.running.append((memory, shared, terms))
        self.last = at

    @precondition(lambda self: self.running)
    @rule(data=st.data(), tokens=tokens, price=prices, ago=st.sampled_from([0, 0, 0, 500, 70_000, -700, 2 * HOUR]))
    def settle(self, data, tokens, price, ago):
        memory, shared, terms = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        model = data.draw(st.sampled_from(terms.models or (terms.model,)))
        at = max(self.now - ago, memory.at)
        self.last = self.moment()
        self.memory.settle(memory, model, tokens, tokens * price, min(at, self.last))
        self.shared.given_time = bulk(b"%d" % self.now)
        ValkeyCounters.settle(self.shared, shared, model, tokens, tokens * price, at)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def give_back(self, data):
        memory, shared, _ = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        self.shared.given_time = bulk(b"%d" % self.now)
        self.memory.give_back(memory)
        self.shared.give_back(shared)
        self.last = self.moment()

    @rule(data=st.data(), names=some_names)
    def begin(self, data, names):
        owner = data.draw(st.sampled_from([*self.owners]))
        memory, shared = self.both(lambda engine: engine.begin({owner: names}))
        assert memory == shared
        self.last = self.moment()

    @rule(data=st.data(), names=some_names)
    def forget(self, data, names):
        owner = data.draw(st.sampled_from([*self.owners]))
        self.told(lambda engine: engine.forget({owner: names}))
        self.last = self.moment()

    @rule(data=st.data())
    def drop(self, data):
        owner = data.draw(st.sampled_from([*self.owners]))
        # In memory, counters of a model that were made by a request stay; nothing makes such without `begin`.
        self.memory.forget({owner: dict.fromkeys(MODELS, frozenset(CHECKED_LIMITS))})
        self.told(lambda engine: engine.drop(owner))
        self.last = self.moment()

    @rule(
        data=st.data(),
        name=st.sampled_from(names),
        amount=tokens,
        ago=st.integers(-1000, 3 * DAY),
        model=st.sampled_from(["", *MODELS]),
    )
    def add(self, data, name, amount, ago, model):
        owner = data.draw(st.sampled_from([*self.owners]))
        scope = (*owner, model) if model else owner
        self.last = self.moment()
        past = PastUse(scope, name, amount, self.now - ago)
        self.run(self.memory.add([past._replace(at=min(past.at, self.last))]))
        self.shared.given_time = bulk(b"%d" % self.now)
        self.run(self.shared.add([past]))

    @rule(data=st.data(), cost=st.integers(-(10**13), 10**13))
    def adjust(self, data, cost):
        owner = data.draw(st.sampled_from([*self.owners]))
        self.last = self.moment()
        self.memory.adjust(owner, cost, min(self.now, self.last))
        self.shared.adjust(owner, cost, self.now)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def once_more(self, data):
        """Whatever was sent comes again."""
        at, place, head, tail = data.draw(st.sampled_from(self.sent))
        if b"status" not in head and self.moment() - at < MARKS_LIVE:
            self.run(self.awaited(lambda engine: engine._asked(place, head, tail), self.shared))

    @rule(key=st.sampled_from(["k1", "k2"]), demand=demands)
    def give_back_overtakes(self, key, demand):
        engine = self.shared
        number = next(engine._numbers)
        engine.given_time = bulk(b"%d" % self.now)
        engine._give_back(self.place, b"%b-%x" % (engine._run, number))
        engine._numbers = count(number)
        self.last = self.moment()
        with pytest.raises(Exception, match="given back"):
            self.run(engine.admit(AdmissionRequest(self.terms(key, MODELS[:1]), demand), self.now))

    @invariant()
    def all_figures_are_equal(self):
        if self.shared is None:
            return
        every = dict.fromkeys(CHECKED_LIMITS, 10)
        scopes = [(scope, every) for owner in self.owners for scope in (owner, *((*owner, model) for model in MODELS))]
        memory = self.run(self.memory.status(scopes, self.moment()))
        sent = len(self.sent)
        shared = self.run(self.shared.status(scopes, self.now))
        del self.sent[sent:]
        for (scope, _), expected, found in zip(scopes, memory, shared, strict=True):
            assert expected == found, scope
            self.soon(status.resets_at for status in expected)
        assert self.shared._link.faults == 0


@pytest.fixture(scope="module")
def loop():
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(valkey_server, loop):
    opened = ClockedCounters(valkey_server.address, lambda scope: user_place(scope[1]), nothing, patience=5)
    loop.run_until_complete(opened.open())
    yield opened
    loop.run_until_complete(opened.close())


@settings(max_examples=200, phases=[Phase.generate], suppress_health_check=[*HealthCheck])
@given(price=st.integers(1, 10**8), count=st.integers(17, 2**39), off=st.integers(-1, 1), flat=st.integers(0, 10**13))
def test_money_is_multiplied_and_divided_exactly(engine, loop, price, count, off, flat):
    limits = Limits({"cost_usd_total": flat + price * count + off})
    terms = terms_of((Owner(USER, f"u{next(NUMBERS)}", limits),), "m1")
    request = AdmissionRequest(terms, Demand(0, 0, 2**41, 1, 0, price, flat))
    reservation = loop.run_until_complete(engine.admit(request, START))
    assert reservation.allowance == (price * count + off) // price
    held = flat + reservation.allowance * price
    [[status]] = loop.run_until_complete(engine.status([(terms.owners[0].scope, limits.counts)], START))
    assert status.reserved == held


@pytest.mark.parametrize(
    ("name", "span"), [(name, COUNTED[name].span) for name in names if COUNTED[name].span in SLIDING]
)
def test_every_bucket_leaves_at_its_moment(engine, loop, name, span):
    grid, scope = SLIDING[span], ("user", f"u{next(NUMBERS)}")
    first = grid.bucket(START)
    past = [PastUse(scope, name, 10**number, grid.start(first + number)) for number in (0, 1, 2, 4)]
    memory, limits = MemoryCounters(), [(scope, {name: 5})]
    engine.given_time = bulk(b"%d" % START)
    moments = [grid.start(first + passed) + off for passed in (5, grid.buckets, grid.buckets + 1) for off in (-1, 0)]
    moments += [grid.start(first + grid.buckets + passed) + off for passed in (2, 3, 4, 5, 6) for off in (-1, 0)]
    for part in past:
        engine.given_time = bulk(b"%d" % part.at)
        loop.run_until_complete(memory.add([part]))
        loop.run_until_complete(engine.add([part]))
    for moment in moments:
        found = [loop.run_until_complete(each.status(limits, moment)) for each in (memory, engine)]
        assert found[0] == found[1], moment
        loop.run_until_complete(engine.add([PastUse(scope, name, 0, START)]))  # what has left is gone for good now


@pytest.mark.parametrize(("examples", "steps"), [(60, 15), (60, 50)])
def test_every_answer_is_that_of_the_rules(engine, loop, examples, steps):
    run_state_machine_as_test(
        type("Machine", (SameAsRules,), {"engine": engine, "loop": loop}),
        settings=settings(
            max_examples=int(os.environ.get("HISTORIES", examples)),
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=[*HealthCheck],
            phases=[Phase.generate],  # a history that fails is printed; to shorten it takes minutes
        ),
    )
