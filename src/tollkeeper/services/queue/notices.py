"""Notices of places in line: who watches a request hears when its place changes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from tollkeeper.services.queue.ports import Choice
from tollkeeper.services.queue.ticket import EFFORT_AT_ONCE, Ticket

C = TypeVar("C", bound=Choice)

TELL_EVERY = 1.0
"""Seconds between two looks for places that have changed."""
TELL_PAUSE = 0.05
"""Seconds until the next are told, where there are too many to be told at once."""


class Notices(Generic[C]):
    """Tells the tickets that are watched, of those that `waiting` returns, while there are any."""

    def __init__(self, waiting: Callable[[], Iterable[Ticket[C]]]) -> None:
        self._waiting = waiting
        self._timer: asyncio.TimerHandle | None = None
        self._untold: deque[Ticket[C]] = deque()
        """Those who have not been told since the last look."""

    def __repr__(self) -> str:
        return f"Notices({len(self._untold)} to be told)"

    def begin(self) -> None:
        """Tell them from now on; again does nothing."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TELL_EVERY, self._tell)

    def _tell(self) -> None:
        self._timer = None
        untold, effort = self._untold, 0
        if not untold:
            untold.extend(ticket for ticket in self._waiting() if ticket.watcher is not None)
            if not untold:
                return
        while untold and effort < EFFORT_AT_ONCE:
            ticket = untold.popleft()
            effort += ticket.effort
            ticket.tell()
        self._timer = asyncio.get_running_loop().call_later(TELL_PAUSE if untold else TELL_EVERY, self._tell)
