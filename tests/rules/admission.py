"""Limits with counters of their own, and what they would let out."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.admission import Counter, Demand, LimitCheck, take
from tollkeeper.rules.limits import CHECKED_LIMITS


def limited(name: str, limit: int, used: int = 0, held: int = 0, *, at: int) -> LimitCheck:
    """A user's limit of which so much was used at one moment, and so much is held."""
    counter = Counter(CHECKED_LIMITS[name])
    counter.window.add(used, at)
    counter.held = held
    return LimitCheck(name, ("user", "alice"), limit, counter)


def allow(checks: Sequence[LimitCheck], demand: Demand, at: int) -> int:
    """The allowance with which a request would go out. Takes nothing. Raises Refused."""
    return take(checks, demand, at, counters=()).allowance
