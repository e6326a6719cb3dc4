"""Windows of limits: how much was used in a span of time.

    pace     second, minute, hour: sliding, in 60 buckets
    budget   day: sliding, in 72 buckets of 20 minutes · month: the calendar's, UTC · total: for ever

A sliding window of length T in n buckets counts the bucket of this moment and the n before it, the oldest of them whole
though the window only begins within it. So no window of length T, wherever it lies, ever holds more than the limit, and
a refusal comes at most one bucket early. Times are milliseconds since the epoch; amounts may be negative (corrections).

A clock may be set back: then amounts counted for future moments count too, up to T ahead of the present, since a window
that holds the present may hold those. What lies further ahead counts when its time has come.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NamedTuple

Span = Literal["now", "second", "minute", "hour", "day", "month", "total"]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Grid(NamedTuple):
    """The grid of a sliding window: its length in milliseconds, and its number of buckets."""

    length: int
    buckets: int

    def bucket(self, at: int) -> int:
        """The bucket that holds the moment `at`."""
        return at * self.buckets // self.length

    def start(self, index: int) -> int:
        """The first millisecond of a bucket."""
        return -(-index * self.length // self.buckets)


SLIDING: dict[Span, Grid] = {
    "second": Grid(SECOND, 60),
    "minute": Grid(MINUTE, 60),
    "hour": Grid(HOUR, 60),
    "day": Grid(DAY, 72),
}


class SlidingWindow:
    """Amounts of the last `grid.length` milliseconds. Holds an entry for each bucket in use, and as many expired ones:
    a clock that is set back may need them again."""

    __slots__ = ("_buckets", "_clear", "_expired", "_from", "_grid", "_newest", "_sum", "_until")

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        # Lists, not deques: those take ten times the memory while they are empty, and there is a window for each limit.
        self._buckets: list[list[int]] = []
        self._expired: list[list[int]] = []
        self._sum = 0
        # The newest bucket, when it leaves the window, and the time in which all buckets belong to the window that ends
        # in it: nearly every query is for such a moment, and costs half as much as one that searches for its bucket.
        self._newest: list[int] = []
        self._from = self._until = self._clear = 0

    def __repr__(self) -> str:
        return f"SlidingWindow({self._grid.length} ms, sum {self._sum} in {len(self._buckets)} buckets)"

    def add(self, amount: int, at: int) -> None:
        """Count `amount` at `at`. A moment before the newest bucket (after a clock was set back) counts in its own
        bucket, which leaves the window when its time comes."""
        self._sum += amount
        if self._from <= at < self._until:
            self._newest[1] += amount
            return
        index = self._grid.bucket(at)
        buckets = self._buckets
        place = len(buckets)
        while place and buckets[place - 1][0] > index:
            place -= 1
        if place and buckets[place - 1][0] == index:
            buckets[place - 1][1] += amount
            return
        buckets.insert(place, [index, amount])
        while buckets[0][0] < index - self._grid.buckets:
            self._sum -= buckets[0][1]
            self._expired.append(buckets.pop(0))
        del self._expired[: -self._grid.buckets - 1]
        self._newest = buckets[-1]
        newest = self._newest[0]
        self._clear = self._grid.start(newest + self._grid.buckets + 1)
        whole = buckets[0][0] >= newest - self._grid.buckets  # not so where the clock was set back
        self._from, self._until = (self._grid.start(newest), self._grid.start(newest + 1)) if whole else (0, 0)

    def used(self, at: int) -> int:
        """The sum of the window that ends at `at`, and of later amounts that may share a window with that moment."""
        if self._from <= at < self._until:
            return self._sum
        index = self._grid.bucket(at)
        oldest = index - self._grid.buckets
        if self._buckets and index < self._newest[0]:
            latest = index + self._grid.buckets
            return sum(amount for other, amount in (*self._expired, *self._buckets) if oldest <= other <= latest)
        left = self._sum
        for other, amount in self._buckets:
            if other >= oldest:
                break
            left -= amount
        return left

    def room_at(self, most: int, at: int) -> int | None:
        """The first moment from `at` on at which the window holds at most `most` if nothing is added; None: never."""
        if self.used(at) <= most:
            return at
        for index in sorted({index for index, _ in (*self._expired, *self._buckets)}):
            leaves = self._grid.start(index + self._grid.buckets + 1)
            if leaves > at and self.used(leaves) <= most:
                return leaves
        return None

    def clear_at(self, at: int) -> int | None:
        """When the window will be empty if nothing is added. None: it is empty already, or never will be."""
        return self._clear if self.used(at) else None


class MonthWindow:
    """Amounts of each calendar month, UTC."""

    __slots__ = ("_from", "_month", "_sums", "_until")

    def __init__(self) -> None:
        self._sums: dict[int, int] = {}
        self._month = self._from = self._until = 0  # the month of the last query, and its bounds

    def __repr__(self) -> str:
        return f"MonthWindow({self._sums})"

    def add(self, amount: int, at: int) -> None:
        month = self._month_of(at)
        self._sums[month] = self._sums.get(month, 0) + amount  # all are kept: a clock may be set back to any

    def used(self, at: int) -> int:
        return self._sums.get(self._month_of(at), 0)

    def room_at(self, most: int, at: int) -> int | None:
        return at if self.used(at) <= most else next_month(at) if most >= 0 else None

    def clear_at(self, at: int) -> int | None:
        return next_month(at) if self.used(at) else None

    def _month_of(self, at: int) -> int:
        if not self._from <= at < self._until:
            self._month = month_of(at)
            self._from, self._until = month_start(self._month), month_start(self._month + 1)
        return self._month


class TotalWindow:
    """Amounts of all time."""

    __slots__ = ("_sum",)

    def __init__(self) -> None:
        self._sum = 0

    def __repr__(self) -> str:
        return f"TotalWindow({self._sum})"

    def add(self, amount: int, at: int) -> None:  # noqa: ARG002 (a window like the others)
        self._sum += amount

    def used(self, at: int) -> int:  # noqa: ARG002
        return self._sum

    def room_at(self, most: int, at: int) -> int | None:
        return at if self._sum <= most else None

    def clear_at(self, at: int) -> int | None:  # noqa: ARG002
        return None


class NowWindow:
    """Window of the present moment, which keeps nothing: for limits on running requests, which are only held."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NowWindow()"

    def add(self, amount: int, at: int) -> None:
        """Do nothing: past usage does not count."""

    def used(self, at: int) -> int:  # noqa: ARG002
        return 0

    def room_at(self, most: int, at: int) -> int | None:
        return at if most >= 0 else None

    def clear_at(self, at: int) -> int | None:  # noqa: ARG002
        return None


Window = SlidingWindow | MonthWindow | TotalWindow | NowWindow


def new_window(span: Span) -> Window:
    """An empty window for a span."""
    if span == "month":
        return MonthWindow()
    if span == "total":
        return TotalWindow()
    if span == "now":
        return NowWindow()
    return SlidingWindow(SLIDING[span])


def month_of(at: int) -> int:
    """Months since year 0 of the month that holds `at`, UTC."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return moment.year * 12 + moment.month - 1


def month_start(month: int) -> int:
    """The first millisecond of a month."""
    return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


def next_month(at: int) -> int:
    """The first millisecond of the month after the one that holds `at`."""
    return month_start(month_of(at) + 1)
