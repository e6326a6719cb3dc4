"""Rest: the time for which an upstream, or a model of it, has asked for no requests."""

from __future__ import annotations

LONGEST_REST = 60.0
FIRST_REST = 1.0


class Rest:
    """The rest of one upstream or model. It is never over before its time; only an admin's change clears it. `now` is
    in seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"Rest(until {self.until:.3f}, next {self._next:g} s)"

    def clear(self) -> None:
        """End the rest, and begin with the shortest one the next time."""
        self.until = 0.0
        """When it ends, or ended."""
        self._next = FIRST_REST

    def begin(self, now: float, seconds: float | None) -> None:
        """Rest for so many seconds, at most a minute; None: as long as was not said, which is a second, and then twice
        as long each time. Requests that were under way when it began and are turned away too do not count as a further
        time; of several rests the longest counts."""
        if seconds is None:
            seconds = self._next
            if now < self.until:
                return
            self._next = min(2 * self._next, LONGEST_REST)
        self.until = max(self.until, now + min(max(seconds, 0.0), LONGEST_REST))

    def served(self) -> None:
        """Note that a request was served: the next rest is the shortest again. A rest in force stays."""
        self._next = FIRST_REST
