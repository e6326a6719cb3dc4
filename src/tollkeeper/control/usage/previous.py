"""What the same groups used in an earlier period of the same length: just before, unless it is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tollkeeper.rules.times import parse_time
from tollkeeper.store.ports.explorer import Explorer, Figures, Question, Row
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, day_label, hour_label

Place = tuple[str, ...]
_TIMES: Mapping[str, tuple[int, Callable[[int], str]]] = {"day": (DAY_MS, day_label), "hour": (HOUR_MS, hour_label)}
"""Groups by time: how long one lasts, and its label."""


class Before(NamedTuple):
    """The question about the period before, and what a group of the present one is called in it."""

    question: Question
    earlier: Callable[[Place], Place]


class Previous(NamedTuple):
    """Figures of groups in the period before, by what they are called in it."""

    figures: Mapping[Place, Figures]
    earlier: Callable[[Place], Place]

    def of(self, place: Place, present: Figures) -> Figures:
        """The figures that those of a group of the present period are compared with; zeros where it used nothing."""
        nothing = Figures(refused=None if present.refused is None else 0)
        return self.figures.get(self.earlier(place), nothing)


def before_of(question: Question, start: int) -> Before:
    """What a question about a period is compared with: the period as long that begins at `start`, but ends where that
    of the question begins. By day or hour the whole of it is earlier still, so that each day is compared with the same
    part of another."""
    since, until = span_of(question)
    shift = _shift(question.group_by, since - start)

    def earlier(place: Place) -> Place:
        return tuple(
            _earlier(value, shift, _TIMES[group][1]) if group in _TIMES else value
            for group, value in zip(question.group_by, place, strict=True)
        )

    which = replace(question.which, since=max(0, since - shift), until=min(until - shift, since))
    return Before(replace(question, which=which), earlier)


async def previous_of(explorer: Explorer, before: Before, rows: Sequence[Row]) -> tuple[Previous, Figures]:
    """The figures that those rows are compared with, and those of all groups. Raises StoreError."""
    found = await explorer.explore_groups(before.question, [before.earlier(place) for place, _ in rows])
    return Previous(dict(found.rows), before.earlier), found.total


def span_of(question: Question) -> tuple[int, int]:
    """The period of a question, which has one."""
    which = question.which
    assert which.since is not None
    assert which.until is not None
    return which.since, which.until


def _shift(groups: Sequence[str], distance: int) -> int:
    """How much earlier the period is that another is compared with: its distance; by day or hour in whole ones."""
    unit = max((_TIMES[group][0] for group in groups if group in _TIMES), default=1)
    return -(-distance // unit) * unit


def _earlier(label: str, shift: int, label_of: Callable[[int], str]) -> str:
    return label_of(max(0, parse_time(label) - shift))  # times begin in 1970, when nothing was used
