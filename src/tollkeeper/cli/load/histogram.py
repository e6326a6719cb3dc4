"""A histogram of any number of durations, in little memory.

The buckets are those of HdrHistogram (Gil Tene): each doubling of the value is divided into the same number of buckets
of equal width, so that the width of a bucket is a bounded share of its values. A shift finds the bucket of a value.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

from tollkeeper.cli.load.result import Bar, Distribution

_BITS = 10
"""1,024 buckets in each doubling: a bucket is narrower than a thousandth of its values. A percentile is the middle of
its bucket, so it is off by at most half of that."""
_BARS = 48
_NARROWEST = 8 / 2**_BITS
"""Least width of a bar, as a share of its lower end."""
_SHORTEST = 1e-6
"""Lower end of the bars: a logarithmic scale has no 0."""


class Histogram:
    """Durations in seconds, kept in nanoseconds. Counts are exact, as are fastest, slowest and average."""

    __slots__ = ("_buckets", "count", "fastest", "slowest", "total")

    def __init__(self) -> None:
        self._buckets: defaultdict[int, int] = defaultdict(int)
        self.count = 0
        self.total = 0.0
        self.fastest = math.inf
        self.slowest = 0.0

    def __len__(self) -> int:
        """Number of buckets that are not empty."""
        return len(self._buckets)

    def record(self, seconds: float) -> None:
        """Add a duration of 0 or more."""
        nanos = int(seconds * 1e9)
        shift = nanos.bit_length() - _BITS - 1
        self._buckets[nanos if shift <= 0 else (shift << _BITS) + (nanos >> shift)] += 1
        self.count += 1
        self.total += seconds
        if seconds < self.fastest:  # noqa: PLR1730 (a call of min would double the cost of this method)
            self.fastest = seconds
        if seconds > self.slowest:  # noqa: PLR1730
            self.slowest = seconds

    def quantile(self, share: float) -> float:
        """The smallest duration that at least `share` of all do not exceed; 0 if the histogram is empty."""
        rank, seen = max(1, math.ceil(share * self.count)), 0
        for seconds, count in self._sorted():
            seen += count
            if seen >= rank:
                return seconds
        return 0.0

    def distribution(self) -> Distribution:
        """Summarize the durations."""
        if not self.count:
            return Distribution()
        p50, p90, p99, p999 = map(self.quantile, (0.5, 0.9, 0.99, 0.999))
        average = self.total / self.count
        return Distribution(
            self.count, self.fastest, average, p50, p90, p99, p999, self.slowest, self._bars()
        )  # fmt: skip

    def _bars(self) -> list[Bar]:
        """Bars from the fastest to the slowest, equally wide on a logarithmic scale; fewer bars if they would become
        narrower than the buckets. Durations below a microsecond are in the first."""
        low = max(self.fastest, _SHORTEST)
        span = math.log(max(self.slowest, low) / low)
        number = max(1, min(_BARS, int(span / _NARROWEST)))
        counts = [0] * number
        for seconds, count in self._sorted():
            share = math.log(seconds / low) / span if seconds > low else 0
            counts[min(number - 1, int(share * number))] += count
        edges = [low * math.exp(span * place / number) for place in range(1, number)]
        return [*map(Bar, [self.fastest, *edges], [*edges, self.slowest], counts)]

    def _sorted(self) -> Iterator[tuple[float, int]]:
        """The middle of each bucket, between the fastest and the slowest, and its count; in ascending order."""
        for bucket, count in sorted(self._buckets.items()):
            shift = max(0, (bucket >> _BITS) - 1)
            middle = ((bucket - (shift << _BITS)) << shift) + (1 << shift) / 2
            yield min(max(middle / 1e9, self.fastest), self.slowest), count
