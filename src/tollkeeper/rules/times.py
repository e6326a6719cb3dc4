"""Times: integers of milliseconds since the epoch (UTC), and their RFC 3339 text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999, beyond which RFC 3339 cannot write."""
DAY_MS = 86_400_000
_UNITS = ((1_000, "second"), (60_000, "minute"), (3_600_000, "hour"))
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?)?", re.ASCII)


def format_time(ms: int) -> str:
    """A moment as RFC 3339 with milliseconds: "2026-11-20T12:00:00.123Z"."""
    second, part = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}.{part:03d}Z"


def parse_time(text: str) -> int:
    """Parse a moment in RFC 3339, or a date alone (midnight). Without an offset it is UTC. Fractions of a millisecond
    are cut off. Raises ValueError for anything else, and for moments before 1970 or after 9999 in UTC."""
    try:
        if not _WRITTEN.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    except ValueError:
        raise ValueError("is not a moment such as 2026-11-20T12:00:00Z or 2026-11-20") from None
    ms = (moment - _EPOCH) // _MILLISECOND
    if not 0 <= ms <= _LAST_MS:
        raise ValueError("must be a moment of the years 1970 to 9999 (UTC)")
    return ms


def format_wait(ms: int) -> str:
    """A wait as readable text, rounded up: "9 seconds", "61 minutes", "3 hours"."""
    length, unit = next((length, unit) for length, unit in _UNITS if ms <= 90 * length or unit == "hour")
    count = max(1, -(-ms // length))
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def month_bounds(ms: int) -> tuple[int, int]:
    """The calendar month (UTC) of a moment: its first moment, and that of the next month."""
    start = datetime.fromtimestamp(ms // 1000, UTC).replace(day=1, hour=0, minute=0, second=0)
    after = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return int(start.timestamp()) * 1000, int(after.timestamp()) * 1000


def format_month(ms: int) -> str:
    """The calendar month (UTC) of a moment: "2026-11"."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m}"


def parse_month(text: str) -> int:
    """The first moment of a calendar month (UTC) such as "2026-11". Raises ValueError for anything else."""
    try:
        if not re.fullmatch(r"\d{4}-\d\d", text, re.ASCII):
            raise ValueError
        return parse_time(f"{text}-01")
    except ValueError:
        raise ValueError("is not a month such as 2026-11") from None


def year_of(ms: int) -> int:
    """The calendar year (UTC) of a moment."""
    return datetime.fromtimestamp(ms // 1000, UTC).year
