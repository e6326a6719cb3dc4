"""The sums over records: the statements that add some records to every table of sums (`sum_tables.py`).

The database adds many records at once: first they are added up in a temporary table, by the minutes of admission and
settlement and all dimensions, and every table of sums takes from that. There, five buckets of a histogram are one
number, since adding 32 numbers took longer than all the rest: 12 bits for each count, so `MOST` records at once.

The statements are texts, in the words of one engine (`words.py`): SQLite's run without SQLAlchemy.
"""

# The statements are put together of the schema's names and numbers, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from sqlalchemy import Table

from tollkeeper.rules.histograms import BOUNDS_MS, BUCKETS
from tollkeeper.store.ports.record_fields import TOKENS
from tollkeeper.store.ports.records import ADJUSTMENT, BACKSLASH, NUL
from tollkeeper.store.sql.sum_tables import (
    FIGURES,
    FIRST_TOKENS,
    HISTOGRAMS,
    LATENCIES,
    PICO_PER_MICRO,
    ROLLUPS,
    daily_tags,
    daily_upstreams,
    hourly_tags,
    rollup_minutes,
)
from tollkeeper.store.sql.words import Words
from tollkeeper.store.time_buckets import DAY_MS, HOUR_MS, MINUTE_MS

DIMENSIONS = ("user_id", "model", "key_id", "status", "team_id", "end_user_id", "upstream", "endpoint")
"""What sums are by, besides time and tags."""
IN_RECORDS: Mapping[str, str] = {name: f"coalesce({name}, '')" for name in ("key_id", "team_id", "end_user_id")}
"""Dimensions of a record, where they are not just its columns."""
_IS_REQUEST = f"endpoint != '{ADJUSTMENT}'"
USED = (*TOKENS, f"cost_pico / {PICO_PER_MICRO}", f"cost_pico % {PICO_PER_MICRO}")
"""Tokens and cost of a record. SQL rounds towards 0: both parts of a negative cost are negative."""
_KNOWN = f"{_IS_REQUEST} AND status != 'lost'"
"""The condition for records with durations and tags: of a lost request nobody knows how long it took, and its
metadata is not the client's."""
_HISTOGRAM_OF = {"latency_ms": LATENCIES, "first_token_ms": FIRST_TOKENS}
TAG_SUMS = (hourly_tags, daily_tags)
"""Sums by tag."""


def _durations() -> Iterator[str]:
    bounds = (None, *BOUNDS_MS, None)
    for column in _HISTOGRAM_OF:
        for lower, upper in pairwise(bounds):
            within = [_KNOWN, f"{column} IS NOT NULL"]
            within += [] if lower is None else [f"{column} > {lower}"]
            within += [] if upper is None else [f"{column} <= {upper}"]
            yield " AND ".join(within)


def _floor(moment: str, unit: int) -> str:
    return f"{moment} - {moment} % {unit}"


_DAY_OF_HOUR = {"day": _floor("hour", DAY_MS)}
_BITS, _PACKED = 12, 5
"""Bits of a count, and counts of a number, which has 63 bits."""
MOST = 2**_BITS - 1
"""The most records that may be added at once."""


def _packs(column: str) -> Iterator[tuple[str, str]]:
    """The numbers that a histogram is packed into: their names, and what a record with a bucket adds to each."""
    for number, first in enumerate(range(0, BUCKETS, _PACKED)):
        buckets = range(first, min(first + _PACKED, BUCKETS))
        cases = (f"WHEN {bucket} THEN {1 << _BITS * (bucket - first)}" for bucket in buckets)
        yield f"{column}_{number}_packed", f"CASE {column}_bucket {' '.join(cases)} ELSE 0 END"


_PACKS = {name: value for column in _HISTOGRAM_OF for name, value in _packs(column)}


def _bucket(column: str) -> str:
    cases = " ".join(f"WHEN {column} <= {bound} THEN {bucket}" for bucket, bound in enumerate(BOUNDS_MS))
    return f"CASE WHEN NOT ({_KNOWN}) OR {column} IS NULL THEN NULL {cases} ELSE {len(BOUNDS_MS)} END"


def _selected(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{value} AS {name}" for name, value in columns.items())


def _ending(table: Table, values: Mapping[str, str], source: str, where: str) -> str:
    """A statement that deletes the sums over the rows of a source where no request is left in them."""
    key = [column.name for column in table.primary_key.columns]
    places = ", ".join(values.get(name, name) for name in key)
    theirs = f"SELECT {places} FROM {source} WHERE {where}"
    return f"DELETE FROM {table.name} WHERE requests = 0 AND ({', '.join(key)}) IN ({theirs})"


def _by_minute() -> str:
    """Requests count by the minute of admission, all else by that of settlement."""
    dimensions = ", ".join(column.name for column in rollup_minutes.primary_key.columns if column.name != "minute")
    used = ", ".join(FIGURES[1:])
    nothing = ", ".join("0" for _ in FIGURES[1:])
    return (
        f"(SELECT minute, {dimensions}, {', '.join(FIGURES)} FROM delta WHERE minute = settled"
        f" UNION ALL SELECT minute, {dimensions}, requests, {nothing} FROM delta WHERE minute != settled"
        f" UNION ALL SELECT settled, {dimensions}, 0, {used} FROM delta WHERE minute != settled) AS moments"
    )


class SumStatements:
    """The statements in the words of an engine, and the parts that verification reads records with."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self.requests = words.number(_IS_REQUEST)
        """1 for a record that counts as a request."""
        self.durations = tuple(map(words.number, _durations()))
        """Whether a record counts in each bucket of the two histograms."""
        self.tag_members = f"record_metadata USING (request_id){words.tags}"
        """The members of the metadata of records that are joined with it."""
        without = words.is_without(f"replace(metadata, '{BACKSLASH}', '')", NUL)
        self.tagged = f"{_KNOWN} AND {words.is_text} AND {words.tag_value} != '' AND {without}"
        """The condition for those of them that are tags."""
        self.prepare = (
            f"CREATE TEMP TABLE IF NOT EXISTS delta (minute {words.integer}, settled {words.integer},"
            f" {', '.join(f'{name} {words.text}' for name in DIMENSIONS)},"
            f" {', '.join(f'{name} {words.integer}' for name in (*FIGURES, *_PACKS))}){words.end_of_temporary_table}"
        )
        """Make the temporary table, once on a connection."""
        self.clear = "DELETE FROM delta"
        self.add_up = f"INSERT INTO delta {self._added_up()}"
        """Add up the records with a number in the chain above the first parameter, up to the second."""
        self.newest = "SELECT max(settled) FROM delta"
        """The last minute in which one of these records was settled."""
        self.add = tuple(self._of_delta(table) for table in ROLLUPS.values() if table not in TAG_SUMS)
        """Add what was added up to all sums but those by tag."""
        these = f"seq > {words.after} AND seq <= {words.upto}"
        self.add_new_tags = tuple(self.add_tags(table, these) for table in TAG_SUMS)
        """Add records to the sums by tag; parameters as of `add_up`."""

    def month_of(self, moment: str) -> str:
        """The beginning of the month of a moment, both in milliseconds."""
        return self._words.month_of(moment)

    def add_tags(self, table: Table, which: str, sign: str = "") -> str:
        """A statement that adds records to sums by tag. `which` is a condition; `sign` "-" subtracts them instead."""
        added = zip((*FIGURES, *HISTOGRAMS), (self.requests, *USED, *self.durations), strict=True)
        figures = {name: f"{sign}sum({figure})" for name, figure in added}
        return self._adding(table, self._of_tags() | figures, self._tags(), f"{which} AND {self.tagged}")

    def end_tags(self, table: Table, which: str) -> str:
        """A statement that deletes sums by tag of some records where no request is left in them."""
        return _ending(table, self._of_tags(), self._tags(), f"{which} AND {self.tagged}")

    def subtract_days(self, which: str) -> str:
        """A statement that subtracts sums by tag and hour from those by day. `which` is a condition."""
        figures = {name: f"-sum({name})" for name in (*FIGURES, *HISTOGRAMS)}
        return self._adding(daily_tags, _DAY_OF_HOUR | figures, "hourly_tags", which)

    def end_days(self, which: str) -> str:
        """A statement that deletes the sums by tag and day of some by hour where no request is left in them."""
        return _ending(daily_tags, _DAY_OF_HOUR, "hourly_tags", which)

    def _adding(self, table: Table, values: Mapping[str, str], source: str, where: str = "true") -> str:
        """A statement that adds the sums over the rows of a source to those of a table. `values` are what is not a
        column of the source, or not its sum."""
        key = [column.name for column in table.primary_key.columns]
        columns = {
            column.name: values.get(column.name, column.name if column.primary_key else f"sum({column.name})")
            for column in table.columns
        }
        names = [*columns]
        grouped = ", ".join(str(names.index(name) + 1) for name in key)
        changed = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in names if name not in key)
        unique = ", ".join(map(self._words.unique, key))
        return (
            f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(columns.values())} FROM {source}"
            f" WHERE {where} GROUP BY {grouped} ON CONFLICT ({unique}) DO UPDATE SET {changed}"
        )

    def _tags(self) -> str:
        return f"records JOIN {self.tag_members}"

    def _of_tags(self) -> dict[str, str]:
        return {
            "hour": _floor("created_at", HOUR_MS),
            "day": _floor("created_at", DAY_MS),
            "name": self._words.tag_name,
            "value": self._words.tag_value,
            **IN_RECORDS,
        }

    def _added_up(self) -> str:
        at = {"minute": _floor("created_at", MINUTE_MS), "settled": _floor("settled_at", MINUTE_MS)}
        places = at | {name: IN_RECORDS.get(name, name) for name in DIMENSIONS}
        figures = dict(zip(FIGURES, (self.requests, *USED), strict=True))
        buckets = {f"{column}_bucket": _bucket(column) for column in _HISTOGRAM_OF}
        sums = {name: f"sum({name})" for name in FIGURES} | {name: f"sum({value})" for name, value in _PACKS.items()}
        return (
            f"SELECT {', '.join(places)}, {', '.join(sums.values())} FROM"
            f" (SELECT {_selected(places | figures | buckets)} FROM records"
            f" WHERE seq > {self._words.after} AND seq <= {self._words.upto} {self._words.apart}) AS these"
            f" GROUP BY {', '.join(places)}"
        )

    def _of_delta(self, table: Table) -> str:
        if table is rollup_minutes:
            return self._adding(table, {}, _by_minute())
        unpacked = {
            name: f"{self._words.whole(f'sum({column}_{bucket // _PACKED}_packed)')}"
            f" >> {_BITS * (bucket % _PACKED)} & {MOST}"
            for column, names in _HISTOGRAM_OF.items()
            for bucket, name in enumerate(names)
        }
        of_delta = {
            "hour": _floor("minute", HOUR_MS),
            "day": _floor("minute", DAY_MS),
            "month": self.month_of("minute"),
            **unpacked,
        }
        costly = "upstream != '' AND (cost_micro != 0 OR cost_rest != 0)" if table is daily_upstreams else "true"
        return self._adding(table, of_delta, "delta", costly)
