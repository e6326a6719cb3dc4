"""Retention: which records are old enough to be deleted.

A clock that is set ahead makes every record look old. The newest record shows roughly what time it is: deletion goes by
the clock, but never by a time more than a day after that record.
"""

from __future__ import annotations

from tollkeeper.rules.windows import DAY


def cut_off(days: int, now: int, newest: int) -> tuple[int, int]:
    """Two moments: records made before the first are over `days` old by the clock; those before the second may be
    deleted. `newest` is when the newest record was made."""
    return now - days * DAY, min(now, newest + DAY) - days * DAY
