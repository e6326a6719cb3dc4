"""The simulation of shared limits: designs keep what is promised, and it is seen when one does not."""

from __future__ import annotations

import random

import pytest
from bench.shared_counters import DESIGNS, REMEDIES, TROUBLE, first, many
from bench.shared_nodes import BOUND, Crowd, Design, Simulation, Trouble
from bench.shared_store import Audit, Call, Limit, Refused, Store

SEEDS = (1, 2, 3)
KEPT, *LEFT_OUT = REMEDIES


def crowd(seed: int) -> Crowd:
    """Four hundred users that all run out of something."""
    chance = random.Random(seed)
    limits = [Limit("requests_per_minute", chance.randint(20, 40), chance.randint(8_000, 16_000)) for _ in range(400)]
    return Crowd(limits, [0.5] * len(limits), 20, 100.0)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_no_design_lets_a_limit_be_exceeded(design: Design, seed: int) -> None:
    found = Simulation(design, crowd(seed), Trouble(), seed).run()
    assert found.refused > 0
    assert (found.over, found.over_users) == (0, 0)
    assert found.left_held == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_exceeded_nor_left_held_when_all_fails(seed: int) -> None:
    found = Simulation(KEPT, crowd(seed), TROUBLE, seed).run()
    assert found.stranded > 0
    assert found.unavailable > 0
    assert (found.over, found.over_users) == (0, 0)
    assert found.left_held == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("design", LEFT_OUT, ids=lambda design: design.name)
def test_each_remedy_is_needed(design: Design, seed: int) -> None:
    assert Simulation(design, crowd(seed), TROUBLE, seed).run().over > 0


def test_asking_for_each_refuses_nothing_for_nothing_and_slices_do() -> None:
    exact, sliced = (Simulation(design, crowd(1), Trouble(), 1).run() for design in DESIGNS[:2])
    assert exact.false == 0
    assert sliced.false > 0


def test_slices_of_a_node_save_the_first_user_what_slices_of_a_process_do_not() -> None:
    exact, _, node, process = (
        Simulation(design, Crowd([Limit("requests_per_minute", 10**6, 10**9)], [400.0], 20, 10.0), Trouble(), 1).run()
        for design in DESIGNS
    )
    assert node.steadily < exact.steadily / 4
    assert process.steadily > exact.steadily / 2


def test_the_same_seed_is_the_same_history() -> None:
    runs = [Simulation(KEPT, crowd(seed), TROUBLE, seed).run() for seed in (7, 7, 8)]
    assert runs[0] == runs[1] != runs[2]


def test_a_slice_of_the_users_asks_as_often_as_the_whole() -> None:
    rate = 10_000
    everyone = many(rate, 1, count=100_000)
    sample = many(rate, 1, count=1_000)
    assert sum(sample.rates) * 100 == pytest.approx(sum(everyone.rates), rel=0.02)
    assert sum(everyone.rates) == pytest.approx(rate, rel=0.02)
    assert first(rate).rates[0] > max(everyone.rates)  # each user alone


def a_call(number: int, used: int = 100) -> Call:
    return Call(number, 0, 0, BOUND, used, 0.0)


def left(store: Store) -> list[int]:
    return [gate.limit - gate.counter.held - gate.counter.window.used(1_000) for gate in store.gates[0]]


def test_a_lapsed_hold_counts_whole_until_its_node_tells() -> None:
    store, call = Store([Limit("requests_per_minute", 10, 1_000)]), a_call(1)
    store.take(call, 0)
    assert store.lapse(0, 10) == 1
    assert left(store) == [9, 300]
    store.settle(call, 100, 20)
    assert left(store) == [9, 900]


def test_what_a_failover_lost_is_told_again_once() -> None:
    store, call = Store([Limit("requests_per_minute", 10, 1_000)], lag=100), a_call(1)
    store.take(call, 50)
    call.ended, call.told = 60.0, True
    store.settle(call, call.used, 60)
    store.fail_over(120)
    assert left(store) == [10, 1_000]
    store.tell_again(call, 120)
    store.tell_again(call, 121)
    store.settle(call, call.used, 122)
    assert left(store) == [9, 900]


def test_a_slice_is_no_more_than_is_left_and_what_is_not_used_comes_back() -> None:
    store = Store([Limit("requests_per_minute", 10, 1_000)])
    assert store.slice(0, (5, 5_000), 1.0, (1, 700), 0) == [5, 1_000]
    assert store.slice(0, (1, 700), 1.0, (1, 700), 0) == [0, 0]
    with pytest.raises(Refused):
        store.take(a_call(1), 0)
    store.report(0, (2, 300), (3, 700), 5)
    assert left(store) == [8, 700]


def test_the_audit_sees_what_is_exceeded() -> None:
    audit = Audit([Limit("requests_per_minute", 2, 1_000)])
    calls = [a_call(number, 600) for number in range(3)]
    audit.admitted(calls[0], 0.0)
    audit.admitted(calls[1], 1.0)
    assert not audit.would_admit(calls[2], 59_999.0)
    assert audit.over == 0
    audit.admitted(calls[2], 59_999.0)
    assert audit.over == 0.5
    for call in calls[:2]:
        audit.ended(call, 600, 60_000.0)
    assert audit.over_users == {0}
    assert audit.over == 0.5  # of requests; 1,200 of 1,000 tokens are less


def test_slices_and_nodes_that_fail_are_not_simulated_together() -> None:
    with pytest.raises(ValueError, match="not simulated"):
        Simulation(DESIGNS[1], crowd(1), TROUBLE, 1)
