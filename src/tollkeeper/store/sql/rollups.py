"""The sums over records: the rows that some records add to every table of sums (`sum_tables.py`).

All of them are made here, from the records alone, so that a commit, and whoever makes sums anew, adds the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec.structs import astuple

from tollkeeper.rules.histograms import BUCKETS, bucket_of
from tollkeeper.rules.times import month_bounds
from tollkeeper.store.ports.records import ADJUSTMENT, Record, tags_of
from tollkeeper.store.sql.rows import Row
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS

Place = tuple[int | str, ...]
"""Primary key of a row of sums, in the order of the table's columns: a time and the dimensions."""
Counted = tuple[tuple[int, ...], tuple[int, ...]]
"""What one record adds: requests, tokens by class and cost in pico-dollars, which are one in `_COST`; and the places of
its durations among the columns of histograms."""
Sums = dict[Place, list[Counted]]

_COST = 6
_NOWHERE = (0,) * (2 * BUCKETS)


class Rollups(NamedTuple):
    """Rows by table, each under the name of its table. No two of a table have the same key."""

    hourly: list[Row]
    hourly_models: list[Row]
    daily_models: list[Row]
    daily_users: list[Row]
    monthly_users: list[Row]
    monthly: list[Row]
    hourly_tags: list[Row]
    rollup_minutes: list[Row]
    daily_upstreams: list[Row]


def rollups_of(records: Iterable[Record], id_of: Callable[[str], str]) -> Rollups:
    """What records add to the sums. `id_of` gives the opaque id of a user."""
    hours, models, model_days, days, users, months, tags, minutes = (Sums() for _ in range(8))
    spent: dict[tuple[int, str], int] = {}
    month_of: dict[int, int] = {}
    for record in records:
        at, model, status, upstream, endpoint = (
            record.created_at,
            record.model,
            record.status,
            record.upstream,
            record.endpoint,
        )
        user_id, key_id = id_of(record.user_id), record.key_id or ""
        team_id, end_user_id = record.team_id or "", record.end_user_id or ""
        hour, day = at - at % HOUR_MS, at - at % DAY_MS
        month = month_of.get(day)
        if month is None:
            month = month_of[day] = month_bounds(day)[0]
        counted = _counted(record)
        dimensions = (user_id, model, key_id, status, team_id, end_user_id)
        hours.setdefault((hour, *dimensions, upstream, endpoint), []).append(counted)
        models.setdefault((hour, model, status, upstream, endpoint), []).append(counted)
        model_days.setdefault((day, model, status, upstream, endpoint), []).append(counted)
        days.setdefault((day, user_id, key_id, status, team_id), []).append(counted)
        users.setdefault((month, user_id, key_id, status, team_id), []).append(counted)
        place = (month, user_id, key_id, model, upstream, endpoint, status, team_id, end_user_id)
        months.setdefault(place, []).append(counted)
        for name, value in tags_of(record).items():
            tags.setdefault((hour, name, value, *dimensions, upstream, endpoint), []).append(counted)
        _add_minutes(minutes, record, dimensions, counted)
        if record.cost_pico and upstream:
            spent[day, upstream] = spent.get((day, upstream), 0) + record.cost_pico
    return Rollups(
        _with_histograms(hours),
        _with_histograms(models),
        _with_histograms(model_days),
        _plain(days),
        _plain(users),
        _plain(months),
        _with_histograms(tags),
        _plain(minutes),
        [(*place, *divmod(cost, PICO_PER_MICRO)) for place, cost in spent.items()],
    )


def tag_rows(records: Iterable[Record]) -> list[Row]:
    """What records, which have opaque ids of users, have added to the sums by tag."""
    return rollups_of(records, str).hourly_tags


def _counted(record: Record) -> Counted:
    figures = (*astuple(record.usage)[:5], record.cost_pico)
    if record.endpoint == ADJUSTMENT:
        return (0, *figures), ()
    if record.status == "lost":  # nobody knows how long it took
        return (1, *figures), ()
    latency = bucket_of(record.latency_ms)
    if record.first_token_ms is None:
        return (1, *figures), (latency,)
    return (1, *figures), (latency, BUCKETS + bucket_of(record.first_token_ms))


def _add_minutes(minutes: Sums, record: Record, dimensions: Place, counted: Counted) -> None:
    """Requests count by the minute of admission, all else by that of settlement."""
    admitted = record.created_at - record.created_at % MINUTE_MS
    minute = record.settled_at - record.settled_at % MINUTE_MS
    if admitted == minute:
        minutes.setdefault((minute, *dimensions), []).append(counted)
    else:
        figures, _ = counted
        minutes.setdefault((admitted, *dimensions), []).append(((figures[0], 0, 0, 0, 0, 0, 0), ()))
        minutes.setdefault((minute, *dimensions), []).append(((0, *figures[1:]), ()))


def _plain(sums: Mapping[Place, list[Counted]]) -> list[Row]:
    rows: list[Row] = []
    for place, group in sums.items():
        total = _total(group)
        rows.append((*place, *total[:_COST], *divmod(total[_COST], PICO_PER_MICRO)))
    return rows


def _with_histograms(sums: Mapping[Place, list[Counted]]) -> list[Row]:
    rows: list[Row] = []
    for place, group in sums.items():
        total = _total(group)
        row = [*place, *total[:_COST], *divmod(total[_COST], PICO_PER_MICRO), *_NOWHERE]
        start = len(row) - len(_NOWHERE)
        for _, buckets in group:
            for bucket in buckets:
                row[start + bucket] += 1  # type: ignore[operator]
        rows.append(row)
    return rows


def _total(group: list[Counted]) -> tuple[int, ...]:
    return group[0][0] if len(group) == 1 else tuple(map(sum, zip(*[figures for figures, _ in group], strict=True)))
