"""Deadlines of the requests in line."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from typing import Generic, TypeVar

from tollkeeper.services.queue.ports import Choice
from tollkeeper.services.queue.ticket import EFFORT_AT_ONCE, Ticket

C = TypeVar("C", bound=Choice)


class Deadlines(Generic[C]):
    """Calls `time_out` with each ticket that still waits at its deadline: one timer is set for all of them. `clock` is
    monotonic seconds."""

    def __init__(self, clock: Callable[[], float], time_out: Callable[[Ticket[C]], None]) -> None:
        self._clock = clock
        self._time_out = time_out
        self._noted: list[tuple[float, int, Ticket[C]]] = []
        self._serial = count()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Deadlines({len(self._noted)} noted)"

    def note(self, ticket: Ticket[C], waiting: int, now: float) -> None:
        """Note the deadline of a ticket that is one of so many `waiting`."""
        noted = self._noted
        heapq.heappush(noted, (ticket.deadline, next(self._serial), ticket))
        if len(noted) > 2 * waiting + 1_000:
            noted[:] = [each for each in noted if each[2].is_waiting and each[2].deadline == each[0]]
            heapq.heapify(noted)
        if noted[0][2] is ticket or self._timer is None:
            self._set_timer(now)

    def _set_timer(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        seconds = max(0.001, self._noted[0][0] - now)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_out_due)

    def _time_out_due(self) -> None:
        self._timer = None
        now, noted = self._clock(), self._noted
        effort = 0
        while noted and effort < EFFORT_AT_ONCE:
            deadline, _, ticket = noted[0]
            if ticket.is_waiting and ticket.deadline == deadline:
                if deadline > now:
                    break
                effort += ticket.effort
                self._time_out(ticket)
            heapq.heappop(noted)
        if noted:
            self._set_timer(now)
