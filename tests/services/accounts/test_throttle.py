from __future__ import annotations

import pytest

from tests.services.in_memory import Clock
from tollkeeper.services.accounts.throttle import FORGET_MS, Throttle


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return Throttle(clock, free=3, longest_ms=10_000, most=4)


def test_some_are_free_and_each_further_one_waits_twice_as_long(throttle):
    waits = []
    for _ in range(9):
        waits.append(throttle.wait_ms("ann"))
        throttle.count("ann")
    assert waits == [0, 0, 0, 1000, 2000, 4000, 8000, 10_000, 10_000]


def test_who_has_waited_may_try(throttle, clock):
    for _ in range(5):
        throttle.count("ann")
    clock.ms += throttle.wait_ms("ann") - 1
    assert throttle.wait_ms("ann") == 1
    clock.ms += 1
    assert throttle.wait_ms("ann") == 0


def test_one_name_does_not_slow_another(throttle):
    for _ in range(5):
        throttle.count("ann")
    assert throttle.wait_ms("bob") == 0


def test_what_is_taken_back_or_cleared_does_not_count(throttle):
    for _ in range(4):
        throttle.count("ann")
    throttle.take_back("ann")
    assert throttle.wait_ms("ann") == 1000
    throttle.take_back("ann")
    assert throttle.wait_ms("ann") == 0
    for _ in range(4):
        throttle.count("ann")
    throttle.clear("ann")
    assert throttle.wait_ms("ann") == 0
    throttle.take_back("nobody")
    throttle.clear("nobody")


def test_after_a_while_all_is_forgotten(throttle, clock):
    for _ in range(9):
        throttle.count("ann")
    clock.ms += FORGET_MS
    throttle.count("ann")
    assert throttle.wait_ms("ann") == 0


def test_an_attempt_now_and_then_does_not_wait_for_ever(throttle, clock):
    for _ in range(10_000):
        throttle.count("ann")
    assert throttle.wait_ms("ann") == 10_000


def test_memory_is_bounded_and_the_oldest_goes_first(throttle, clock):
    for name in ("ann", "bob", "cid", "dan"):
        for _ in range(4):
            throttle.count(name)
    throttle.count("ann")  # the last attempt counts, not the first
    throttle.count("eve")
    slowed = [name for name in ("ann", "bob", "cid", "dan", "eve") if throttle.wait_ms(name)]
    assert slowed == ["ann", "cid", "dan"]


def test_a_clock_that_is_set_back_keeps_nobody_out(throttle, clock):
    for _ in range(5):
        throttle.count("ann")
    clock.ms -= 40 * 86_400_000
    assert throttle.wait_ms("ann") == 4000
    clock.ms += 4000
    assert throttle.wait_ms("ann") == 0
