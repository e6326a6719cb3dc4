from __future__ import annotations

import pytest
from bench.table import HEADINGS, line, lines, number, spread

from tests.bench.rows import row


def test_a_line_has_median_spread_and_the_ratio_of_rounds():
    nginx, ours = lines([row("nginx", "answers", 10, 30, 20), row("tollkeeper", "answers", 5, 60, 30)])
    assert nginx.split() == ["closed", "answers", "nginx", "/s", "20", "10", "…", "30", "1.5", "×", "0.5", "…", "2"]
    assert ours.split() == ["closed", "answers", "tollkeeper", "/s", "30", "5", "…", "60"]


def test_one_round_has_no_spread():
    assert spread([3.0]) == ""


def test_columns_stand_below_their_headings():
    heading = line(HEADINGS)
    [shown] = lines([row("nginx", "answers", 1234.5, 1234.5)])
    assert shown.index("nginx") == heading.index("contender")
    assert shown.index("1,234") + len("1,234") == heading.index("median") + len("median")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (12, "12"), (99.96, "100"), (1234567.8, "1,234,568"), (0.01234, "0.0123"), (-3.21987, "-3.22")],
)
def test_numbers(value: float, shown: str):
    assert number(value) == shown
