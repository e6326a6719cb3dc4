from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.turns import INTERNAL, FairQueue, QueueFull, Requester


def line(per_address: int = 4, most: int = 8) -> FairQueue[str]:
    return FairQueue(per_address=per_address, most=most)


def fill(waiting: FairQueue[str], *places: str) -> None:
    """Each "address/name" joins as itself."""
    for place in places:
        waiting.join(Requester(*place.split("/")), place)


def drained(waiting: FairQueue[str]) -> list[str]:
    order = []
    while (item := waiting.next()) is not None:
        order.append(item)
    assert (len(waiting), waiting.addresses) == (0, 0)
    return order


def test_addresses_and_within_them_names_have_their_turns():
    waiting = line()
    fill(waiting, "a/x", "a/x", "a/y", "b/z", "c/z", "b/z")
    assert drained(waiting) == ["a/x", "b/z", "c/z", "a/y", "b/z", "a/x"]


def test_a_newcomer_at_an_address_takes_the_place_of_the_name_that_has_most():
    waiting = line()
    fill(waiting, "a/x", "a/x", "a/x", "a/x")
    with pytest.raises(QueueFull):
        waiting.join(Requester("a", "x"), "one more")
    assert waiting.join(Requester("a", "y"), "y1") == "a/x"
    assert waiting.join(Requester("a", "y"), "y2") == "a/x"
    with pytest.raises(QueueFull):
        waiting.join(Requester("a", "y"), "y3")
    assert waiting.join(Requester("a", "z"), "z1") in {"a/x", "y2"}
    assert len(waiting) == 4


def test_a_newcomer_from_elsewhere_takes_the_place_of_the_address_that_has_most():
    waiting = line(most=5)
    fill(waiting, "a/x", "a/y", "a/z", "b/x", "b/y")
    assert waiting.join(Requester("c", "x"), "c1") in {"a/x", "a/y", "a/z"}
    with pytest.raises(QueueFull):
        waiting.join(Requester("c", "x"), "c2")
    assert drained(waiting).count("c1") == 1


def test_the_house_has_room_of_its_own():
    waiting = line(most=2)
    fill(waiting, "a/x", "b/x")
    for number in range(2):
        assert waiting.join(INTERNAL, f"house {number}") is None
    with pytest.raises(QueueFull):
        waiting.join(INTERNAL, "house 2")
    with pytest.raises(QueueFull):
        waiting.join(Requester("c", "x"), "c")
    assert drained(waiting) == ["a/x", "b/x", "house 0", "house 1"]


def test_who_leaves_is_out_and_leaving_twice_is_nothing():
    waiting = line()
    fill(waiting, "a/x", "a/y")
    for _ in range(2):
        waiting.leave(Requester("a", "x"), "a/x")
    waiting.leave(Requester("q", "q"), "q/q")
    assert drained(waiting) == ["a/y"]
    assert repr(waiting) == "FairQueue(0 of 0 addresses)"


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60))
def test_bounds_hold_and_nothing_is_lost(arrivals):
    waiting: FairQueue[int] = FairQueue(per_address=3, most=7)
    inside: Counter[int] = Counter()
    for number, (address, name) in enumerate(arrivals):
        try:
            gone = waiting.join(Requester(address, name), number)
        except QueueFull:
            continue
        inside[number] += 1
        if gone is not None:
            inside[gone] -= 1
        assert len(waiting) == inside.total() <= 7
    order = []
    while (item := waiting.next()) is not None:
        order.append(item)
    assert sorted(order) == sorted(inside.elements())
    per_address = Counter(arrivals[number][0] for number in order)
    assert all(count <= 3 for count in per_address.values())
    # In the first round each address has one turn.
    first = [arrivals[number][0] for number in order[: len(per_address)]]
    assert sorted(first) == sorted(per_address)
