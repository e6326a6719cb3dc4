from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.recent import RecentCount


def test_an_event_counts_for_its_time_and_no_longer() -> None:
    recent = RecentCount(10.0)
    recent.add(100.0)
    assert recent.total(109.4) == 1
    assert recent.total(110.0) == 0


def test_a_long_pause_forgets_all_of_them() -> None:
    recent = RecentCount(10.0)
    recent.add(100.0)
    recent.add(109.0)
    assert recent.total(119.75) == 0


@given(st.lists(st.integers(0, 4000), max_size=60))
def test_it_agrees_with_a_list_of_all_events(gaps: list[int]) -> None:
    recent, now, events = RecentCount(10.0), 1000.0, list[float]()
    for gap in gaps:
        now += gap / 1000
        recent.add(now)
        events.append(now)
        surely = sum(now - each < 9.5 for each in events)
        perhaps = sum(now - each < 10.0 for each in events)
        assert surely <= recent.total(now) <= perhaps
