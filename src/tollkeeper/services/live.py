"""What a dashboard shows, once a second, the same for all who look.

A sample of the metrics each second is all that goes on while nobody looks.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from tollkeeper.rules.errors import GatewayError, LedgerUnavailable, RateLimited
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.commits import COMMIT_PATIENCE
from tollkeeper.services.directory import Directory
from tollkeeper.services.figures import Figures, Tally
from tollkeeper.services.metrics import Metrics, Passed
from tollkeeper.services.runs import Runs

EVERY = 1.0
"""Seconds from tick to tick."""
KEPT = 300
"""Points of the series."""
RATED = 10
"""Ticks that rates are taken over."""
MOST_STREAMS = 6
"""At once, for a key or session."""
MOST_CHANGED = 100
"""Users told of in one event; the others wait for the next."""


class Point(Struct, frozen=True):
    """What ended from the point before to `at`."""

    at: int
    requests: int
    tokens: int
    cost_pico: int
    errors: int
    in_flight: int


class Rates(Struct, frozen=True):
    """For each second, but for the cost."""

    requests: float = 0.0
    tokens: float = 0.0
    errors: float = 0.0
    cost_pico_per_minute: int = 0


class Change(Struct, frozen=True):
    """A user of whom a request ended, and what they used this month."""

    user_id: str
    month: Tally
    in_flight: int
    last_seen_at: int | None


class UpstreamState(Struct, frozen=True):
    """`error` says why it is down."""

    id: str
    kind: str
    base_url: str
    models: int
    in_flight: int
    error: str | None


class State(Struct, frozen=True):
    """All that is shown, at one tick."""

    number: int
    at: int
    rates: Rates
    in_flight: int
    today: Tally
    month: Tally
    users: list[tuple[str, Tally, int]]
    models: list[tuple[str, Tally, int]]
    upstreams: list[UpstreamState]
    changed: list[Change]
    series: list[Point]


Write = Callable[[State], bytes]


class Live:
    """`snapshot` and `tick` write a state as the first event of a stream, and as one of those that follow; `now` is
    milliseconds since the epoch."""

    def __init__(
        self,
        figures: Figures,
        metrics: Metrics,
        runs: Runs,
        directory: Directory,
        catalog: Catalog,
        now: Callable[[], int],
        *,
        snapshot: Write,
        tick: Write,
    ) -> None:
        self._figures = figures
        self._metrics = metrics
        self._runs = runs
        self._directory = directory
        self._catalog = catalog
        self._now = now
        self._write_snapshot = snapshot
        self._write_tick = tick
        self._samples: deque[tuple[int, Passed]] = deque([(now(), metrics.passed())], maxlen=RATED + 1)
        self._points: deque[Point] = deque(maxlen=KEPT)
        self._number = 0
        self._streams: Counter[str] = Counter()
        self._stopped = False
        self._turned: asyncio.Future[None] | None = None
        self._state: State | None = None
        self._tick_bytes = b""
        self._snapshot_bytes = b""

    def __repr__(self) -> str:
        return f"Live({self.streams} streams, tick {self._number})"

    @property
    def streams(self) -> int:
        """How many there are."""
        return self._streams.total()

    async def run(self) -> None:
        """Tick, until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + EVERY, loop.time())
            await asyncio.sleep(due - loop.time())
            self.tick()

    def tick(self) -> None:
        """Take a sample; where somebody looks, show what has become."""
        at, passed = self._now(), self._metrics.passed()
        _, before = self._samples[-1]
        self._samples.append((at, passed))
        self._points.append(
            Point(
                at,
                passed.requests - before.requests,
                passed.tokens - before.tokens,
                passed.cost_pico - before.cost_pico,
                passed.errors - before.errors,
                passed.in_flight,
            )
        )
        self._number += 1
        self._state, self._snapshot_bytes, self._tick_bytes = None, b"", b""
        if self._turned is not None:
            turned, self._turned = self._turned, None
            turned.set_result(None)

    def stop(self) -> None:
        """End all streams, and begin no more."""
        self._stopped = True
        if self._turned is not None:
            self._turned.set_result(None)
            self._turned = None

    async def open(self, credential: str) -> None:
        """Begin a stream, to be ended by `close`. Raises RateLimited where the credential has too many already;
        LedgerUnavailable, StoreError where the figures cannot be had: then there is nothing to close."""
        if self._streams[credential] >= MOST_STREAMS:
            raise RateLimited(
                f"There are {MOST_STREAMS} streams of this key or session already. Close one of them.",
                type="requests", retry_after=None, should_retry=False,
            )  # fmt: skip
        self._streams[credential] += 1
        try:
            async with asyncio.timeout(COMMIT_PATIENCE):
                await self._figures.keep()
        except TimeoutError:
            self.close(credential)
            raise LedgerUnavailable("The ledger cannot be read up to now. Try again soon.") from None
        except BaseException:
            self.close(credential)
            raise

    def close(self, credential: str) -> None:
        """A stream ended."""
        self._streams -= Counter((credential,))
        if not self._streams:
            self._figures.forget()

    async def events(self, check: Callable[[], object]) -> AsyncIterator[bytes]:
        """What a stream shows: a snapshot, then a tick each second, or a snapshot again where whoever reads missed one.
        `check` is asked before each whether it may go on: it raises one of `rules.errors` when not."""
        shown = None
        while not self._stopped and _passes(check):
            follows, shown = shown == self._number - 1, self._number
            yield self._tick() if follows else self._snapshot()
            if shown == self._number and not self._stopped:
                if self._turned is None:
                    self._turned = asyncio.get_running_loop().create_future()
                await asyncio.shield(self._turned)

    def upstreams(self) -> list[UpstreamState]:
        """Every upstream, as it is now."""
        running = Counter(run.upstream for run in self._runs.active)
        faults = self._catalog.faults()
        models = Counter(model.upstream for model in self._catalog.models())
        return [
            UpstreamState(each.id, each.kind, each.base_url, models[each.id], running[each.id], faults[each.id])
            for each in self._catalog.upstreams()
        ]

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
            self._state = self._look()
        return self._state

    def _look(self) -> State:
        figures = self._figures
        at = self._now()
        figures.turn(at)
        users = Counter(run.user_id for run in self._runs.active)
        models = Counter(run.model for run in self._runs.active)
        changed = [
            Change(user_id, figures.month.of_user(user_id), users[user_id], self._directory.last_seen(user_id))
            for user_id in figures.changed(MOST_CHANGED)
        ]
        return State(
            self._number,
            at,
            self._rates(),
            len(self._runs.active),
            figures.today.total,
            figures.month.total,
            [(name, tally, users[name]) for name, tally in figures.today.by["user"].top()],
            [(name, tally, models[name]) for name, tally in figures.today.by["model"].top()],
            self.upstreams(),
            changed,
            list(self._points),
        )

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


def _passes(check: Callable[[], object]) -> bool:
    try:
        check()
    except GatewayError:
        return False
    return True
