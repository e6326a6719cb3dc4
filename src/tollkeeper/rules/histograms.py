"""Histograms with fixed buckets: durations are counted by bucket, counts of any rows can be added up, and percentiles
are read from the sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
"""Upper bounds of the buckets, included, in milliseconds; a last bucket holds what is longer. Stored counts depend on
them: they must never change."""
BUCKETS = len(BOUNDS_MS) + 1


class Percentiles(NamedTuple):
    """Durations in milliseconds that half, and 95 of 100, did not exceed."""

    p50: int
    p95: int


bucket_of: Callable[[int], int] = partial(bisect_left, BOUNDS_MS)
"""The number of the bucket that a duration in milliseconds is counted in, from 0 to `BUCKETS` - 1."""


def percentiles(counts: Sequence[int]) -> Percentiles | None:
    """Percentiles from the counts of all buckets; None where nothing was counted. Within a bucket, durations are taken
    to be spread evenly, as Prometheus' histogram_quantile does; of the last bucket, only its lower bound is known.
    Halves are rounded up: whole numbers alone, so that a database that orders by them computes the same."""
    total = sum(counts)
    return None if total <= 0 else Percentiles(_quantile(counts, total, 50), _quantile(counts, total, 95))


def _quantile(counts: Sequence[int], total: int, hundredths: int) -> int:
    below = 0
    for bucket, (bound, count) in enumerate(zip(BOUNDS_MS, counts, strict=False)):
        if 100 * (below + count) >= hundredths * total:
            lower = BOUNDS_MS[bucket - 1] if bucket else 0
            part = 100 * count
            return lower + (2 * (bound - lower) * (hundredths * total - 100 * below) + part) // (2 * part)
        below += count
    return BOUNDS_MS[-1]
