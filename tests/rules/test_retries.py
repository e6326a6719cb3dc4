"""When a delivery that failed is tried again."""

import pytest

from tollkeeper.rules.retries import LONGEST_MS, TRIED_FOR_MS, next_try

MIDDLE = 0.5


@pytest.mark.parametrize(("tries", "seconds"), [(1, 5), (2, 15), (3, 45), (4, 135), (9, 14_400), (99, 14_400)])
def test_intervals_grow_to_a_longest(tries: int, seconds: int) -> None:
    assert next_try(tries, 0, 0, MIDDLE) == seconds * 1000


def test_chance_makes_an_interval_a_fifth_longer_or_shorter() -> None:
    assert (next_try(1, 0, 0, 0.0), next_try(1, 0, 0, 0.9999999)) == (4_000, 6_000)


def test_it_is_given_up_after_a_day() -> None:
    assert next_try(1, 0, TRIED_FOR_MS - 5_001, MIDDLE) == TRIED_FOR_MS - 1
    assert next_try(1, 0, TRIED_FOR_MS - 5_000, MIDDLE) is None


@pytest.mark.parametrize("chance", [0.0, MIDDLE, 0.9999999])
def test_a_day_holds_over_ten_tries(chance: float) -> None:
    now, tries = 0, 1
    while (again := next_try(tries, 0, now, chance)) is not None:
        assert now < again <= now + LONGEST_MS * 1.2
        now, tries = again, tries + 1
    assert tries > 10
