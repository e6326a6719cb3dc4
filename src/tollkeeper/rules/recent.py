"""Recent events, counted without keeping each of them."""

from __future__ import annotations

_SLOTS = 20


class RecentCount:
    """The number of events of the last `seconds`, to within a twentieth of them: an event counts for at least 95 % of
    that time, and for no longer than all of it. `now` is in seconds of any clock that does not go back."""

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _SLOTS
        self._counts = [0] * _SLOTS
        self._slot = 0
        self._slot_ends = self._width
        self._in_slot = 0
        """Events of the slot that it is now."""

    def __repr__(self) -> str:
        return f"RecentCount({sum(self._counts) + self._in_slot})"

    def add(self, now: float) -> None:
        """Count an event."""
        if now >= self._slot_ends:
            self._advance(now)
        self._in_slot += 1

    def total(self, now: float) -> int:
        """The number of recent events."""
        if now >= self._slot_ends:
            self._advance(now)
        return sum(self._counts) + self._in_slot

    def _advance(self, now: float) -> None:
        """Begin the slot of this moment, and forget those that have become too old."""
        slot = int(now / self._width)
        if slot > self._slot:
            self._counts[self._slot % _SLOTS] = self._in_slot
            self._in_slot = 0
            for old in range(max(self._slot + 1, slot - _SLOTS + 1), slot + 1):
                self._counts[old % _SLOTS] = 0
            self._slot = slot
            self._slot_ends = (slot + 1) * self._width
