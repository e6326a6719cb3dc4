"""Deadlines of all connections of a client, on one timer of the event loop: one for each would take half a kilobyte, of
which a gateway with 10,000 streams has 10,000."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Protocol

LATEST = 0.1
"""Seconds by which a deadline may be noticed late, where another one was just before it: each look takes all
connections."""


_TICK = 0.001
"""Seconds by which the loop may call early."""


class Waiting(Protocol):
    """A connection, as its deadline sees it."""

    def check_deadline(self, now: float) -> float | None:
        """Time out if the deadline has passed. Returns it while it has not; None: nobody waits."""


class Deadlines:
    """The deadlines of `connections`, by the time of the loop. They may be moved without a word, as long as they are
    moved back: most pass unused, so they are looked at when the first of them might have come."""

    __slots__ = ("_connections", "_next", "_timer")

    def __init__(self, connections: Collection[Waiting]) -> None:
        self._connections = connections
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0

    def __repr__(self) -> str:
        return f"Deadlines({len(self._connections)} connections, {'not ' if self._timer is None else ''}armed)"

    def add(self, at: float) -> None:
        """Look at the connections at this time, unless that is done sooner anyway."""
        if self._timer is not None:
            if self._next <= at:
                return
            self._timer.cancel()
        self._next = at
        self._timer = asyncio.get_running_loop().call_at(at, self._look)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time() + _TICK
        left = [at for each in tuple(self._connections) if (at := each.check_deadline(now)) is not None]
        if left:
            self.add(max(min(left), now + LATEST))
