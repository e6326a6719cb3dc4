"""The order of candidates, by values, and against a slow model that sieves them step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tollkeeper.rules.routing import Candidate, Rotation, order, within_reach


def at(upstream: str, **fields: Any) -> Candidate:
    return Candidate(model="m", upstream=upstream, **fields)


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [each.upstream for each in candidates]


BETTER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"can_serve": True}, {"can_serve": False}),
    ({"entry": 0}, {"entry": 1}),
    ({"on_trial": False}, {"on_trial": True}),
    ({"priority": 0}, {"priority": 1}),
    ({"speaks_itself": True}, {"speaks_itself": False}),
    ({"has_affinity": True}, {"has_affinity": False}),
    ({"loaded": True}, {"loaded": False}),
    ({"in_flight": 0}, {"in_flight": 1}),
]
"""What makes one better than another, the most important first."""


@pytest.mark.parametrize("step", range(len(BETTER)))
def test_each_step_outweighs_all_that_come_after_it(step: int) -> None:
    """The better one in this step is the worse one in every later step, but for where affinity may not be that busy."""
    good, bad = dict(BETTER[step][0]), dict(BETTER[step][1])
    for better, worse in BETTER[step + 1 :]:
        good |= worse
        bad |= better
    first, second = at("b", place=5, **good), at("a", place=0, **bad)
    assert order([second, first], Rotation()) == [first, second]


@pytest.mark.parametrize(("busier", "first"), [(0, "b"), (2, "b"), (3, "a")])
def test_a_conversation_returns_unless_its_upstream_is_much_busier(busier: int, first: str) -> None:
    own, other = at("b", has_affinity=True, in_flight=4 + busier), at("a", in_flight=4)
    assert order([other, own], Rotation())[0].upstream == first


@pytest.mark.parametrize(("in_flight", "first"), [(6, "b"), (7, "a")])
def test_how_much_busier_goes_by_weight(in_flight: int, first: str) -> None:
    own, other = at("b", has_affinity=True, in_flight=in_flight, weight=3), at("a", in_flight=0, weight=1)
    assert order([other, own], Rotation())[0].upstream == first


def test_the_least_busy_of_another_priority_does_not_count() -> None:
    own, other = at("own", has_affinity=True, in_flight=9), at("other", in_flight=8)
    spare = at("spare", priority=1, in_flight=0)
    assert ids(order([spare, other, own], Rotation())) == ["own", "other", "spare"]


def test_a_conversation_does_not_wait_for_its_upstream() -> None:
    own, other = at("own", has_affinity=True, has_free_slot=False), at("other", in_flight=1)
    own_busier = replace(own, in_flight=2)
    assert ids(order([own_busier, other], Rotation())) == ["other", "own"]


def test_a_loaded_model_without_a_free_slot_is_no_better_than_one_not_loaded() -> None:
    full, cold = at("full", loaded=True, has_free_slot=False, in_flight=2), at("cold", loaded=False, in_flight=1)
    assert ids(order([full, cold], Rotation())) == ["cold", "full"]
    assert ids(order([replace(full, has_free_slot=True), cold], Rotation())) == ["full", "cold"]


def test_a_kind_that_does_not_show_what_is_loaded_has_all_at_hand() -> None:
    assert ids(order([at("cold", loaded=False), at("any", in_flight=5)], Rotation())) == ["any", "cold"]
    assert ids(order([at("any", in_flight=5, has_free_slot=False), at("warm", loaded=True)], Rotation())) == [
        "warm",
        "any",
    ]


def test_load_goes_by_weight() -> None:
    assert ids(order([at("a", in_flight=2, weight=1), at("b", in_flight=5, weight=3)], Rotation())) == ["b", "a"]


def test_equal_ones_begin_with_the_first_that_was_registered() -> None:
    assert ids(order([at("a", place=1), at("b", place=0)], Rotation())) == ["b", "a"]
    assert ids(order([at("b"), at("a")], Rotation())) == ["a", "b"]


# ── turns ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def turns(candidates: Sequence[Candidate], number: int) -> str:
    rotation = Rotation()
    return "".join(order(candidates, rotation)[0].upstream for _ in range(number))


def test_the_turns_are_those_of_nginx() -> None:
    """The example of its commit "Upstream: smooth weighted round-robin balancing"."""
    assert turns([at("a", weight=5), at("b", weight=1), at("c", weight=1)], 14) == "aabacaa" * 2


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 3, "b": 1}, {"a": 5, "b": 3, "c": 2}])
def test_idle_ones_share_by_weight(weights: dict[str, int]) -> None:
    rotation = Rotation()
    candidates = [at(name, weight=weight) for name, weight in weights.items()]
    found = Counter(order(candidates, rotation)[0].upstream for _ in range(1000))
    total = sum(weights.values())
    for name, weight in weights.items():
        assert abs(found[name] - 1000 * weight / total) < 1


@pytest.mark.parametrize("weights", [{"a": 1, "b": 1}, {"a": 3, "b": 1}])
@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 7, 40])
def test_busy_ones_share_by_weight(weights: dict[str, int], at_once: int) -> None:
    """So many requests run at once, and the oldest ends first."""
    rotation = Rotation()
    running: list[str] = []
    found: Counter[str] = Counter()
    for _ in range(1000):
        candidates = [at(name, weight=weight, in_flight=running.count(name)) for name, weight in weights.items()]
        chosen = order(candidates, rotation)[0].upstream
        found[chosen] += 1
        running = [*running, chosen][-at_once + 1 :] if at_once > 1 else []
    total = sum(weights.values())
    for name, weight in weights.items():
        share = 1000 * weight / total
        assert abs(found[name] - share) <= 0.05 * share


def test_two_models_that_alternate_both_use_both_upstreams() -> None:
    rotation = Rotation()
    found: Counter[tuple[str, str]] = Counter()
    for number in range(1000):
        candidates = [replace(at(name), model="mn"[number % 2]) for name in "ab"]
        best = order(candidates, rotation)[0]
        found[best.model, best.upstream] += 1
    assert set(found.values()) == {250}


def test_one_that_is_equal_for_a_while_only_gets_its_share_of_that_while() -> None:
    rotation = Rotation()
    always, sometimes = [at("a"), at("b")], at("c")
    found: Counter[str] = Counter()
    for number in range(1200):
        candidates = [*always, sometimes] if number % 2 else always
        found[order(candidates, rotation)[0].upstream] += 1
    assert abs(found["c"] - 200) <= 2
    assert abs(found["a"] - found["b"]) <= 2


def test_what_load_kept_out_for_long_does_not_get_all_requests_afterwards() -> None:
    rotation = Rotation()
    for _ in range(100):
        assert order([at("a"), at("b", in_flight=1)], rotation)[0].upstream == "a"
    found = Counter(order([at("a"), at("b")], rotation)[0].upstream for _ in range(20))
    assert found["a"] >= 6


def test_the_others_go_on_in_turns_where_the_first_always_fails() -> None:
    rotation = Rotation()
    found = Counter(order([at("a"), at("b"), at("c")], rotation)[1].upstream for _ in range(300))
    assert max(found.values()) < 150


def test_what_no_longer_exists_is_forgotten() -> None:
    rotation = Rotation()
    order([at("a"), at("b")], rotation)
    rotation.keep({("m", "b")})
    assert repr(rotation) == "Rotation({('m', 'b'): 0.5})"


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 9), min_size=1), st.integers(1, 4))
def test_a_whole_round_gives_each_its_weight(weights: dict[str, int], rounds: int) -> None:
    found = Counter(
        turns([at(name, weight=weight) for name, weight in weights.items()], rounds * sum(weights.values()))
    )
    assert found == Counter({name: weight * rounds for name, weight in weights.items()})


# ── against a model ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class SlowRouter:
    """Sieves the candidates step by step, as the specification reads, and then takes turns by exact credit."""

    credit: dict[str, Fraction] = field(default_factory=dict)

    def choose(self, candidates: list[Candidate]) -> Candidate:
        left = list(candidates)

        def sieve(good: Callable[[Candidate], bool]) -> None:
            left[:] = [each for each in left if good(each)] or left

        def smallest(value: Callable[[Candidate], Fraction | int]) -> None:
            least = min(map(value, left))
            sieve(lambda each: value(each) == least)

        sieve(lambda each: each.can_serve)
        smallest(lambda each: each.entry)
        sieve(lambda each: not each.on_trial)
        smallest(lambda each: each.priority)
        sieve(lambda each: each.speaks_itself)
        least = min(Fraction(each.in_flight, each.weight) for each in left)
        sieve(lambda each: each.has_affinity and each.has_free_slot and each.in_flight <= (least + 2) * each.weight)
        sieve(lambda each: each.loaded is None or (each.loaded and each.has_free_slot))
        total, lightest = sum(each.weight for each in left), min(each.weight for each in left)
        for each in left:
            self.add(each, Fraction(each.weight, total))
        smallest(lambda each: each.in_flight * lightest // each.weight)
        smallest(lambda each: -self.credit[each.upstream])
        chosen = min(left, key=lambda each: each.upstream)
        self.add(chosen, -1)
        return chosen

    def add(self, each: Candidate, amount: Fraction | int) -> None:
        credit = self.credit.get(each.upstream, 0) + amount
        self.credit[each.upstream] = max(Fraction(-3), min(Fraction(3), Fraction(credit)))


candidates = st.builds(
    Candidate,
    model=st.just("m"),
    upstream=st.sampled_from("abcd"),
    entry=st.integers(0, 1),
    place=st.just(0),
    can_serve=st.sampled_from([True, True, False]),
    on_trial=st.sampled_from([False, False, True]),
    priority=st.sampled_from([0, 0, 1]),
    speaks_itself=st.sampled_from([True, True, False]),
    in_flight=st.integers(0, 4),
    weight=st.sampled_from([1, 1, 2, 3]),
    has_free_slot=st.sampled_from([True, True, False]),
    loaded=st.sampled_from([None, None, True, False]),
    has_affinity=st.booleans(),
)
sets = st.lists(candidates, min_size=1, max_size=4, unique_by=lambda each: each.upstream)


@given(st.lists(sets, min_size=1, max_size=8))
def test_the_first_is_that_of_the_slow_model(requests: list[list[Candidate]]) -> None:
    rotation, slow = Rotation(), SlowRouter()
    for request in requests:
        assert order(request, rotation)[0] == slow.choose(request)


@given(sets.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_is_the_same_whatever_order_they_come_in(given: tuple[list[Candidate], list[Candidate]]) -> None:
    one, other = given
    found = order(one, Rotation())
    assert found == order(other, Rotation())
    assert sorted(ids(found)) == sorted(ids(one))


# ── where a request may wait ────────────────────────────────────────────────────────────────────────────────────────


def test_the_next_priority_is_out_of_reach_while_one_before_can_serve() -> None:
    first, second = at("a", wait=50.0, has_free_slot=False), at("b", priority=1)
    assert within_reach([first, second]) == [first]
    assert within_reach([replace(first, can_serve=False), second]) == [second]


@pytest.mark.parametrize(("wait", "found"), [(9.9, "a"), (10.0, "a"), (10.1, "ab")])
def test_a_wait_longer_than_was_set_spills_over(wait: float, found: str) -> None:
    for later in ({"priority": 1}, {"entry": 1}):
        reach = within_reach([at("a", wait=wait, spill_after=10.0), at("b", **later), at("c", entry=2, priority=2)])
        assert ids(reach) == list(found)


def test_one_whose_line_is_waited_in_keeps_the_request() -> None:
    spills, waits, later = at("a", wait=9.0, spill_after=1.0), at("b", wait=9.0), at("c", priority=1)
    assert within_reach([spills, waits, later]) == [spills, waits]


def test_several_entries_and_priorities_spill_one_after_the_other() -> None:
    chain = [
        at(name, wait=9.0, spill_after=1.0, entry=place // 2, priority=place % 2) for place, name in enumerate("abcd")
    ]
    assert ids(within_reach(chain)) == list("abcd")
    chain[2] = replace(chain[2], wait=0.0)
    assert ids(within_reach(chain)) == list("abc")


def test_one_on_trial_keeps_no_request_from_the_next() -> None:
    trial, healthy, last = at("a", on_trial=True), at("b", priority=1), at("c", priority=2)
    assert within_reach([healthy, trial, last]) == [healthy, trial]
    assert within_reach([trial]) == [trial]


def test_none_can_serve() -> None:
    assert within_reach([at("a", can_serve=False)]) == []
