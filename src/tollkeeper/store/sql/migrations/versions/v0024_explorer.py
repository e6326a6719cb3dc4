"""Sums by upstream and endpoint, with histograms of durations; by day; by all dimensions and month; by tag.

They are made anew from the records. What was pruned is in the old sums alone: what is left of those after the records
is kept. Its upstream is not known any more, its durations neither, and its endpoint only where there were sums by
endpoint.

Revision ID: 0024
"""

# Its queries are put together of the schema's names, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_FIGURES = (
    *("requests", "prompt_tokens", "cached_tokens", "cache_write_tokens", "completion_tokens", "reasoning_tokens"),
    *("cost_micro", "cost_rest"),
)
_BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000)
_DURATIONS = {"latency": "latency_ms", "first_token": "first_token_ms"}
_HISTOGRAMS = tuple(f"{name}_{bucket}" for name in _DURATIONS for bucket in range(len(_BOUNDS) + 1))
_MOMENTS = {"hour", "day", "month"}
_OLD = ("hour", "user_id", "model", "key_id", "status", "team_id", "end_user_id")
_HOURLY = (*_OLD, "upstream", "endpoint")
_MODELS = ("hour", "model", "status", "upstream", "endpoint")
_OF_USER = ("user_id", "key_id", "status", "team_id")
_MONTHLY = ("month", "user_id", "key_id", "model", "upstream", "endpoint", "status", "team_id", "end_user_id")
_TAGS = ("name", "hour", "value", *_HOURLY[1:])
_BY_ENDPOINT = ("hour", "endpoint", "user_id", "model", "key_id", "team_id")
_SAME_PLACE = "(hour, user_id, model, key_id, team_id)"
_NO_MONEY = "cost_rest % 1000000 = 0 AND cost_micro + cost_rest / 1000000 = 0"
_MONTH = "CAST(strftime('%s', hour / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000"
_IN_RECORDS = {
    "hour": "created_at - created_at % 3600000",
    **{name: f"coalesce({name}, '')" for name in ("key_id", "team_id", "end_user_id")},
}
_NOT_BY_ENDPOINT = (
    "'/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/messages', '/api/chat', '/api/generate',"
    " 'adjustment'"
)


def upgrade() -> None:
    run = op.get_bind().exec_driver_sql
    for name in ("hourly", "hourly_models", "monthly_users"):
        run(f"ALTER TABLE {name} RENAME TO old_{name}")
    op.drop_index("hourly_of_user", "old_hourly")
    _create("hourly", _HOURLY, _HISTOGRAMS)
    _create("hourly_models", _MODELS, _HISTOGRAMS)
    _create("daily_models", ("day", *_MODELS[1:]), _HISTOGRAMS)
    _create("daily_users", ("day", *_OF_USER))
    _create("monthly_users", ("month", *_OF_USER))
    _create("monthly", _MONTHLY)
    _create("hourly_tags", _TAGS, _HISTOGRAMS)
    _fill("hourly", _HOURLY, "records")
    _keep_pruned()
    op.create_index("hourly_of_user", "hourly", ["user_id", "hour"])
    tagged = (
        "records JOIN record_metadata USING (request_id) JOIN json_each(metadata) AS tag"
        " ON tag.type = 'text' AND tag.value != '' AND endpoint != 'adjustment' AND status != 'lost'"
        r" AND instr(replace(metadata, '\\', ''), '\u0000') = 0"
    )
    _fill("hourly_tags", _TAGS, tagged, _IN_RECORDS | {"name": "tag.key", "value": "tag.value"})
    _add_up("hourly_models", _MODELS, _HISTOGRAMS)
    _add_up("daily_models", ("day", *_MODELS[1:]), _HISTOGRAMS, day="hour - hour % 86400000")
    _add_up("daily_users", ("day", *_OF_USER), day="hour - hour % 86400000")
    _add_up("monthly_users", ("month", *_OF_USER), month=_MONTH)
    _add_up("monthly", _MONTHLY, month=_MONTH)
    for name in ("old_hourly", "old_hourly_models", "old_monthly_users", "hourly_endpoints"):
        op.drop_table(name)


def _create(name: str, key: tuple[str, ...], more: tuple[str, ...] = ()) -> None:
    op.create_table(
        name,
        *(
            sa.Column(each, sa.BigInteger if each in {"hour", "day", "month"} else sa.Text, nullable=False)
            for each in key
        ),
        *(sa.Column(figure, sa.BigInteger, nullable=False) for figure in (*_FIGURES, *more)),
        sa.PrimaryKeyConstraint(*key),
        sqlite_with_rowid=False,
    )


def _fill(name: str, key: tuple[str, ...], source: str, columns: Mapping[str, str] = _IN_RECORDS) -> None:
    """Fill a table of sums from records."""
    places = ", ".join(columns.get(each, each) for each in key)
    numbers = ", ".join(str(number + 1) for number in range(len(key)))
    op.execute(
        f"INSERT INTO {name} ({', '.join((*key, *_FIGURES, *_HISTOGRAMS))})"
        f" SELECT {places}, {_sums_of_records()}, {_counts_of_records()} FROM {source} GROUP BY {numbers}"
    )


def _sums_of_records(sign: str = "") -> str:
    figures = ["endpoint != 'adjustment'", *_FIGURES[1:6], "cost_pico / 1000000", "cost_pico % 1000000"]
    return ", ".join(f"{sign}sum({figure}) AS {name}" for figure, name in zip(figures, _FIGURES, strict=True))


def _counts_of_records() -> str:
    found = []
    for column in _DURATIONS.values():
        bounds = (None, *_BOUNDS, None)
        for lower, upper in pairwise(bounds):
            within = ["endpoint != 'adjustment' AND status != 'lost'", f"{column} IS NOT NULL"]
            within += [] if lower is None else [f"{column} > {lower}"]
            within += [] if upper is None else [f"{column} <= {upper}"]
            found.append(f"sum({' AND '.join(within)})")
    return ", ".join(found)


def _keep_pruned() -> None:
    """Add what the old sums have, and no record. Sums by endpoint have no status and no end user: they are spread over
    the sums of the same place, the largest first, and never more of each than it has."""
    run = op.get_bind().exec_driver_sql
    zeros = ", 0" * len(_HISTOGRAMS)
    into = f"INSERT INTO hourly ({', '.join((*_HOURLY, *_FIGURES, *_HISTOGRAMS))})"
    added = "ON CONFLICT DO UPDATE SET " + ", ".join(f"{name} = {name} + excluded.{name}" for name in _FIGURES)
    _left_over("left_of_hours", "old_hourly", _OLD)
    _left_over("left_of_endpoints", "hourly_endpoints", _BY_ENDPOINT, f" WHERE endpoint NOT IN ({_NOT_BY_ENDPOINT})")
    run(f"{into} SELECT {', '.join(_OLD)}, '', '', {', '.join(_FIGURES)}{zeros} FROM left_of_hours WHERE true {added}")
    values = f"VALUES ({', '.join('?' * (len(_HOURLY) + len(_FIGURES)))}{zeros})"
    moved = [*_moved_to_endpoints(run)]
    if moved:
        run(f"{into} {values} {added}", moved)
    nothing = " AND ".join(f"{name} = 0" for name in _FIGURES[:6])
    run(f"DELETE FROM hourly WHERE upstream = '' AND endpoint = '' AND {nothing} AND {_NO_MONEY}")
    for name in ("left_of_hours", "left_of_endpoints"):
        run(f"DROP TABLE temp.{name}")


def _moved_to_endpoints(run: Callable[[str], Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
    """Rows of `hourly` that take what was left of endpoints from the sums without one, and give it to those with."""
    rows: dict[tuple[Any, ...], list[tuple[tuple[Any, ...], list[int]]]] = {}
    found = run(
        f"SELECT {_SAME_PLACE[1:-1]}, {', '.join((*_OLD, *_FIGURES))} FROM left_of_hours WHERE {_SAME_PLACE} IN"
        f" (SELECT {_SAME_PLACE[1:-1]} FROM left_of_endpoints) ORDER BY requests DESC, status, end_user_id"
    )
    for each in found:
        place, row, figures = each[:5], each[5 : 5 + len(_OLD)], each[5 + len(_OLD) :]
        rows.setdefault(tuple(place), []).append((tuple(row), _counts(figures)))
    for each in run(f"SELECT {_SAME_PLACE[1:-1]}, endpoint, {', '.join(_FIGURES)} FROM left_of_endpoints"):
        wanted = _counts(each[6:])
        for row, left in rows.get(tuple(each[:5]), ()):
            taken = [max(0, min(pair)) for pair in zip(left, wanted, strict=True)]
            for number, figure in enumerate(taken):
                left[number] -= figure
                wanted[number] -= figure
            if not any(taken):
                continue
            *counts, cost = taken
            micro, rest = divmod(cost, 10**6)
            yield (*row, "", each[5], *counts, micro, rest)
            yield (*row, "", "", *(-count for count in counts), -micro, -rest)


def _counts(figures: Sequence[int]) -> list[int]:
    """Figures with the cost as one number."""
    *counts, micro, rest = figures
    return [*counts, micro * 10**6 + rest]


def _left_over(name: str, table: str, key: tuple[str, ...], where: str = "") -> None:
    """Make a table of what a table of sums has beyond the sums of the records."""
    places = ", ".join(key)
    in_records = ", ".join(f"{_IN_RECORDS.get(each, each)} AS {each}" for each in key)
    sums = ", ".join(f"sum({figure}) AS {figure}" for figure in _FIGURES)
    something = " OR ".join(f"sum({figure}) != 0" for figure in _FIGURES[:6])
    money = "sum(cost_rest) % 1000000 != 0 OR sum(cost_micro) + sum(cost_rest) / 1000000 != 0"
    numbers = ", ".join(str(number + 1) for number in range(len(key)))
    op.execute(
        f"CREATE TEMP TABLE {name} AS SELECT {places}, {sums} FROM (SELECT {places}, {', '.join(_FIGURES)} FROM {table}"
        f" UNION ALL SELECT {in_records}, {_sums_of_records('-')} FROM records{where} GROUP BY {numbers})"
        f" GROUP BY {places} HAVING {something} OR {money}"
    )


def _add_up(name: str, key: tuple[str, ...], more: tuple[str, ...] = (), **columns: str) -> None:
    """Fill a table of sums from those by hour."""
    places = ", ".join(columns.get(each, each) for each in key)
    sums = ", ".join(f"sum({figure})" for figure in (*_FIGURES, *more))
    numbers = ", ".join(str(number + 1) for number in range(len(key)))
    names = ", ".join((*key, *_FIGURES, *more))
    op.execute(f"INSERT INTO {name} ({names}) SELECT {places}, {sums} FROM hourly GROUP BY {numbers}")
