"""The load generator: it decides when each client sends a request, and when the load ends.

In a closed loop each client sends its next request when the response to the last one has arrived; this measures the
capacity of the gateway. In an open loop requests are sent at a fixed rate, independent of responses, as people do; this
measures what people would experience. If all connections are busy when a request is due, it is sent as soon as one is
idle, and its latency counts from when it was due: otherwise the figures would leave out the requests that a stalled
gateway delays ("coordinated omission").
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from tollkeeper.cli.load.client import Connector, LoadClient
from tollkeeper.cli.load.measurements import Measurements
from tollkeeper.cli.load.plan import LoadPlan
from tollkeeper.cli.load.result import Result

TICK_SECONDS = 0.001
"""Resolution of the loop's timers: a request may be sent this much early, and counts as late if sent this much late."""
CHECK_SECONDS = 0.5
"""Interval between checks for timeouts and reports of progress."""
MAX_OPENING = 64
"""Connections opened concurrently."""
UNSENT = "never sent: no connection was idle"

OnProgress = Callable[[float, Measurements], None]


class LoadGenerator:
    """One load: call `open`, then `run`; `stop` ends it early. `on_progress` is called regularly with the seconds since
    the start and the measurements so far."""

    def __init__(self, plan: LoadPlan, on_progress: OnProgress = lambda _seconds, _measurements: None) -> None:
        """Raises ValueError for an invalid URL or key."""
        self._plan = plan
        self._on_progress = on_progress
        self._measurements = Measurements()
        self._connector = Connector(plan.url)
        keys: Sequence[str | None] = plan.keys or [None]
        self._clients = [
            LoadClient(self._connector, plan, keys[number % len(keys)], self._measurements, self._on_idle)
            for number in range(plan.connections)
        ]
        self._idle: deque[LoadClient] = deque()
        self._finished = asyncio.Event()
        self._sending = True
        self._began = 0.0
        self._total = plan.requests
        if self._total is None and plan.rate and plan.seconds is not None:
            self._total = math.ceil(plan.rate * plan.seconds)
        self._sent = 0
        self._in_progress = 0
        self._timer: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Open all connections before the measured time begins. A connection that cannot be opened is tried again by
        the first request that needs it. Raises Failure when none can be opened."""
        await self._connector.choose_address()
        semaphore = asyncio.Semaphore(MAX_OPENING)

        async def open_client(client: LoadClient) -> None:
            async with semaphore:
                with contextlib.suppress(OSError):
                    await client.open()

        await asyncio.gather(*map(open_client, self._clients))

    async def run(self) -> Result:
        """Run the load until it is complete or stopped."""
        plan, loop, cpu = self._plan, asyncio.get_running_loop(), _cpu_seconds()
        self._began = self._measurements.ended = perf_counter()
        if plan.stagger:
            for number, client in enumerate(self._clients):
                loop.call_later(number * plan.stagger / len(self._clients), self._add_idle, client)
        else:
            self._idle.extend(self._clients)
        if plan.seconds is not None:
            loop.call_later(plan.seconds, self._on_deadline)
        self._check()
        self._send_due()
        await self._finished.wait()
        unfinished = self._in_progress
        for client in self._clients:
            client.abort()
        return self._measurements.result(self._began, unfinished, _cpu_seconds() - cpu)

    def stop(self) -> None:
        """End the load at once, without waiting for responses."""
        self._sending = False
        self._finished.set()

    def _on_idle(self, client: LoadClient, pause: float = 0) -> None:
        """Take back a client whose request has ended, after `pause` seconds."""
        self._in_progress -= 1
        if pause:
            asyncio.get_running_loop().call_later(pause, self._add_idle, client)
            self._send_due()
        else:
            self._add_idle(client)

    def _add_idle(self, client: LoadClient) -> None:
        self._idle.append(client)
        self._send_due()

    def _send_due(self) -> None:
        """Send the requests that are due, as far as clients are idle."""
        while self._sending and self._idle:
            now = perf_counter()
            due = self._began + self._sent / self._plan.rate if self._plan.rate else now
            if due > now + TICK_SECONDS:
                self._set_timer(due - now - TICK_SECONDS)
                return
            if now > due + TICK_SECONDS:
                self._measurements.late.record(now - due)
            self._sent += 1
            self._in_progress += 1
            self._idle.popleft().send(min(due, now), now)
            if self._sent == self._total:
                self._stop_sending()
        if not (self._sending or self._in_progress):
            self._finished.set()

    def _set_timer(self, seconds: float) -> None:
        if self._timer is None:
            # In whole ticks: a shorter timer would fire at once, again and again until the request is due.
            ticks = math.ceil(seconds / TICK_SECONDS) * TICK_SECONDS
            self._timer = asyncio.get_running_loop().call_later(ticks, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._send_due()

    def _on_deadline(self) -> None:
        self._send_due()  # requests that became due since the last tick
        self._stop_sending()

    def _stop_sending(self) -> None:
        """Send no more requests, but wait for responses in progress."""
        if not self._sending:
            return
        self._sending = False
        if self._total is not None and self._sent < self._total:
            self._measurements.add_failure(UNSENT, perf_counter(), self._total - self._sent)
        asyncio.get_running_loop().call_later(self._plan.timeout, self._finished.set)
        self._send_due()

    def _check(self) -> None:
        """Fail requests that have timed out, and report progress."""
        now = perf_counter()
        for client in self._clients:
            client.check_timeout(now - self._plan.timeout)
        self._on_progress(now - self._began, self._measurements)
        if not self._finished.is_set():
            asyncio.get_running_loop().call_later(min(CHECK_SECONDS, self._plan.timeout / 4), self._check)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
