"""When a delivery that failed is tried again: at growing intervals, for a day.

5 s, 15 s, 45 s, 2 min, 7 min, 20 min, 1 h, 3 h, 4 h, 4 h, …     each up to a fifth longer or shorter
"""

from __future__ import annotations

FIRST_MS = 5_000
FACTOR = 3
LONGEST_MS = 4 * 3_600_000
TRIED_FOR_MS = 24 * 3_600_000
"""How long a delivery is tried before it is given up."""
JITTER = 0.2
"""The part by which an interval is longer or shorter at most, so that receivers that were down together are not all
asked at the same moment."""


def next_try(tries: int, began: int, now: int, chance: float) -> int | None:
    """When to try again after `tries` failures (at least 1); None: never again, since it has been tried for a day.
    `began`: when the delivery was made, in milliseconds; `chance`: a random number from 0 to below 1."""
    interval = min(LONGEST_MS, FIRST_MS * FACTOR ** min(tries - 1, 20))
    at = now + round(interval * (1 - JITTER + 2 * JITTER * chance))
    return at if at < began + TRIED_FOR_MS else None
