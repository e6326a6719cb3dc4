"""Throttling of repeated attempts, with waits that double, against guessing."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from msgspec import Struct

FORGET_MS = 3_600_000
"""Milliseconds without an attempt after which earlier ones are forgotten."""
_FIRST_WAIT_MS = 1000


class _Attempts(Struct):
    number: int
    last: int


class Throttle:
    """Counts attempts by name. After `free` attempts without a wait, each has to wait 1, 2, 4, … seconds since the
    last, up to `longest_ms`. At most `most` names are kept; the least recent are dropped first. `now` is milliseconds.
    """

    def __init__(self, now: Callable[[], int], *, free: int, longest_ms: int, most: int = 10_000) -> None:
        self._now = now
        self._free = free
        self._longest_ms = longest_ms
        self._most = most
        self._attempts: OrderedDict[Hashable, _Attempts] = OrderedDict()

    def __repr__(self) -> str:
        return f"Throttle({len(self._attempts)} names)"

    def wait_ms(self, name: Hashable) -> int:
        """Milliseconds until the next attempt is allowed; 0: it is allowed now."""
        made = self._attempts.get(name)
        if made is None or made.number < self._free:
            return 0
        # The exponent is bounded first: 2 to the thousandth would be a huge integer.
        wait = min(self._longest_ms, _FIRST_WAIT_MS << min(made.number - self._free, 32))
        now = self._now()
        made.last = min(made.last, now)  # a clock that was set back must not lengthen the wait
        return max(0, made.last + wait - now)

    def count(self, name: Hashable) -> None:
        """Count an attempt, made now."""
        now = self._now()
        made = self._attempts.setdefault(name, _Attempts(0, now))
        made.number = 1 if now - made.last >= FORGET_MS else made.number + 1
        made.last = now
        self._attempts.move_to_end(name)
        if len(self._attempts) > self._most:
            self._attempts.popitem(last=False)

    def take_back(self, name: Hashable) -> None:
        """Uncount one attempt."""
        made = self._attempts.get(name)
        if made is not None:
            made.number = max(0, made.number - 1)

    def clear(self, name: Hashable) -> None:
        """Forget all attempts of a name."""
        self._attempts.pop(name, None)
