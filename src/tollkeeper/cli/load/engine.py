"""Who sends when, and when it is over.

A closed loop sends a client's next request when the answer to its last is there: it tells what the gateway can do. An
open loop sends at a fixed rate, whatever comes back, as people do: it tells what they would see. Where all connections
are busy when a request is due, it is sent when one is free, and its latency counts from when it was due: a gateway that
stalls is not let off the requests that would have come meanwhile ("coordinated omission").
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
from collections import deque
from collections.abc import Callable, Sequence
from time import perf_counter

from tollkeeper.cli.load.client import Client, Place
from tollkeeper.cli.load.job import Job
from tollkeeper.cli.load.result import Result
from tollkeeper.cli.load.tally import Tally

TICK_SECONDS = 0.001
"""The loop's timers are that coarse: a request may be sent so much before it is due, and is late when so much after."""
LOOK_SECONDS = 0.5
OPENING = 64
"""Connections opened at a time."""
UNSENT = "never sent: no connection was free"

Tell = Callable[[float, Tally], None]


class Engine:
    """One load. `open`, then `run`; `stop` ends it early. `tell` is told now and then how many seconds went by, and
    what came of the requests so far."""

    def __init__(self, job: Job, tell: Tell = lambda _seconds, _tally: None) -> None:
        """Raises ValueError for a URL or a key that cannot be."""
        self._job = job
        self._tell = tell
        self._tally = Tally()
        self._place = Place(job.url)
        keys: Sequence[str | None] = job.keys or [None]
        self._clients = [
            Client(self._place, job, keys[number % len(keys)], self._tally, self._free)
            for number in range(job.connections)
        ]
        self._idle: deque[Client] = deque()
        self._over = asyncio.Event()
        self._open = True
        self._began = 0.0
        self._total = job.requests
        if self._total is None and job.rate and job.seconds is not None:
            self._total = math.ceil(job.rate * job.seconds)
        self._sent = 0
        self._running = 0
        self._alarm: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        """Have all connections, before the time begins. One that is missing is tried again by the request that needs
        it. Raises Failure when there is none to be had."""
        await self._place.find()
        turn = asyncio.Semaphore(OPENING)

        async def opened(client: Client) -> None:
            async with turn:
                with contextlib.suppress(OSError):
                    await client.open()

        await asyncio.gather(*map(opened, self._clients))

    async def run(self) -> Result:
        """Until all that was asked for is done, or `stop`."""
        job, loop, cpu = self._job, asyncio.get_running_loop(), _cpu()
        self._began = self._tally.ended = perf_counter()
        if job.stagger:
            for number, client in enumerate(self._clients):
                loop.call_later(number * job.stagger / len(self._clients), self._enter, client)
        else:
            self._idle.extend(self._clients)
        if job.seconds is not None:
            loop.call_later(job.seconds, self._time_is_up)
        self._look()
        self._go()
        await self._over.wait()
        unfinished = self._running
        for client in self._clients:
            client.give_up()
        return self._tally.result(self._began, unfinished, _cpu() - cpu)

    def stop(self) -> None:
        """Send no more, and wait for nothing."""
        self._open = False
        self._over.set()

    def _free(self, client: Client, pause: float = 0) -> None:
        """Its request has ended; the next may begin after `pause`."""
        self._running -= 1
        if pause:
            asyncio.get_running_loop().call_later(pause, self._enter, client)
            self._go()
        else:
            self._idle.append(client)
            self._go()

    def _enter(self, client: Client) -> None:
        self._idle.append(client)
        self._go()

    def _go(self) -> None:
        """Send what is due, as far as clients are free."""
        while self._open and self._idle:
            now = perf_counter()
            due = self._began + self._sent / self._job.rate if self._job.rate else now
            if due > now + TICK_SECONDS:
                self._wake(due - now - TICK_SECONDS)
                return
            if now > due + TICK_SECONDS:
                self._tally.late.record(now - due)
            self._sent += 1
            self._running += 1
            self._idle.popleft().send(min(due, now), now)
            if self._sent == self._total:
                self._close()
        if not (self._open or self._running):
            self._over.set()

    def _wake(self, seconds: float) -> None:
        if self._alarm is None:
            # In whole ticks: a timer for less than one would be called at once, again and again until it is due.
            ticks = math.ceil(seconds / TICK_SECONDS) * TICK_SECONDS
            self._alarm = asyncio.get_running_loop().call_later(ticks, self._wakes)

    def _wakes(self) -> None:
        self._alarm = None
        self._go()

    def _time_is_up(self) -> None:
        self._go()  # what became due since the last tick
        self._close()

    def _close(self) -> None:
        """All has been sent, or the time is up: answers under way may come."""
        if not self._open:
            return
        self._open = False
        if self._total is not None and self._sent < self._total:
            self._tally.fault(UNSENT, perf_counter(), self._total - self._sent)
        asyncio.get_running_loop().call_later(self._job.patience, self._over.set)
        self._go()

    def _look(self) -> None:
        """Now and then: who is silent? And tell how far it is."""
        now = perf_counter()
        for client in self._clients:
            client.watch(now - self._job.patience)
        self._tell(now - self._began, self._tally)
        if not self._over.is_set():
            asyncio.get_running_loop().call_later(min(LOOK_SECONDS, self._job.patience / 4), self._look)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
