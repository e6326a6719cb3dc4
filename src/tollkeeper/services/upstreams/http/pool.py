"""Pool of connections. It only decides which request gets which; connections are made, used and closed elsewhere.

A slot is the right to one connection. Slots are bounded; requests without one wait in line, first come, first served.
The connection used last is handed out first, so that surplus ones stay idle, expire and are closed.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

C = TypeVar("C")


class Pool(Generic[C]):
    """Idle connections, and slots for those in use: idle + in use ≤ `limit`, always."""

    __slots__ = ("_idle", "_waiters", "in_use", "limit")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use = 0
        self._idle: list[C] = []
        self._waiters: deque[asyncio.Future[C | None]] = deque()

    def __repr__(self) -> str:
        return f"Pool({self.in_use} in use, {self.idle} idle, {self.waiting} waiting, at most {self.limit})"

    @property
    def idle(self) -> int:
        return len(self._idle)

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def take_idle(self) -> C | None:
        """Take a slot with an idle connection, if there is one."""
        if not self._idle:
            return None
        self.in_use += 1
        return self._idle.pop()

    async def take(self) -> C | None:
        """Take a slot, waiting in line for it: an idle connection, or None to make one. Return it by `give`."""
        if (idle := self.take_idle()) is not None:
            return idle
        if self.in_use < self.limit:
            self.in_use += 1
            return None
        waiter: asyncio.Future[C | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            elif not waiter.cancelled() and waiter.exception() is None:
                # The slot was handed over to a request that is gone by now: on to the next.
                self.give(waiter.result())
            raise

    def give(self, connection: C | None) -> None:
        """Return a slot, with its connection if that can be used again."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self.in_use -= 1
        if connection is not None:
            self._idle.append(connection)

    def discard(self, connection: C) -> None:
        """Remove a connection that has ended, if it is idle; those in use are not kept here."""
        if connection in self._idle:
            self._idle.remove(connection)

    def expire(self, old: Callable[[C], bool]) -> list[C]:
        """Remove and return the idle connections that are `old`, the oldest first."""
        count = 0
        while count < len(self._idle) and old(self._idle[count]):
            count += 1
        expired = self._idle[:count]
        del self._idle[:count]
        return expired

    def refuse(self, error: Callable[[], Exception]) -> None:
        """Fail all waiting requests, each with an `error` of its own."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error())
