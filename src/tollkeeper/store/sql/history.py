"""Past usage for counters, from the sums by minute and hour and the newest records.

Limits on whole accounts need months and all time, which the sums by month and user have; those by hour, of which there
may be as many as records, are read only for users for whom keys and models are to be separated.

The sums include everything that is committed. For a history that ends earlier, the few later records are subtracted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Table, case, func, literal, select

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.times import month_bounds
from tollkeeper.rules.windows import Span
from tollkeeper.store.ports.records import ADJUSTMENT
from tollkeeper.store.ports.reports import History, Slice
from tollkeeper.store.sql.dialect import one_of
from tollkeeper.store.sql.schema import head, records
from tollkeeper.store.sql.sum_tables import PICO_PER_MICRO, hourly, monthly_users, rollup_minutes
from tollkeeper.store.time_buckets import DAY_MS, MINUTE_MS, MINUTES_KEPT_MS, MOMENTS_KEPT_MS, minute_of, wants

_DISORDER_MS = MINUTE_MS
"""How much earlier than its predecessor in the chain a record may have been settled, by its own time."""

_FEW_USERS = 500
"""Users up to which an index is used to find their rows by hour."""

Dimensions = tuple[str, str, str, str, str]
"""User (opaque), key, model, team and end user."""
UserIdOf = Callable[[str], str]
"""The user id that an opaque id stands for."""

_KEY = func.coalesce(records.c.key_id, "")
_TEAM = func.coalesce(records.c.team_id, "")
_END_USER = func.coalesce(records.c.end_user_id, "")
_DIMENSIONS = (
    records.c.user_id,
    _KEY.label("key_id"),
    records.c.model,
    _TEAM.label("team_id"),
    _END_USER.label("end_user_id"),
)
_REQUESTS: ColumnElement[int] = case((records.c.endpoint == ADJUSTMENT, 0), else_=1)
_TOKENS = records.c.prompt_tokens + records.c.completion_tokens
_EACH = select(
    records.c.created_at,
    records.c.settled_at,
    *_DIMENSIONS,
    _REQUESTS.label("requests"),
    _TOKENS.label("tokens"),
    records.c.cost_pico,
)


def _dimensions(row: Row[Any]) -> Dimensions:
    return row.user_id, row.key_id, row.model, row.team_id, row.end_user_id


class _Sums:
    """Amounts by time and dimensions."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, Dimensions], list[int]] = {}

    def add(self, at: int, dimensions: Dimensions, requests: int, tokens: int, cost: int) -> None:
        total = self._sums.setdefault((at, dimensions), [0, 0, 0])
        total[0] += requests
        total[1] += tokens
        total[2] += cost

    def add_sums(self, row: Row[Any], at: int) -> None:
        self.add(at, _dimensions(row), row.requests, row.tokens, row.micro * PICO_PER_MICRO + row.rest)

    def subtract(self, row: Row[Any], at: int, dimensions: Dimensions) -> None:
        """Subtract a row of `_EACH`."""
        self.add(at, dimensions, -row.requests, -row.tokens, -row.cost_pico)

    def slices(self, user_id_of: UserIdOf) -> list[Slice]:
        return sorted(
            (
                Slice(at, user_id_of(user), key, model, requests, tokens, cost, team, end_user)
                for (at, (user, key, model, team, end_user)), (requests, tokens, cost) in self._sums.items()
                if requests or tokens or cost
            ),
            key=_sort_key,
        )


def read_history(
    connection: Connection,
    now: int,
    user_id: str | None,
    upto: int | None,
    spans: Collection[Span] | None,
    detailed: Collection[str] | None,
    user_id_of: UserIdOf,
) -> History:
    """See `ports.Reports`; users are given by their opaque ids. One snapshot: the connection's transaction."""
    end = connection.execute(select(head)).one()
    seq = end.seq if upto is None else min(upto, end.seq)
    last = select(records.c.settled_at).where(records.c.seq == end.seq)
    now = min(now, connection.execute(last).scalar_one_or_none() or now)
    first = minute_of(now - MINUTES_KEPT_MS)
    later = connection.execute(_for_user(_EACH.where(records.c.seq > seq), user_id)).all()
    month: list[Slice] = []
    total: list[Slice] = []
    if wants(spans, "month", "total"):
        month, total = _months(connection, now, user_id, later, detailed, user_id_of)
    return History(
        seq,
        _minutes(connection, first, end.minutes_from, user_id, later, user_id_of)
        if wants(spans, "hour", "day")
        else [],
        month if wants(spans, "month") else [],
        total if wants(spans, "total") else [],
        _moments(connection, now, user_id, seq, user_id_of) if wants(spans, "second", "minute") else [],
    )


def _months(
    connection: Connection,
    now: int,
    user_id: str | None,
    later: Iterable[Row[Any]],
    detailed: Collection[str] | None,
    user_id_of: UserIdOf,
) -> tuple[list[Slice], list[Slice]]:
    """Sums by month from last month on, and of all time; without the records in `later`."""
    month, total = _Sums(), _Sums()
    this_month, next_month = month_bounds(now)
    last_month, _ = month_bounds(this_month - 1)
    if detailed is not None:
        for row in connection.execute(_for_user(_month_sums(last_month), user_id)):
            if row.user_id not in detailed:
                total.add_sums(row, at=0)
                if row.at:
                    month.add_sums(row, at=row.at)
    if detailed is None or detailed:
        hours = _hour_sums(last_month, this_month, next_month).where(*_of_users(detailed))
        for row in connection.execute(_for_user(hours, user_id)):
            total.add_sums(row, at=0)
            if row.at:
                month.add_sums(row, at=month_bounds(row.at)[0])
    for row in later:
        dimensions = _dimensions(row)
        if detailed is not None and row.user_id not in detailed:
            dimensions = row.user_id, "", "", row.team_id, ""
        if row.created_at >= last_month:
            month.subtract(row, month_bounds(row.created_at)[0], dimensions)
        total.subtract(row, 0, dimensions)
    return month.slices(user_id_of), total.slices(user_id_of)


def _of_users(users: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
    """The condition for rows by hour of some users, as one parameter. For many users SQLite scans the table instead,
    since finding each row by the index takes twice as long."""
    if users is not None:
        user_id = hourly.c.user_id if len(users) <= _FEW_USERS else func.coalesce(hourly.c.user_id, "")
        yield one_of(user_id, users)


def _moments(connection: Connection, now: int, user_id: str | None, seq: int, user_id_of: UserIdOf) -> list[Slice]:
    moments = _Sums()
    since = now - MOMENTS_KEPT_MS
    for row in _last_records(connection, seq, since):
        if user_id in (None, row.user_id):
            if row.created_at >= since:
                moments.add(row.created_at, _dimensions(row), row.requests, 0, 0)
            if row.settled_at >= since:
                moments.add(row.settled_at, _dimensions(row), 0, row.tokens, row.cost_pico)
    return moments.slices(user_id_of)


def _minutes(
    connection: Connection,
    first: int,
    whole_from: int,
    user_id: str | None,
    later: Sequence[Row[Any]],
    user_id_of: UserIdOf,
) -> list[Slice]:
    """Sums by minute from `first` on, without the records in `later`."""
    queries = [_for_user(query, user_id) for query in _minute_sums(first, max(first, whole_from))]
    if len(queries) == 1 and not later:
        return _plain_slices(connection.execute(queries[0]), user_id_of)
    minutes = _Sums()
    for query in queries:
        for row in connection.execute(query):
            minutes.add_sums(row, at=row.at)
    for row in later:
        if row.created_at >= first:
            minutes.add(minute_of(row.created_at), _dimensions(row), -row.requests, 0, 0)
        if row.settled_at >= first:
            minutes.add(minute_of(row.settled_at), _dimensions(row), 0, -row.tokens, -row.cost_pico)
    return minutes.slices(user_id_of)


def _plain_slices(rows: Iterable[Sequence[Any]], user_id_of: UserIdOf) -> list[Slice]:
    """Slices from the rows of a single query, which need no adding up. A start reads tens of thousands of them, so each
    becomes a slice at once, and equal names share one string."""
    names: dict[str, str] = {}
    one = names.setdefault
    slices = []
    for at, user, key, model, team, end_user, requests, tokens, micro, rest in rows:
        cost = micro * PICO_PER_MICRO + rest
        if requests or tokens or cost:
            slices.append(
                Slice(
                    at, user_id_of(user), one(key, key), one(model, model), requests, tokens, cost,
                    one(team, team), one(end_user, end_user),
                )
            )  # fmt: skip
    return sorted(slices, key=_sort_key)


def _sort_key(part: Slice) -> tuple[int | str, ...]:
    return part.at, part.user_id, part.key_id, part.model, part.team_id, part.end_user_id


def _for_user(query: Select[Any], user_id: str | None) -> Select[Any]:
    return query if user_id is None else query.where(query.selected_columns.user_id == user_id)


def _last_records(connection: Connection, seq: int, since: int) -> Iterator[Row[Any]]:
    """Records made or settled since `since`, and some older ones. Those made before are searched from the newest back,
    since records are numbered roughly in the order of settlement. (A clock that goes back and forth breaks that order,
    so those made since are found by their ids.)"""
    made_since = request_id_floor(max(0, since))
    yield from connection.execute(_EACH.where(records.c.seq <= seq, records.c.request_id >= made_since))
    query = _EACH.where(records.c.seq <= seq).order_by(records.c.seq.desc()).execution_options(yield_per=500)
    with connection.execute(query) as found:
        for row in found:
            if row.settled_at < since - _DISORDER_MS:
                return
            if row.created_at < since:
                yield row


def _hour_sums(last_month: int, this_month: int, next_month: int) -> Select[Any]:
    """Sums of the last and the current month (`at` is the month's beginning), of all time before (0), and of each later
    day, of which there are any only after a clock was set back."""
    hour = hourly.c.hour
    months = (hour >= this_month, this_month), (hour >= last_month, last_month)
    return _rollup_sums(hourly, case((hour >= next_month, hour - hour % DAY_MS), *months, else_=0))


def _month_sums(last_month: int) -> Select[Any]:
    """The same sums over all keys, models and end users: from last month on by the month's beginning, of all time
    before at 0."""
    month, user_id, team_id = monthly_users.c.month, monthly_users.c.user_id, monthly_users.c.team_id
    at = case((month >= last_month, month), else_=0)
    none = literal("")
    query = select(
        at.label("at"), user_id, none.label("key_id"), none.label("model"), team_id, none.label("end_user_id")
    )
    return query.add_columns(*_figures_of(monthly_users)).group_by(at, user_id, team_id)


def _minute_sums(first: int, whole_from: int) -> Iterator[Select[Any]]:
    """Queries for sums by minute from `first` on: stored sums from `whole_from` on, before that from the records."""
    minute = rollup_minutes.c.minute
    yield _rollup_sums(rollup_minutes, minute).where(minute >= whole_from)
    if first == whole_from:
        return
    # No request runs for a day, so these are all that may have been settled since.
    near = records.c.request_id >= request_id_floor(max(0, first - DAY_MS))
    zero = literal(0)
    micro, rest = records.c.cost_pico // PICO_PER_MICRO, records.c.cost_pico % PICO_PER_MICRO
    for moment, figures in (
        (records.c.created_at, (_REQUESTS, zero, zero, zero)),
        (records.c.settled_at, (zero, _TOKENS, micro, rest)),
    ):
        at = moment - moment % MINUTE_MS
        sums = (func.sum(figure).label(name) for figure, name in zip(figures, _FIGURES, strict=True))
        query = select(at.label("at"), *_DIMENSIONS, *sums)
        query = query.where(near, moment >= first, moment < whole_from)
        yield query.group_by(at, records.c.user_id, _KEY, records.c.model, _TEAM, _END_USER)


_FIGURES = ("requests", "tokens", "micro", "rest")


def _rollup_sums(table: Table, at: ColumnElement[Any]) -> Select[Any]:
    dimensions = (table.c.user_id, table.c.key_id, table.c.model, table.c.team_id, table.c.end_user_id)
    # By time first: rows by minute are stored in that order, so that they need no sorting.
    return select(at.label("at"), *dimensions, *_figures_of(table)).group_by(at, *dimensions)


def _figures_of(table: Table) -> Iterator[ColumnElement[int]]:
    figures = (
        table.c.requests,
        table.c.prompt_tokens + table.c.completion_tokens,
        table.c.cost_micro,
        table.c.cost_rest,
    )
    return (func.sum(figure).label(name) for figure, name in zip(figures, _FIGURES, strict=True))
