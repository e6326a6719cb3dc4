"""Verification of the sums over records, and of their index: each against the records, or against finer sums that were
compared with them.

Of records that were pruned, only sums by user and month are known; that their sums by hour are still those is all that
can be said of their hours, and of their tags, that they are not more than all requests.
"""

# Its queries are built from the schema's names and numbers, nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tollkeeper.rules.times import format_time
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.record_index import INDEXED
from tollkeeper.store.sql.rollups import DIMENSIONS, IN_RECORDS, USED
from tollkeeper.store.sql.sum_tables import FIGURES, HISTOGRAMS
from tollkeeper.store.sqlite.roll_up import SUMS
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS, day_of, hour_of, minute_of

_OF_MINUTES = DIMENSIONS[:6]
_TAGGED = (*DIMENSIONS, "name", "value")
_HOUR = f"created_at - created_at % {HOUR_MS}"
_COARSER: Mapping[str, tuple[str, str, str, tuple[str, ...]]] = {
    "hourly_models": ("hourly", "hour", "hour", ("model", "status", "upstream", "endpoint")),
    "daily_models": ("hourly", "day", f"hour - hour % {DAY_MS}", ("model", "status", "upstream", "endpoint")),
    "hourly_teams": ("hourly", "hour", "hour", ("team_id", "model", "status")),
    "daily_teams": ("hourly", "day", f"hour - hour % {DAY_MS}", ("team_id", "model", "status")),
    "daily_users": ("hourly", "day", f"hour - hour % {DAY_MS}", ("user_id", "key_id", "status", "team_id")),
    "monthly_users": ("hourly", "month", SUMS.month_of("hour"), ("user_id", "key_id", "status", "team_id")),
    "monthly": ("hourly", "month", SUMS.month_of("hour"), DIMENSIONS),
    "daily_tags": (
        "hourly_tags",
        "day",
        f"hour - hour % {DAY_MS}",
        ("name", "value", "model", "status", "upstream", "endpoint"),
    ),
}
"""Tables that have the sums of a table by hour again: that, their column of time, what that is of an hour, and their
dimensions."""
_WITH_HISTOGRAMS = {"hourly_models", "daily_models", "hourly_teams", "daily_teams", "daily_tags"}
_COUNTS = tuple(name for name in (*FIGURES, *HISTOGRAMS) if not name.startswith("cost"))
"""Figures that are never below 0."""


def sum_faults(
    connection: sqlite3.Connection, identities: Identities, pruned: int, newest: int, rolled_up: int, minutes_from: int
) -> Iterator[str]:
    """What is wrong with the sums. `pruned` is the number of the last record that was pruned, and `newest` the latest
    moment of those; `rolled_up` is that of the last record that the sums have, and `minutes_from` is where the sums by
    minute begin."""
    check = _SumCheck(connection, identities, rolled_up)
    yield from check.hours(pruned, newest)
    yield from check.minutes(minutes_from, newest)
    yield from check.coarser()
    yield from check.tags(pruned, newest)
    yield from check.upstreams(pruned, newest)
    yield from check.index()


def _hours_from(pruned: int, newest: int) -> int:
    """The first hour of which no record was pruned."""
    return hour_of(newest) + HOUR_MS if pruned else 0


class _SumCheck:
    def __init__(self, connection: sqlite3.Connection, identities: Identities, rolled_up: int) -> None:
        self._connection = connection
        self._identities = identities
        # Not by the index of numbers: it is nearly all of them.
        self._records = f"(SELECT * FROM records WHERE +seq <= {rolled_up})"

    def hours(self, pruned: int, newest: int) -> Iterator[str]:
        # Pruned records are in the hours up to that of the newest: there, only sums by user and month can be compared.
        whole_from = _hours_from(pruned, newest)
        compared = (*FIGURES, *HISTOGRAMS)
        rows = (
            _added(
                f"created_at - created_at % {HOUR_MS}",
                DIMENSIONS,
                self._records,
                (SUMS.requests, *USED, *SUMS.durations),
                compared,
            )
            + f" WHERE created_at >= {whole_from} UNION ALL "
            + _subtracted("hour", DIMENSIONS, "hourly", compared)
            + f" WHERE hour >= {whole_from}"
        )
        for at, *values in self._left_over(rows, DIMENSIONS, compared):
            described = self._described(DIMENSIONS, values)
            yield f"the sums of the hour {format_time(at)} of {described} are not those of its records"
        month = SUMS.month_of("hour")
        old = (
            _added(SUMS.month_of("created_at"), ("user_id",), self._records, (SUMS.requests, *USED), FIGURES)
            + f" WHERE created_at < {whole_from} UNION ALL "
            + f"SELECT month, user_id, {', '.join(FIGURES)} FROM pruned_users UNION ALL "
            + _subtracted(month, ("user_id",), "hourly", FIGURES)
            + f" WHERE hour < {whole_from}"
        )
        for at, user_id in self._left_over(old, ("user_id",), FIGURES):
            user = self._identities.user_id_of(user_id)
            before = f"before {format_time(whole_from)} of {user} in the month {format_time(at)}"
            yield f"the sums of all hours {before} are not those of what was pruned"
        users = f"SELECT 0 AS at, {', '.join(FIGURES)} FROM checkpoints WHERE seq = {pruned} UNION ALL " + _subtracted(
            "0", (), "pruned_users", FIGURES
        )
        for _ in self._left_over(users, (), FIGURES):
            yield "the sums of what was pruned by user are not those of the last checkpoint"

    def minutes(self, minutes_from: int, newest: int) -> Iterator[str]:
        whole_from = max(minutes_from, minute_of(newest) + MINUTE_MS)
        admitted, settled = (f"{column} - {column} % {MINUTE_MS}" for column in ("created_at", "settled_at"))
        rows = (
            _added(admitted, _OF_MINUTES, self._records, (SUMS.requests, *["0"] * len(USED)), FIGURES)
            + f" WHERE created_at >= {whole_from} UNION ALL "
            + _added(settled, _OF_MINUTES, self._records, ("0", *USED), FIGURES)
            + f" WHERE settled_at >= {whole_from} UNION ALL "
            + _subtracted("minute", _OF_MINUTES, "rollup_minutes", FIGURES)
            + f" WHERE minute >= {whole_from}"
        )
        for at, *values in self._left_over(rows, _OF_MINUTES, FIGURES):
            described = self._described(_OF_MINUTES, values)
            yield f"the sums of the minute {format_time(at)} of {described} are not those of its records"

    def coarser(self) -> Iterator[str]:
        """Compare the sums by fewer dimensions, and those by day and month, with those by hour."""
        for table, (source, moment, at, dimensions) in _COARSER.items():
            compared = (*FIGURES, *HISTOGRAMS) if table in _WITH_HISTOGRAMS else FIGURES
            rows = f"SELECT {at} AS at, {', '.join((*dimensions, *compared))} FROM {source} UNION ALL " + _subtracted(
                moment, dimensions, table, compared
            )
            for found, *values in self._left_over(rows, dimensions, compared):
                described = self._described(dimensions, values)
                yield f"the sums of the {moment} {format_time(found)} of {described} are not those of its hours"

    def tags(self, pruned: int, newest: int) -> Iterator[str]:
        compared = (*FIGURES, *HISTOGRAMS)
        in_records = {**IN_RECORDS, "name": "tag.key", "value": "tag.value"}
        tags = f"{self._records} JOIN {SUMS.tag_members} WHERE {SUMS.tagged}"
        figures = (SUMS.requests, *USED, *SUMS.durations)
        rows = (
            _added(_HOUR, _TAGGED, tags, figures, compared, in_records)
            + " UNION ALL "
            + _subtracted("hour", _TAGGED, "hourly_tags", compared)
        )
        # Of the hours that have pruned records, the sums may be more than those of the records that are there.
        whole_from = _hours_from(pruned, newest)
        lacking = f"at < {whole_from} AND {' AND '.join(f'sum({name}) <= 0' for name in _COUNTS)}"
        for at, *values in self._left_over(rows, _TAGGED, compared, unless=lacking):
            described = self._described(_TAGGED, values)
            yield f"the sums by tag of the hour {format_time(at)} of {described} are not those of its records"
        counts = ", ".join(f"sum({name}) AS {name}" for name in _COUNTS)
        everything = (
            f"SELECT hour AS at, {', '.join(DIMENSIONS)}, {counts} FROM hourly_tags WHERE hour < {whole_from}"
            f" GROUP BY hour, name, {', '.join(DIMENSIONS)}"
        )
        more = " OR ".join(f"tagged.{name} > hourly.{name}" for name in _COUNTS)
        same = " AND ".join(f"hourly.{name} = tagged.{name}" for name in DIMENSIONS)
        for at, *values in self._connection.execute(
            f"SELECT at, {', '.join(f'tagged.{name}' for name in DIMENSIONS)} FROM ({everything}) AS tagged"
            f" LEFT JOIN hourly ON hour = at AND {same} WHERE hour IS NULL OR {more}"
        ):
            described = self._described(DIMENSIONS, values)
            yield f"the sums by tag of the hour {format_time(at)} of {described} are more than those of all requests"

    def upstreams(self, pruned: int, newest: int) -> Iterator[str]:
        """Compare what upstreams cost by day with the records. Of days with pruned records nothing else is known."""
        whole_from = day_of(newest) + DAY_MS if pruned else 0
        rows = (
            f"SELECT created_at - created_at % {DAY_MS} AS at, upstream, cost_pico / 1000000 AS cost_micro,"
            f" cost_pico % 1000000 AS cost_rest FROM {self._records}"
            f" WHERE created_at >= {whole_from} AND cost_pico != 0 AND upstream != ''"
            " UNION ALL SELECT day, upstream, -cost_micro, -cost_rest"
            f" FROM daily_upstreams WHERE day >= {whole_from}"
        )
        for at, upstream in self._left_over(rows, ("upstream",), FIGURES[-2:]):
            yield f"the cost of {upstream} on the day {format_time(at)} is not that of its records"

    def index(self) -> Iterator[str]:
        """Compare the index of records, which follows them with their sums."""
        for number, name in enumerate(INDEXED):
            present = f"FROM {self._records} AS found WHERE {name} IS NOT NULL"
            where = f"field = {number} AND value = found.{name} AND request_id = found.request_id"
            lacking = f"SELECT request_id {present} AND NOT EXISTS (SELECT 1 FROM record_index WHERE {where})"
            for (request_id,) in self._connection.execute(lacking):
                yield f"{request_id} is not in the index of records by {name}"
            counts = f"SELECT (SELECT count(*) FROM record_index WHERE field = {number}), (SELECT count(*) {present})"
            there, records = self._connection.execute(counts).fetchone()
            if there > records:
                yield f"the index of records by {name} has some that do not exist"

    def _left_over(
        self, rows: str, dimensions: Sequence[str], compared: Sequence[str], unless: str = "0"
    ) -> Iterator[Any]:
        """Rows cancel each other out where sums agree: what is left over is a fault, unless a condition is met. The two
        parts of a sum of money may be split differently, so they are compared as one number."""
        numbers = ", ".join(str(number + 1) for number in range(1 + len(dimensions)))
        wrong = [f"sum({figure}) != 0" for figure in compared if not figure.startswith("cost")]
        money = "sum(cost_rest) % 1000000 != 0 OR sum(cost_micro) + sum(cost_rest) / 1000000 != 0"
        return self._connection.execute(
            f"SELECT {', '.join(('at', *dimensions))} FROM ({rows}) GROUP BY {numbers}"
            f" HAVING ({' OR '.join((*wrong, money))}) AND NOT ({unless}) ORDER BY {numbers}"
        )

    def _described(self, dimensions: Sequence[str], values: Sequence[str]) -> str:
        """Whose sums they are: what there always is, then what there may be."""
        found = dict(zip(dimensions, values, strict=True))
        if "user_id" in found:
            found["user_id"] = self._identities.user_id_of(found["user_id"])
        found |= {"key_id": found["key_id"] or "no key"} if "key_id" in found else {}
        team = found.pop("team_id", "")
        always = [found.pop(name) for name in ("user_id", "model", "key_id", "status") if name in found]
        return ", ".join([*always, *([f"team {team}"] if team else []), *filter(None, found.values())])


def _added(
    at: str,
    dimensions: Collection[str],
    source: str,
    figures: Sequence[str],
    names: Sequence[str],
    columns: Mapping[str, str] = IN_RECORDS,
) -> str:
    places = [f"{columns.get(name, name)} AS {name}" for name in dimensions]
    named = [f"{figure} AS {name}" for figure, name in zip(figures, names, strict=True)]
    return f"SELECT {', '.join((f'{at} AS at', *places, *named))} FROM {source}"


def _subtracted(at: str, dimensions: Sequence[str], table: str, compared: Sequence[str]) -> str:
    return f"SELECT {', '.join((at, *dimensions, *(f'-{figure}' for figure in compared)))} FROM {table}"
