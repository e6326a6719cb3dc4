"""What was used until now: from the sums by minute and hour, and the last records.

What limits on a whole account need of months and of all time is in the sums by month and user; those by hour, of which
there may be as many as records, are read of those users alone whose keys and models are to be told apart.

The sums are of all that is committed. Where a history is to end earlier, the few records since are taken off again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, case, func, literal, select

from tollkeeper.rules.ids import request_id_floor
from tollkeeper.rules.times import month_of
from tollkeeper.rules.windows import Span
from tollkeeper.store.ports import ADJUSTMENT, History, Slice
from tollkeeper.store.spans import DAY_MS, MINUTE_MS, MINUTES_KEPT_MS, MOMENTS_KEPT_MS, asks, minute_of
from tollkeeper.store.sqlite.commit import PICO_PER_MICRO
from tollkeeper.store.sqlite.schema import head, hourly, monthly_users, records, rollup_minutes

_DISORDER_MS = MINUTE_MS
"""How much earlier than the one before it a record may say that it was settled."""

_FEW = 500
"""Users of whom each row by hour is looked for."""

Whose = tuple[str, str, str]
"""User, key and model."""

_KEY = func.coalesce(records.c.key_id, "")
_REQUESTS: ColumnElement[int] = case((records.c.endpoint == ADJUSTMENT, 0), else_=1)
_TOKENS = records.c.prompt_tokens + records.c.completion_tokens
_EACH = select(
    records.c.created_at,
    records.c.settled_at,
    records.c.user_id,
    _KEY.label("key_id"),
    records.c.model,
    _REQUESTS.label("requests"),
    _TOKENS.label("tokens"),
    records.c.cost_pico,
)


def _whose(row: Row[Any]) -> Whose:
    return row.user_id, row.key_id, row.model


class _Sums:
    """Amounts by time, user, key and model."""

    def __init__(self) -> None:
        self._sums: dict[tuple[int, str, str, str], list[int]] = {}

    def add(self, at: int, whose: Whose, requests: int, tokens: int, cost: int) -> None:
        total = self._sums.setdefault((at, *whose), [0, 0, 0])
        total[0] += requests
        total[1] += tokens
        total[2] += cost

    def add_sums(self, row: Row[Any], at: int) -> None:
        self.add(at, _whose(row), row.requests, row.tokens, row.micro * PICO_PER_MICRO + row.rest)

    def take_off(self, row: Row[Any], at: int, whose: Whose) -> None:
        """A record of `_EACH`."""
        self.add(at, whose, -row.requests, -row.tokens, -row.cost_pico)

    def slices(self) -> list[Slice]:
        return [Slice(*place, *figures) for place, figures in sorted(self._sums.items()) if any(figures)]


def read_history(
    connection: Connection,
    now: int,
    user_id: str | None,
    upto: int | None,
    spans: Collection[Span] | None,
    detailed: Collection[str] | None,
) -> History:
    """See `ports.Reports`. One snapshot: the connection's transaction."""
    end = connection.execute(select(head)).one()
    seq = end.seq if upto is None else min(upto, end.seq)
    last = select(records.c.settled_at).where(records.c.seq == end.seq)
    now = min(now, connection.execute(last).scalar_one_or_none() or now)
    first = minute_of(now - MINUTES_KEPT_MS)
    later = connection.execute(_of(_EACH.where(records.c.seq > seq), user_id)).all()
    month: list[Slice] = []
    total: list[Slice] = []
    if asks(spans, "month", "total"):
        month, total = _months(connection, now, user_id, later, detailed)
    return History(
        seq,
        _minutes(connection, first, end.minutes_from, user_id, later) if asks(spans, "hour", "day") else [],
        month if asks(spans, "month") else [],
        total if asks(spans, "total") else [],
        _moments(connection, now, user_id, seq) if asks(spans, "second", "minute") else [],
    )


def _months(
    connection: Connection, now: int, user_id: str | None, later: Iterable[Row[Any]], detailed: Collection[str] | None
) -> tuple[list[Slice], list[Slice]]:
    """By month, last month and from then on, and of all time; less what `later` has."""
    month, total = _Sums(), _Sums()
    this_month, next_month = month_of(now)
    last_month, _ = month_of(this_month - 1)
    if detailed is not None:
        for row in connection.execute(_of(_month_sums(last_month), user_id)):
            if row.user_id not in detailed:
                total.add_sums(row, at=0)
                if row.at:
                    month.add_sums(row, at=row.at)
    if detailed is None or detailed:
        hours = _hour_sums(last_month, this_month, next_month).where(*_one_of(detailed))
        for row in connection.execute(_of(hours, user_id)):
            total.add_sums(row, at=0)
            if row.at:
                month.add_sums(row, at=month_of(row.at)[0])
    for row in later:
        whose = _whose(row) if detailed is None or row.user_id in detailed else (row.user_id, "", "")
        if row.created_at >= last_month:
            month.take_off(row, month_of(row.created_at)[0], whose)
        total.take_off(row, 0, whose)
    return month.slices(), total.slices()


def _one_of(users: Collection[str] | None) -> Iterator[ColumnElement[bool]]:
    """The rows by hour of some users, as one parameter: of many, SQLite reads the table as it lies and leaves others
    out, since it takes twice as long to look for each row of each user."""
    if users is not None:
        user_id = hourly.c.user_id if len(users) <= _FEW else func.coalesce(hourly.c.user_id, "")
        wanted = func.json_each(msgspec.json.encode(list(users)).decode()).table_valued("value")
        yield user_id.in_(select(wanted.c.value))


def _moments(connection: Connection, now: int, user_id: str | None, seq: int) -> list[Slice]:
    moments = _Sums()
    since = now - MOMENTS_KEPT_MS
    for row in _last_records(connection, seq, since):
        if user_id in (None, row.user_id):
            if row.created_at >= since:
                moments.add(row.created_at, _whose(row), row.requests, 0, 0)
            if row.settled_at >= since:
                moments.add(row.settled_at, _whose(row), 0, row.tokens, row.cost_pico)
    return moments.slices()


def _minutes(
    connection: Connection, first: int, whole_from: int, user_id: str | None, later: Sequence[Row[Any]]
) -> list[Slice]:
    """By minute from `first` on, less what `later` has."""
    queries = [_of(query, user_id) for query in _minute_sums(first, max(first, whole_from))]
    if len(queries) == 1 and not later:
        return _as_they_are(connection.execute(queries[0]))
    minutes = _Sums()
    for query in queries:
        for row in connection.execute(query):
            minutes.add_sums(row, at=row.at)
    for row in later:
        if row.created_at >= first:
            minutes.add(minute_of(row.created_at), _whose(row), -row.requests, 0, 0)
        if row.settled_at >= first:
            minutes.add(minute_of(row.settled_at), _whose(row), 0, -row.tokens, -row.cost_pico)
    return minutes.slices()


def _as_they_are(rows: Iterable[Sequence[Any]]) -> list[Slice]:
    """Of rows of one query, none of which has anything to be added. A start reads tens of thousands of them: so each
    becomes a slice at once, and a name is one text however often it comes."""
    names: dict[str, str] = {}
    one = names.setdefault
    slices = []
    for at, user, key, model, requests, tokens, micro, rest in rows:
        cost = micro * PICO_PER_MICRO + rest
        if requests or tokens or cost:
            slices.append(Slice(at, one(user, user), one(key, key), one(model, model), requests, tokens, cost))
    return sorted(slices, key=_place)


def _place(part: Slice) -> tuple[int, str, str, str]:
    return part.at, part.user_id, part.key_id, part.model


def _of(query: Select[Any], user_id: str | None) -> Select[Any]:
    return query if user_id is None else query.where(query.selected_columns.user_id == user_id)


def _last_records(connection: Connection, seq: int, since: int) -> Iterator[Row[Any]]:
    """Records made or settled since, and some older ones. Those that were made before are looked for from the newest
    back: they were numbered as they were settled, but for little. (A clock that goes back and forth makes more than
    little, so those made since are found by their ids.)"""
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
    """Sums of last month and this (`at` is the month's beginning), of all time before (0), and of each day after them,
    which only a clock that was set back can have left."""
    hour = hourly.c.hour
    months = (hour >= this_month, this_month), (hour >= last_month, last_month)
    return _rollup_sums(hourly, case((hour >= next_month, hour - hour % DAY_MS), *months, else_=0))


def _month_sums(last_month: int) -> Select[Any]:
    """The same sums of all keys and models: last month and from then on by their beginning, of all time before 0."""
    month, user_id = monthly_users.c.month, monthly_users.c.user_id
    at = case((month >= last_month, month), else_=0)
    query = select(at.label("at"), user_id, literal("").label("key_id"), literal("").label("model"))
    return query.add_columns(*_figures_of(monthly_users)).group_by(at, user_id)


def _minute_sums(first: int, whole_from: int) -> Iterator[Select[Any]]:
    """Sums by minute from `first` on; from `whole_from` on there are sums, before that there are only the records."""
    minute = rollup_minutes.c.minute
    yield _rollup_sums(rollup_minutes, minute).where(minute >= whole_from)
    if first == whole_from:
        return
    # Nothing is under way for a day: so these are all that may have been settled since.
    near = records.c.request_id >= request_id_floor(max(0, first - DAY_MS))
    zero = literal(0)
    micro, rest = records.c.cost_pico // PICO_PER_MICRO, records.c.cost_pico % PICO_PER_MICRO
    for moment, figures in (
        (records.c.created_at, (_REQUESTS, zero, zero, zero)),
        (records.c.settled_at, (zero, _TOKENS, micro, rest)),
    ):
        at = moment - moment % MINUTE_MS
        sums = (func.sum(figure).label(name) for figure, name in zip(figures, _FIGURES, strict=True))
        query = select(at.label("at"), records.c.user_id, _KEY.label("key_id"), records.c.model, *sums)
        query = query.where(near, moment >= first, moment < whole_from)
        yield query.group_by(at, records.c.user_id, _KEY, records.c.model)


_FIGURES = ("requests", "tokens", "micro", "rest")


def _rollup_sums(table: Table, at: ColumnElement[Any]) -> Select[Any]:
    whose = (table.c.user_id, table.c.key_id, table.c.model)
    # By time first: that is the order in which rows by minute lie, so that they need not be sorted.
    return select(at.label("at"), *whose, *_figures_of(table)).group_by(at, *whose)


def _figures_of(table: Table) -> Iterator[ColumnElement[int]]:
    figures = (
        table.c.requests,
        table.c.prompt_tokens + table.c.completion_tokens,
        table.c.cost_micro,
        table.c.cost_rest,
    )
    return (func.sum(figure).label(name) for figure, name in zip(figures, _FIGURES, strict=True))
