"""Moments: integers of milliseconds since the epoch (UTC), and how they are written (RFC 3339)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_UNITS = ((1_000, "second"), (60_000, "minute"), (3_600_000, "hour"))
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)


def format_time(ms: int) -> str:
    """As RFC 3339 with milliseconds: "2026-11-20T12:00:00.123Z"."""
    second, part = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{part:03d}Z"


def parse_time(text: str) -> int:
    """A moment as RFC 3339 writes it, or only its date (midnight). Without an offset it is UTC. What is finer than a
    millisecond is cut off, and what lies before 1970 is 1970. Raises ValueError for anything else."""
    try:
        if not _WRITTEN.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is not a moment such as 2026-11-20T12:00:00Z or 2026-11-20") from None
    return max(0, (moment - _EPOCH) // _MILLISECOND)


def words_for(ms: int) -> str:
    """A wait for people, rounded up: "9 seconds", "61 minutes", "3 hours"."""
    length, unit = next((length, unit) for length, unit in _UNITS if ms <= 90 * length or unit == "hour")
    count = max(1, -(-ms // length))
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def month_of(ms: int) -> tuple[int, int]:
    """The calendar month (UTC) around a moment: its first moment, and the first of the next."""
    start = datetime.fromtimestamp(ms // 1000, UTC).replace(day=1, hour=0, minute=0, second=0)
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return int(start.timestamp()) * 1000, int(after.timestamp()) * 1000
