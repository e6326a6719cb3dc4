"""The live view: the state of the gateway for a dashboard, once a second, the same for all viewers.

Without viewers it only takes a sample of the metrics each second.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping
from heapq import nsmallest

from msgspec import Struct

from tollkeeper.rules.errors import LedgerUnavailable
from tollkeeper.services.accounts.directory import Directory
from tollkeeper.services.ledger.commits import COMMIT_PATIENCE
from tollkeeper.services.streams import OpenStreams, Ticks, every_second
from tollkeeper.services.watching.metrics import Metrics, Sums
from tollkeeper.services.watching.pool import Pool, UpstreamHealth
from tollkeeper.services.watching.totals import RunningTotals, Tally

KEPT = 300
"""Points kept in the series."""
RATED = 10
"""Ticks over which rates are averaged."""
MOST_WAITING = 10
"""The most users who are told for their requests in line."""
MOST_CHANGED = 100
"""The most users in one event; the others wait for the next."""


class Point(Struct, frozen=True):
    """A point of the series: requests that ended between the previous point and `at`."""

    at: int
    requests: int
    tokens: int
    cost_pico: int
    errors: int
    in_flight: int
    queued: int


class Rates(Struct, frozen=True):
    """Rates per second; that of the cost is per minute."""

    requests: float = 0.0
    tokens: float = 0.0
    errors: float = 0.0
    cost_pico_per_minute: int = 0


class Change(Struct, frozen=True):
    """A user with new usage, and their usage this month."""

    user_id: str
    month: Tally
    in_flight: int
    last_seen_at: int | None


class UserNow(Struct, frozen=True):
    """A user's usage today, and their requests of this moment."""

    user_id: str
    today: Tally
    in_flight: int
    queued: int


class State(Struct, frozen=True):
    """Everything that the live view shows at one tick. `refused` counts since the start of the process."""

    number: int
    at: int
    rates: Rates
    in_flight: int
    queued: int
    today: Tally
    month: Tally
    users: list[UserNow]
    models: list[tuple[str, Tally, int]]
    upstreams: list[UpstreamHealth]
    changed: list[Change]
    refused: int
    series: list[Point]


Write = Callable[[State], bytes]


class Live:
    """The live view and its streams. `snapshot` encodes a state as the first event of a stream, `tick` as a later one;
    `now` is milliseconds since the epoch."""

    def __init__(
        self,
        totals: RunningTotals,
        metrics: Metrics,
        directory: Directory,
        pool: Pool,
        now: Callable[[], int],
        *,
        snapshot: Write,
        tick: Write,
    ) -> None:
        self._totals = totals
        self._metrics = metrics
        self._directory = directory
        self._pool = pool
        self._now = now
        self._write_snapshot = snapshot
        self._write_tick = tick
        self._samples: deque[tuple[int, Sums]] = deque([(now(), metrics.sums())], maxlen=RATED + 1)
        self._points: deque[Point] = deque(maxlen=KEPT)
        self._ticks = Ticks()
        self._streams = OpenStreams()
        self._state: State | None = None
        self._tick_bytes = b""
        self._snapshot_bytes = b""

    def __repr__(self) -> str:
        return f"Live({self.streams} streams, tick {self._ticks.number})"

    @property
    def streams(self) -> int:
        """Number of open streams."""
        return self._streams.total

    async def run(self) -> None:
        """Tick, until cancelled."""
        async for _ in every_second():
            self.tick()

    def tick(self) -> None:
        """Take a sample, and wake up the streams."""
        at, sums = self._now(), self._metrics.sums()
        _, before = self._samples[-1]
        self._samples.append((at, sums))
        self._points.append(
            Point(
                at,
                sums.requests - before.requests,
                sums.tokens - before.tokens,
                sums.cost_pico - before.cost_pico,
                sums.errors - before.errors,
                sums.in_flight,
                sums.queued,
            )
        )
        self._state, self._snapshot_bytes, self._tick_bytes = None, b"", b""
        self._ticks.tick()

    def stop(self) -> None:
        """End all streams, and allow no new ones."""
        self._ticks.stop()

    async def open(self, credential: str) -> None:
        """Open a stream, to be ended by `close`. Raises RateLimited when the credential has too many already,
        LedgerUnavailable and StoreError when the totals cannot be read; then there is nothing to close."""
        self._streams.open(credential, "this key or session")
        try:
            async with asyncio.timeout(COMMIT_PATIENCE):
                await self._totals.keep()
        except TimeoutError:
            self.close(credential)
            raise LedgerUnavailable("The ledger cannot be read up to now. Try again soon.") from None
        except BaseException:
            self.close(credential)
            raise

    def close(self, credential: str) -> None:
        """End a stream that `open` began."""
        self._streams.close(credential)
        if not self._streams.total:
            self._totals.forget()

    async def events(self, check: Callable[[], object]) -> AsyncIterator[bytes]:
        """The events of a stream: a snapshot, then a tick each second, or another snapshot after a missed tick. `check`
        is called before each event, and ends the stream by raising one of `rules.errors`."""
        shown = None
        async for number in self._ticks.each(check):
            follows, shown = shown == number - 1, number
            yield self._tick() if follows else self._snapshot()

    def _tick(self) -> bytes:
        if not self._tick_bytes:
            self._tick_bytes = self._write_tick(self._whole())
        return self._tick_bytes

    def _snapshot(self) -> bytes:
        if not self._snapshot_bytes:
            self._snapshot_bytes = self._write_snapshot(self._whole())
        return self._snapshot_bytes

    def _whole(self) -> State:
        if self._state is None:
            self._state = self._current()
        return self._state

    def _current(self) -> State:
        totals = self._totals
        at = self._now()
        totals.turn(at)
        line = self._pool.line
        users = Counter(ticket.user for ticket in line.holders())
        models = Counter(ticket.choice.model for ticket in line.holders() if ticket.choice is not None)
        changed = [
            Change(user_id, totals.month.of_user(user_id), users[user_id], self._directory.last_seen(user_id))
            for user_id in totals.changed(MOST_CHANGED)
        ]
        return State(
            self._ticks.number,
            at,
            self._rates(),
            users.total(),
            len(line),
            totals.today.total,
            totals.month.total,
            self._users(users, line.users()),
            [(name, tally, models[name]) for name, tally in totals.today.by["model"].top()],
            self._pool.upstreams(),
            changed,
            self._samples[-1][1].refused,
            list(self._points),
        )

    def _users(self, running: Mapping[str, int], waiting: Mapping[str, int]) -> list[UserNow]:
        """Today's first, then those with most requests in line who are not among them."""
        today = self._totals.today
        names = [name for name, _ in today.by["user"].top()]
        others = waiting.keys() - set(names)
        names += nsmallest(MOST_WAITING, others, key=lambda name: (-waiting[name], name))
        return [UserNow(name, today.of_user(name), running[name], waiting.get(name, 0)) for name in names]

    def _rates(self) -> Rates:
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        ms = last - first
        if ms <= 0:
            return Rates()
        return Rates(
            requests=(after.requests - before.requests) * 1000 / ms,
            tokens=(after.tokens - before.tokens) * 1000 / ms,
            errors=(after.errors - before.errors) * 1000 / ms,
            cost_pico_per_minute=(after.cost_pico - before.cost_pico) * 60_000 // ms,
        )
