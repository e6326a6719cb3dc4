"""Minutes, hours and days (UTC) as buckets of time, and their labels in reports."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from tollkeeper.rules.windows import Span

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
MINUTES_KEPT_MS = 25 * HOUR_MS
"""How far back sums by minute are kept."""
MOMENTS_KEPT_MS = 2 * MINUTE_MS
"""How far back a history has single moments."""


def wants(spans: Collection[Span] | None, *some: Span) -> bool:
    """Whether any of `some` is among the requested `spans` of a history; None: all are requested."""
    return spans is None or any(span in spans for span in some)


def hour_of(at: int) -> int:
    """The beginning of the hour that `at` is in."""
    return at - at % HOUR_MS


def minute_of(at: int) -> int:
    """The beginning of the minute that `at` is in."""
    return at - at % MINUTE_MS


def day_of(at: int) -> int:
    """The beginning of the day (UTC) that `at` is in."""
    return at - at % DAY_MS


def hour_label(at: int) -> str:
    """The hour that `at` is in, as "2026-11-20T12:00:00Z"."""
    return _utc(at).strftime("%Y-%m-%dT%H:00:00Z")


def day_label(at: int) -> str:
    """The day that `at` is in, as "2026-11-20"."""
    return _utc(at).strftime("%Y-%m-%d")


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at // 1000, UTC)
