"""Attempts, each further one later than the one before: for guessing that must not pay."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct

FORGET_MS = 3_600_000
"""After so long without an attempt all is as if there had been none."""
_FIRST_WAIT_MS = 1000


class _Attempts(Struct):
    number: int
    last: int


class Throttle:
    """`free` attempts at once, then one second after the last, two, four, … up to `longest_ms`. At most `most` names
    are remembered; those whose last attempt is longest ago are forgotten first. `now` is milliseconds."""

    def __init__(self, now: Callable[[], int], *, free: int, longest_ms: int, most: int = 10_000) -> None:
        self._now = now
        self._free = free
        self._longest_ms = longest_ms
        self._most = most
        self._attempts: OrderedDict[Hashable, _Attempts] = OrderedDict()

    def __repr__(self) -> str:
        return f"Throttle({len(self._attempts)} names)"

    def wait_ms(self, name: Hashable) -> int:
        """Until the next attempt may be made; 0: now."""
        made = self._attempts.get(name)
        if made is None or made.number < self._free:
            return 0
        # Bounded before it is a number: 2 to the thousandth would be one too.
        wait = min(self._longest_ms, _FIRST_WAIT_MS << min(made.number - self._free, 32))
        return max(0, made.last + wait - self._now())

    def count(self, name: Hashable) -> None:
        """An attempt is made now."""
        now = self._now()
        made = self._attempts.setdefault(name, _Attempts(0, now))
        made.number = 1 if now - made.last >= FORGET_MS else made.number + 1
        made.last = now
        self._attempts.move_to_end(name)
        if len(self._attempts) > self._most:
            self._attempts.popitem(last=False)

    def take_back(self, name: Hashable) -> None:
        """One attempt does not count."""
        made = self._attempts.get(name)
        if made is not None:
            made.number = max(0, made.number - 1)

    def clear(self, name: Hashable) -> None:
        """No attempt counts any more."""
        self._attempts.pop(name, None)
