"""The explorer's figures by group: added up, ordered and cut to a page in the database.

A page is read twice: first every group with the figure that orders them alone, then all figures of the groups that are
shown. Percentiles are computed from histograms, those that order groups in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, Subquery, case, func, or_, select

from tollkeeper.rules.histograms import BOUNDS_MS, BUCKETS, percentiles
from tollkeeper.store.ports.explorer import Figure, Figures, Question, Result, Row, Snapshot
from tollkeeper.store.ports.reports import Filter, Totals
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.labels import labeller, opaque, values_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import head
from tollkeeper.store.sql.schema import identities as identities_table
from tollkeeper.store.sql.sum_queries import SUMMED, Selection, SumQueries, has_refusals, known_span, united
from tollkeeper.store.sql.sum_tables import FIRST_TOKENS, HISTOGRAMS, LATENCIES, PICO_PER_MICRO

T = TypeVar("T")
Group = tuple[Any, ...]
"""The values of a group as the database has them."""
Sums = dict[Group, list[int]]
"""Figures (`SUMMED`), and behind them histograms."""
_BOTH = (*SUMMED, *HISTOGRAMS)
_NOTHING = [0] * len(_BOTH)
_SOMETHING = ("requests", "cost_micro", "cost_rest", "refused")
"""Figures of which one is not 0 in every group that is something: tokens are those of requests."""
_AT_ONCE = 1000
"""Rows of a whole answer that are in memory at once."""
_PERCENTILES: Mapping[Figure, tuple[Sequence[str], int]] = {
    "first_token_p50": (FIRST_TOKENS, 50),
    "first_token_p95": (FIRST_TOKENS, 95),
    "latency_p50": (LATENCIES, 50),
    "latency_p95": (LATENCIES, 95),
}
"""The histogram that a percentile is of, and its hundredths."""


class SqlExplorer:
    """See `ports.Explorer`. `pages` reads what is shown, and `sheets` whole answers, which may take long. `identities`
    are those of the database."""

    def __init__(self, pages: Runner, sheets: Runner, identities: Identities) -> None:
        self._pages = pages
        self._sheets = sheets
        self._identities = identities

    async def explore(self, question: Question) -> Result:
        return await self._pages.run(lambda connection: self._reading(connection, question).page())

    async def explore_groups(self, question: Question, groups: Sequence[tuple[str, ...]]) -> Result:
        return await self._pages.run(lambda connection: self._reading(connection, question).some(groups))

    async def on_snapshot(self, work: Callable[[Snapshot], T]) -> T:
        return await self._sheets.run(lambda connection: work(_SqlSnapshot(partial(self._reading, connection))))

    def _reading(self, connection: Connection, question: Question) -> _Reading:
        return _Reading(connection, question, self._identities)


class _SqlSnapshot:
    """See `ports.explorer.Snapshot`. `read` begins the reading of a question."""

    def __init__(self, read: Callable[[Question], _Reading]) -> None:
        self._read = read

    def rows(self, question: Question) -> Iterator[list[Row]]:
        return self._read(question).every()

    def some(self, question: Question, groups: Sequence[tuple[str, ...]]) -> list[Row]:
        return self._read(question).rows_of(groups)


class _Reading:
    """One question on one snapshot of the database: that of the connection's transaction."""

    def __init__(self, connection: Connection, question: Question, identities: Identities) -> None:
        self._connection = connection
        self._question = question
        self._identities = identities
        self._known = known_span(connection)
        self._end = connection.execute(select(head.c.seq)).scalar() or 0
        """The number of the last record in the chain."""
        self._which: Filter = opaque(question.which, identities)
        self._selection = Selection(self._which, tuple(question.group_by))
        self._refused = has_refusals(self._selection)
        self._label = labeller(question.group_by, identities)

    def page(self) -> Result:
        """The rows of the question, in order."""
        question = self._question
        groups = self._ranked()
        more = len(groups) > question.limit
        found = self._of(groups[: question.limit])
        total = self._total(found if not more and not question.offset else None)
        return Result(self._rows(found), more, total, self._end)

    def some(self, groups: Sequence[tuple[str, ...]]) -> Result:
        """The rows of these groups, in their order, and the figures of all."""
        return Result(self.rows_of(groups), False, self._total(None), self._end)

    def rows_of(self, groups: Sequence[tuple[str, ...]]) -> list[Row]:
        """The rows of these groups, in their order; those that are nothing are left out."""
        wanted = [values_of(group, self._question.group_by, self._identities) for group in groups]
        return [
            (group, figures)
            for group, figures in self._rows(self._of(wanted))
            if not group or figures.totals != Totals() or figures.refused
        ]

    def every(self) -> Iterator[list[Row]]:
        """All rows, in order; they are read once, while they are taken."""
        parts = self._parts(self._selection, _BOTH)
        width = len(self._selection.group_by)
        if not parts:
            yield [] if width else self._rows({(): [*_NOTHING]})
            return
        query = self._ordered(united(parts, width, _BOTH)).execution_options(yield_per=_AT_ONCE)
        with self._connection.execute(query) as result:
            for rows in result.partitions():
                yield self._rows(_by_group(rows, width))

    def _ranked(self) -> list[Group]:
        """The groups of the page and one more, in order: only what orders them is added up."""
        question, width = self._question, len(self._selection.group_by)
        if not width:
            return [()][question.offset :]
        names = list(dict.fromkeys((*_order_columns(question.order_by), *_SOMETHING)))
        parts = self._parts(self._selection, names)
        if not parts:
            return []
        sums = united(parts, width, names)
        query = self._ordered(sums).with_only_columns(*(sums.c[f"g{place}"] for place in range(width)))
        page = query.limit(question.limit + 1).offset(question.offset)
        return [tuple(row) for row in self._connection.execute(page)]

    def _of(self, groups: Sequence[Group]) -> Sums:
        """All figures of these groups, in their order."""
        if not groups:
            return {}
        found = self._sums(self._only(groups))
        return {group: found.get(group, [*_NOTHING]) for group in groups}

    def _only(self, groups: Iterable[Group]) -> Selection:
        """Of these groups; at least of the combinations of their values."""
        groups = list(groups)
        names = self._selection.group_by
        shown = {name: sorted({group[place] for group in groups}) for place, name in enumerate(names)}
        return replace(self._selection, shown=shown)

    def _total(self, every: Sums | None) -> Figures:
        """The figures of all groups: of `every`, where these are known."""
        if every is None:
            every = self._sums(Selection(self._which, ()))
        together = [sum(column) for column in zip(_NOTHING, *every.values(), strict=True)]
        return self._rows({(): together})[0][1]

    def _rows(self, sums: Sums) -> list[Row]:
        found = []
        for group, columns in sums.items():
            *counts, micro, rest, errors, refused = columns[: len(SUMMED)]
            totals = Totals(*[*counts, micro * PICO_PER_MICRO + rest])
            latency, first_token = columns[len(SUMMED) : -BUCKETS], columns[-BUCKETS:]
            durations = percentiles(first_token), percentiles(latency)
            figures = Figures(totals, errors, refused if self._refused else None, *durations)
            found.append((self._label(group) if group else (), figures))
        return found

    def _sums(self, selection: Selection) -> Sums:
        """Figures and histograms by group: of as few tables as there are with both."""
        width = len(selection.group_by)
        read = [_BOTH] if selection.has_histograms else [SUMMED, HISTOGRAMS]
        found: Sums = {}
        for names in read:
            parts = self._parts(selection, names)
            rows = self._connection.execute(select(united(parts, width, names))) if parts else ()
            place = _BOTH.index(names[0])
            for group, figures in _by_group(rows, width).items():
                found.setdefault(group, [*_NOTHING])[place : place + len(names)] = figures
        return found

    def _parts(self, selection: Selection, names: Sequence[str]) -> list[Select[Any]]:
        queries = SumQueries(selection, self._known, names, refused=self._refused)
        parts = queries.parts()
        last = self._question.upto
        if parts and last is not None and last < self._end:
            parts.append(queries.of_later(last))
        return parts

    def _ordered(self, sums: Subquery) -> Select[Any]:
        """The sums that are not nothing, in order."""
        query = select(sums)
        names = self._selection.group_by
        if not names:
            return query
        labels: list[ColumnElement[Any]] = []
        for place, name in enumerate(names):
            column: ColumnElement[Any] = sums.c[f"g{place}"]
            if name == "user":
                query = query.outerjoin(identities_table, identities_table.c.id == column)
                column = func.coalesce(identities_table.c.user_id, column)
            labels.append(column)
        something = or_(sums.c.requests != 0, _cost_of(sums) != 0, _rest_of(sums) != 0, sums.c.refused != 0)
        return query.where(something).order_by(*_order_of(sums, self._question), *labels)


def _by_group(rows: Iterable[Any], width: int) -> Sums:
    return {tuple(row[:width]): [value or 0 for value in row[width:]] for row in rows}


def _order_columns(figure: Figure | None) -> Sequence[str]:
    """The columns that a figure is made of."""
    if figure is None or figure == "cost_usd":
        return ()
    if figure == "total_tokens":
        return ("prompt_tokens", "completion_tokens")
    return _PERCENTILES[figure][0] if figure in _PERCENTILES else (figure,)


def _order_of(sums: Subquery, question: Question) -> list[ColumnElement[Any]]:
    """By what rows are ordered before their group; those without a percentile are last."""
    figure = question.order_by
    if figure is None:
        return []
    missing: list[ColumnElement[Any]] = []
    if figure == "cost_usd":
        values = [_cost_of(sums), _rest_of(sums)]
    elif figure == "total_tokens":
        values = [sums.c.prompt_tokens + sums.c.completion_tokens]
    elif figure in _PERCENTILES:
        names, hundredths = _PERCENTILES[figure]
        total, value = _percentile([sums.c[name] for name in names], hundredths)
        missing, values = [case((total <= 0, 1), else_=0)], [value]
    else:
        values = [sums.c[figure]]
    return [*missing, *(value if question.ascending else value.desc() for value in values)]


def _percentile(counts: Sequence[ColumnElement[int]], hundredths: int) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """How many were counted, and the percentile as `rules.histograms` computes it."""
    upto = list(accumulate(counts))
    total = upto[-1]
    cases = []
    for bucket, bound in enumerate(BOUNDS_MS):
        lower = BOUNDS_MS[bucket - 1] if bucket else 0
        below = upto[bucket] - counts[bucket]
        part = 100 * counts[bucket]
        value = lower + (2 * (bound - lower) * (hundredths * total - 100 * below) + part) // (2 * part)
        cases.append((100 * upto[bucket] >= hundredths * total, value))
    return total, case((total <= 0, 0), *cases, else_=BOUNDS_MS[-1])


def _rest_of(sums: Subquery) -> ColumnElement[int]:
    """The pico-dollars of a cost below a micro-dollar. Of a negative sum, remainders are negative."""
    rest: ColumnElement[int] = (sums.c.cost_rest % PICO_PER_MICRO + PICO_PER_MICRO) % PICO_PER_MICRO
    return rest


def _cost_of(sums: Subquery) -> ColumnElement[int]:
    """The whole micro-dollars of a cost, rounded down."""
    micro: ColumnElement[int] = sums.c.cost_micro + (sums.c.cost_rest - _rest_of(sums)) // PICO_PER_MICRO
    return micro
