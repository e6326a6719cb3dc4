"""The bench of dialects: every case is streamed, and served in the way that it names."""

from __future__ import annotations

import pytest

from bench import dialects

EVENTS = 12


@pytest.mark.process
def test_every_case_is_measured() -> None:
    """`measure` raises where another format than the case's served it."""
    figures = dialects.run(EVENTS, rounds=1)
    assert set(figures) == set(dialects.CASES)
    assert all(found > 0 for each in figures.values() for found in each)
