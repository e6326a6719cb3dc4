from __future__ import annotations

import pytest

from tollkeeper.rules.retention import cut_off

DAY = 86_400_000


@pytest.mark.parametrize(
    ("now", "newest", "before"),
    [
        (100, 100, 70),
        (100, 99, 70),
        (100, 98, 69),  # nothing was recorded for two days
        (140, 100, 71),  # a clock that is 40 days ahead
        (100, 140, 70),  # and one that was: its records do not make the others old
    ],
)
def test_deleting_goes_by_the_clock_as_far_as_the_records_bear_it_out(now: int, newest: int, before: int) -> None:
    assert cut_off(30, now * DAY, newest * DAY) == ((now - 30) * DAY, before * DAY)
