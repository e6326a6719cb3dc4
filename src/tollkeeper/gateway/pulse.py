"""Pulse: one timer for all heartbeats, since setting one for each stream costs more than the rest of its heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Beating(Protocol):
    """What is to be done again and again."""

    def beat(self) -> bool:
        """Do it once. Returns whether to do it again."""


class Pulse:
    """Has each of its members `beat` every `seconds`, from then on after it was added. `clock`: monotonic seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._due: dict[Beating, float] = {}
        """When each is due, the soonest first."""
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"Pulse({len(self._due)} every {self._seconds:g} s)"

    def add(self, member: Beating) -> None:
        """Add a member."""
        self._due[member] = self._clock() + self._seconds
        if self._timer is None:
            self._wait(self._seconds)

    def discard(self, member: Beating) -> None:
        """Remove a member, if it is one."""
        self._due.pop(member, None)

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._beat)

    def _beat(self) -> None:
        """Have those beat that are due, and wait for the next."""
        self._timer = None
        now, due = self._clock(), self._due
        try:
            for member in [member for member, at in due.items() if at <= now]:
                del due[member]
                if member.beat():
                    due[member] = now + self._seconds
        finally:  # whatever one of them raises, the others go on
            if due:
                self._wait(max(0.001, next(iter(due.values())) - now))
