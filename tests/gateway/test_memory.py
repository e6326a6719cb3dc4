"""Bytes of bodies in memory: never over their bound, and all given back."""

import pytest

from tollkeeper.gateway.memory import FREE, RequestMemory, ResponseMemory, Share
from tollkeeper.rules.errors import ServerOverloaded


def test_a_budget_may_be_full_and_no_more():
    memory = RequestMemory(10)
    memory.take(4)
    memory.take(6)
    with pytest.raises(ServerOverloaded) as refused:
        memory.take(1)
    assert (memory.held, refused.value.retry_after) == (10, 1)
    memory.give_back(6)
    assert memory.held == 4


def test_short_responses_are_not_counted():
    memory = ResponseMemory(FREE)
    shares = [Share(memory) for _ in range(3)]
    for share in shares:
        share.resize(FREE)
    assert memory.held == 0


def test_a_share_grows_and_shrinks_and_ends_with_nothing():
    memory = ResponseMemory(4 * FREE)
    share = Share(memory)
    for size, held in ((2 * FREE, 2 * FREE), (3 * FREE, 3 * FREE), (FREE + 1, FREE + 1), (FREE, 0), (0, 0)):
        share.resize(size)
        assert memory.held == share.held == held


def test_a_share_that_is_refused_keeps_what_it_had():
    memory = ResponseMemory(3 * FREE)
    one, other = Share(memory), Share(memory)
    one.resize(2 * FREE)
    with pytest.raises(ServerOverloaded, match="large responses"):
        other.resize(2 * FREE)
    assert (one.held, other.held, memory.held) == (2 * FREE, 0, 2 * FREE)
