"""The tables of sums over records, for every SQL engine: each has a column of time, dimensions, and figures. A row is
that of all records with the same values of the dimensions, "" where a record has none.

Sums of money may exceed 64 bits where single records do not, so sums are kept in two parts: whole micro-dollars and the
pico-dollars below (which may exceed a million, once added up): cost = cost_micro × 10⁶ + cost_rest.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, MetaData, PrimaryKeyConstraint, Table

from tollkeeper.rules.histograms import BUCKETS
from tollkeeper.store.ports.record_fields import TOKENS
from tollkeeper.store.sql.column_types import Text

METADATA = MetaData()
"""Shared with the other tables (`schema.py`)."""
FIGURES = ("requests", *TOKENS, "cost_micro", "cost_rest")
"""Columns of figures in every table of sums."""
PICO_PER_MICRO = 10**6
LATENCIES = tuple(f"latency_{bucket}" for bucket in range(BUCKETS))
FIRST_TOKENS = tuple(f"first_token_{bucket}" for bucket in range(BUCKETS))
HISTOGRAMS = (*LATENCIES, *FIRST_TOKENS)
"""Columns of the histograms of the two durations: how many requests are in each bucket (`rules/histograms.py`). Of the
time to the first token, requests without one are in none."""


def figure_columns(*more: str) -> list[Column[int]]:
    """New columns for the figures of a table of sums, and for `more`; new, since a column belongs to one table."""
    return [Column(name, BigInteger, nullable=False) for name in (*FIGURES, *more)]


def _sums(name: str, moment: str, *dimensions: str, more: tuple[str, ...] = (), key: tuple[str, ...] = ()) -> Table:
    """A table of sums by a time and dimensions. `key` is the order of its primary key, where that does not begin with
    the time."""
    return Table(
        name,
        METADATA,
        Column(moment, BigInteger, nullable=False),
        *(Column(dimension, Text, nullable=False) for dimension in dimensions),
        *figure_columns(*more),
        PrimaryKeyConstraint(*(key or (moment, *dimensions))),
        sqlite_with_rowid=False,
    )


_ALL = ("user_id", "model", "key_id", "status", "team_id", "end_user_id")

hourly = _sums("hourly", "hour", *_ALL, "upstream", "endpoint", more=HISTOGRAMS)
Index("hourly_of_user", hourly.c.user_id, hourly.c.hour)

# The sums of `hourly` again, without dimensions that many pages do not need: as many rows as there are models, teams or
# users, where `hourly` may have almost as many as there are records. Those by model and by team have no user, and those
# by user no model, nor what only makes sense beside one.
hourly_models = _sums("hourly_models", "hour", "model", "status", "upstream", "endpoint", more=HISTOGRAMS)
daily_models = _sums("daily_models", "day", "model", "status", "upstream", "endpoint", more=HISTOGRAMS)
hourly_teams = _sums("hourly_teams", "hour", "team_id", "model", "status", more=HISTOGRAMS)
daily_teams = _sums("daily_teams", "day", "team_id", "model", "status", more=HISTOGRAMS)
daily_users = _sums("daily_users", "day", "user_id", "key_id", "status", "team_id")
monthly_users = _sums("monthly_users", "month", "user_id", "key_id", "status", "team_id")
monthly = _sums(
    "monthly", "month", "user_id", "key_id", "model", "upstream", "endpoint", "status", "team_id", "end_user_id"
)

# By each name in the metadata of requests, and its value there. What has no such name is all else. Of records that are
# pruned the sums stay, as all do; of persons who are forgotten no tag is kept.
hourly_tags = _sums(
    "hourly_tags", "hour", "name", "value", *_ALL, "upstream", "endpoint", more=HISTOGRAMS,
    key=("name", "hour", "value", *_ALL, "upstream", "endpoint"),
)  # fmt: skip

# The same by day without persons: what has a tag is often asked for by its value alone, and by hour and user there are
# almost as many sums as records.
daily_tags = _sums(
    "daily_tags", "day", "name", "value", "model", "status", "upstream", "endpoint", more=HISTOGRAMS,
    key=("name", "day", "value", "model", "status", "upstream", "endpoint"),
)  # fmt: skip

# What each upstream has cost, by the day of admission (UTC): budgets of upstreams start from it. Records that cost
# nothing have no row.
daily_upstreams = Table(
    "daily_upstreams",
    METADATA,
    Column("day", BigInteger, nullable=False),
    Column("upstream", Text, nullable=False),
    Column("cost_micro", BigInteger, nullable=False),
    Column("cost_rest", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "upstream"),
    sqlite_with_rowid=False,
)

# By settlement for tokens and cost, by admission for requests: one record may count in two rows.
rollup_minutes = _sums("rollup_minutes", "minute", *_ALL)

ROLLUPS = {
    table.name: table
    for table in (
        hourly,
        hourly_models,
        daily_models,
        hourly_teams,
        daily_teams,
        daily_users,
        monthly_users,
        monthly,
        hourly_tags,
        daily_tags,
        rollup_minutes,
        daily_upstreams,
    )
}
"""Every table of sums over the records that there are, or ever were."""
