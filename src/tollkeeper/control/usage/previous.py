"""What the same groups used in an earlier period of the same length: just before, unless it is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from tollkeeper.rules.times import parse_time
from tollkeeper.store.ports.explorer import Explorer, Figures, Question
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, day_label, hour_label

Place = tuple[str, ...]
_TIMES: Mapping[str, tuple[int, Callable[[int], str]]] = {"day": (DAY_MS, day_label), "hour": (HOUR_MS, hour_label)}
"""Groups by time: how long one lasts, and its label."""


class Previous(Struct, frozen=True):
    """Figures of the period before: of groups, by what they are called in it, and of all groups."""

    figures: Mapping[Place, Figures]
    total: Figures
    earlier: Callable[[Place], Place]

    def of(self, place: Place) -> Figures:
        """The figures that a group of the present period is compared with; zeros where it used nothing."""
        nothing = Figures(refused=None if self.total.refused is None else 0)
        return self.figures.get(self.earlier(place), nothing)


async def previous_of(
    explorer: Explorer, question: Question, rows: Sequence[tuple[Place, Figures]], start: int
) -> Previous:
    """The figures that those `rows` are compared with, which answer a question about a period: of one as long that
    begins at `start`, but ends where that of the question begins. By day or hour the whole of it is earlier still, so
    that each day is compared with the same part of another. Raises StoreError."""
    since, until = span_of(question)
    shift = _shift(question.group_by, since - start)

    def earlier(place: Place) -> Place:
        return tuple(
            _earlier(value, shift, _TIMES[group][1]) if group in _TIMES else value
            for group, value in zip(question.group_by, place, strict=True)
        )

    which = replace(question.which, since=max(0, since - shift), until=min(until - shift, since))
    found = await explorer.explore_groups(replace(question, which=which), [earlier(place) for place, _ in rows])
    return Previous(dict(found.rows), found.total, earlier)


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
