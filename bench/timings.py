"""How long repeated questions took, as a table: the first answer, the median of the others and the slowest, and the CPU
at the median of the others."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

HEAD = f"{'milliseconds':34}{'first':>9}{'median':>9}{'slowest':>9}{'CPU':>9}"


class Timing(NamedTuple):
    """Seconds of one answer: that passed, and of CPU."""

    wall: float
    cpu: float


def say(name: str, rounds: Sequence[Timing]) -> None:
    """Print the row of a question; only the first answer of one that was asked once."""
    figures = f"{rounds[0].wall * 1000:9,.0f}"
    if others := rounds[1:]:
        walls = [timing.wall * 1000 for timing in others]
        cpu = median(timing.cpu * 1000 for timing in others)
        figures += f"{median(walls):9,.1f}{max(walls):9,.1f}{cpu:9,.1f}"
    print(f"{name:34}{figures}", flush=True)
