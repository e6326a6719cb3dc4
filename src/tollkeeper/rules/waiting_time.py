"""How long a request will wait in a fair line, predicted from what is known of those who compete with it.

Before it are its user's older requests, and of every other user as many as fit between that user's counter and the
counter at which it is served itself: those that wait now, and those that will have come by then at the user's usual
rate. The more the wait, the more of them will have come, so the wait is found by repeated substitution: it grows from
below until it no longer changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import NamedTuple

_ROUNDS = 12
"""Substitutions at most; the predicted wait changes by little after that."""


Turn = tuple[int, float]
"""When a user was served last, and the number of their oldest request. Of equal counters, the smaller is first."""


class Rival(NamedTuple):
    """Another user at the same upstream. `step`: how much one request adds to the counter; `waiting`: requests in line;
    `rate`: requests that join the line each second; `hold`: seconds for which each holds a slot."""

    counter: float
    turn: Turn
    step: float
    waiting: float
    rate: float
    hold: float


class Forecast(NamedTuple):
    """`ahead`: requests in line that will be served before; `seconds`: the wait."""

    ahead: float
    seconds: float


def forecast(
    start: float, turn: Turn, own_ahead: float, hold: float, rivals: Iterable[Rival], remaining: Sequence[float]
) -> Forecast:
    """Predict the wait of a request that is served when its user's counter has reached `start`.

    `own_ahead`: the user's older requests in line. `hold`: seconds for which each of the user's requests holds a slot.
    `remaining`: seconds until each of the slots is free, at least one, the shortest first.
    """
    ahead_now, work_now = own_ahead, own_ahead * hold
    coming: list[tuple[float, float, float]] = []
    for counter, rival_turn, step, waiting, rate, each in rivals:
        if counter > start:
            continue
        steps = (start - counter) / step
        turns = floor(steps) + 1 if rival_turn < turn else ceil(steps)
        served = min(waiting, float(turns))
        ahead_now += served
        work_now += served * each
        if rate and waiting < turns:
            coming.append((turns - waiting, rate, each))
    seconds = 0.0
    for _ in range(_ROUNDS):
        ahead, work = ahead_now, work_now
        for most, rate, each in coming:
            served = min(rate * seconds, most)
            ahead += served
            work += served * each
        rounds, place = divmod(int(ahead), len(remaining))
        longer = rounds * (work / ahead if ahead else hold) + remaining[place]
        if longer <= seconds * 1.01:
            break
        seconds = longer
    return Forecast(ahead_now, seconds)
