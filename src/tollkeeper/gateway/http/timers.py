"""The deadlines of one connection.

| timer | runs | on expiry |
| --- | --- | --- |
| HEAD | while the head of a request is due | 408, or close where none of it has arrived |
| IDLE | while no request is in progress; re-armed on expiry where there were requests meanwhile | close |
| LATE_BODY | while the rest of a body arrives after its response was sent | abort |
| STALL | while the client reads nothing of a response that was written | abort |
| LAST_READ | while the client may read our last response | abort |
| PROBE | while reading is paused, repeatedly | abort, if the client has disconnected |

None of them is armed for every request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

LAST_READ_SECONDS = 1.0
"""Time for a refused client to read the reason."""
LATE_BODY_SECONDS = 5.0
"""Time for the rest of a body after its response was sent."""
PROBE_SECONDS = 1.0
"""Time between checks of a paused connection for a disconnect."""

HEAD, IDLE, LATE_BODY, STALL, LAST_READ, PROBE = "head", "idle", "late body", "stall", "last read", "probe"
_NONE: Mapping[str, asyncio.TimerHandle] = MappingProxyType({})
"""Of a connection without timers, as most are while they respond: a dict that was used takes 240 bytes."""


class Timers:
    """The timers of one connection. `armed` holds the running ones, by name."""

    __slots__ = ("_loop", "armed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.armed = _NONE

    def __repr__(self) -> str:
        return f"Timers({', '.join(self.armed) or 'none'})"

    def arm(self, name: str, seconds: float, then: Callable[..., None], *args: Any) -> None:
        """Call `then` in so many seconds. Replaces a running timer of this name."""
        self.stop(name)
        timer = self._loop.call_later(seconds, self._fire, name, then, args)
        self.armed = {**self.armed, name: timer}

    def stop(self, name: str) -> None:
        timer = self.armed.get(name)
        if timer is not None:
            self._forget(name)
            timer.cancel()

    def stop_all(self) -> None:
        for timer in self.armed.values():
            timer.cancel()
        self.armed = _NONE

    def _fire(self, name: str, then: Callable[..., None], args: tuple[Any, ...]) -> None:
        self._forget(name)
        then(*args)

    def _forget(self, name: str) -> None:
        self.armed = {other: timer for other, timer in self.armed.items() if other != name} or _NONE
