"""Which sums add up to those of a span of time, with the fewest rows: whole months, days and hours, or a whole one
without what is not of the span."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from tollkeeper.rules.times import month_bounds
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS

Level = Literal["month", "day", "hour"]


class Range(NamedTuple):
    """Sums of one level from `start` on and before `end`, to add (`sign` 1) or to subtract (-1)."""

    sign: int
    level: Level
    start: int
    end: int


def _month_of(at: int) -> tuple[int, int]:
    return month_bounds(at)


def _day_of(at: int) -> tuple[int, int]:
    start = at - at % DAY_MS
    return start, start + DAY_MS


_UNITS: Mapping[Level, Callable[[int], tuple[int, int]]] = {"month": _month_of, "day": _day_of}


def next_hour(at: int) -> int:
    """The beginning of the first hour that begins at a moment or later."""
    return -(-at // HOUR_MS) * HOUR_MS


def is_unit(part: Range) -> bool:
    """Whether a range is one month or one day."""
    return part.level in _UNITS and _UNITS[part.level](part.start) == (part.start, part.end)


def cover(start: int, end: int, known: tuple[int, int], sizes: Mapping[Level, int]) -> list[Range]:
    """Ranges that add up to a span of whole hours. `known` is the span in which there are sums at all: what is outside
    it is neither read nor missed. `sizes` are the rows of a unit of each level that may be used, in proportion, the
    longest level first, and the last one "hour"."""
    parts = _Cover(known, sizes).parts(start, end, tuple(sizes))
    return list(_joined(sorted(parts)))


class _Cover:
    def __init__(self, known: tuple[int, int], sizes: Mapping[Level, int]) -> None:
        self._known = known
        self._sizes = sizes

    def parts(self, start: int, end: int, levels: Sequence[Level]) -> list[Range]:
        start, end = self._clipped(start, end)
        if start >= end:
            return []
        level, *finer = levels
        if not finer:
            return [Range(1, level, start, end)]
        found = []
        while start < end:
            first, last = _UNITS[level](start)
            found += self._of_unit(start, min(end, last), Range(1, level, first, last), finer)
            start = last
        return found

    def _of_unit(self, start: int, end: int, unit: Range, finer: Sequence[Level]) -> list[Range]:
        if (start, end) == self._clipped(unit.start, unit.end):
            return [unit]
        direct = self.parts(start, end, finer)
        rest = [*self.parts(unit.start, start, finer), *self.parts(end, unit.end, finer)]
        without = [unit, *(each._replace(sign=-each.sign) for each in rest)]
        return min(direct, without, key=self._rows)

    def _rows(self, ranges: Sequence[Range]) -> int:
        # A month or day is one unit here; hours may be many in one range.
        return sum(
            self._sizes[each.level] * ((each.end - each.start) // HOUR_MS if each.level == "hour" else 1)
            for each in ranges
        )

    def _clipped(self, start: int, end: int) -> tuple[int, int]:
        return max(start, self._known[0]), min(end, self._known[1])


def _joined(ranges: Sequence[Range]) -> Iterator[Range]:
    """Neighbours as one range."""
    last: Range | None = None
    for each in ranges:
        if last is not None and (each.sign, each.level, each.start) == (last.sign, last.level, last.end):
            last = last._replace(end=each.end)
            continue
        if last is not None:
            yield last
        last = each
    if last is not None:
        yield last
