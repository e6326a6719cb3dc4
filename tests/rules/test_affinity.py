from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.affinity import Affinity


def test_a_conversation_is_known_by_its_model_and_key() -> None:
    affinity = Affinity()
    affinity.served("m", "k", "a", 0.0)
    assert affinity.upstream("m", "k", 1.0) == "a"
    assert affinity.upstream("n", "k", 1.0) is None
    assert affinity.upstream("m", "l", 1.0) is None
    affinity.served("m", "k", "b", 2.0)
    assert affinity.upstream("m", "k", 3.0) == "b"


def test_an_hour_after_it_was_served_it_is_forgotten() -> None:
    affinity = Affinity()
    affinity.served("m", "k", "a", 0.0)
    affinity.served("m", "k", "a", 100.0)
    assert affinity.upstream("m", "k", 3699.9) == "a"
    assert affinity.upstream("m", "k", 3700.0) is None
    affinity.served("m", "l", "a", 3700.0)
    assert len(affinity) == 1


def test_ten_thousand_are_remembered() -> None:
    affinity = Affinity()
    for number in range(10_001):
        affinity.served("m", str(number), "a", 0.0)
    assert len(affinity) == 10_000
    assert affinity.upstream("m", "0", 0.0) is None
    assert affinity.upstream("m", "1", 0.0) == "a"


def test_the_one_that_was_served_longest_ago_is_forgotten_first() -> None:
    affinity = Affinity(most=2)
    for key in "klkm":
        affinity.served("m", key, "a", 0.0)
    assert [affinity.upstream("m", key, 0.0) for key in "klm"] == ["a", None, "a"]


served = st.tuples(st.sampled_from("kl"), st.sampled_from("ab"), st.integers(0, 5))


@given(st.lists(served, max_size=30))
def test_it_agrees_with_the_whole_history(history: list[tuple[str, str, int]]) -> None:
    affinity, now, seen = Affinity(most=100, kept=10.0), 0.0, {}
    for key, upstream, later in history:
        now += later
        affinity.served("m", key, upstream, now)
        seen[key] = (upstream, now)
        for each in "kl":
            known = seen.get(each)
            fresh = known is not None and now - known[1] < 10
            assert affinity.upstream("m", each, now) == (known[0] if known and fresh else None)
