"""The explorer's figures by group: added up, ordered and cut to a page in the database.

Percentiles come from histograms, which are read for the groups of a page only; to order by a percentile, those of all
groups are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, or_, select

from tollkeeper.rules.histograms import BUCKETS, percentiles
from tollkeeper.store.ports.explorer import Figure, Figures, Question, Result
from tollkeeper.store.ports.reports import Filter, Totals
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.labels import labeller, opaque, values_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import identities as identities_table
from tollkeeper.store.sql.sum_queries import SUMMED, Known, Selection, SumQueries, has_refusals, known_span, united
from tollkeeper.store.sql.sum_tables import HISTOGRAMS, PICO_PER_MICRO

Group = tuple[Any, ...]
"""The values of a group as the database has them."""
Sums = dict[Group, list[int]]
"""Figures (`SUMMED`), and behind them, where they were read, histograms."""
_BOTH = (*SUMMED, *HISTOGRAMS)
_NOTHING = [0] * len(_BOTH)


class Page(NamedTuple):
    """Rows by the values of the database, whether more follow, and the figures of all."""

    rows: list[tuple[Group, Figures]]
    more: bool
    total: Figures


_PERCENTILES: Mapping[Figure, Callable[[Figures], int | None]] = {
    "first_token_p50": lambda found: found.first_token_ms and found.first_token_ms.p50,
    "first_token_p95": lambda found: found.first_token_ms and found.first_token_ms.p95,
    "latency_p50": lambda found: found.latency_ms and found.latency_ms.p50,
    "latency_p95": lambda found: found.latency_ms and found.latency_ms.p95,
}


class SqlExplorer:
    """See `ports.Explorer`. `identities` are those of the database."""

    def __init__(self, reader: Runner, identities: Identities) -> None:
        self._reader = reader
        self._identities = identities

    async def explore(self, question: Question) -> Result:
        reading = _Reading(question, opaque(question.which, self._identities))
        return await self._reader.run(lambda connection: self._result(reading.page(connection), question))

    async def explore_groups(self, question: Question, groups: Sequence[tuple[str, ...]]) -> Result:
        reading = _Reading(question, opaque(question.which, self._identities))
        wanted = [values_of(group, question.group_by, self._identities) for group in groups]
        return await self._reader.run(lambda connection: self._result(reading.some(connection, wanted), question))

    def _result(self, page: Page, question: Question) -> Result:
        label = labeller(question.group_by, self._identities)
        return Result([(label(group), figures) for group, figures in page.rows], page.more, page.total)


class _Reading:
    """One question on one snapshot of the database."""

    def __init__(self, question: Question, which: Filter) -> None:
        self._question = question
        self._selection = Selection(which, tuple(question.group_by))
        self._refused = has_refusals(self._selection)
        self._value_of = _PERCENTILES.get(question.order_by) if question.order_by is not None else None

    def page(self, connection: Connection) -> Page:
        known = known_span(connection)
        question, offset = self._question, self._question.offset
        if self._value_of is not None:
            return self._by_percentile(connection, known, self._value_of)
        sums = self._sums(connection, known, self._selection, limit=question.limit + 1)
        more = len(sums) > question.limit
        shown = dict(list(sums.items())[: question.limit])
        self._add_histograms(connection, known, self._selection, shown)
        whole = not offset and not more
        return Page(self._figures(shown), more, self._total(connection, known, shown if whole else None))

    def some(self, connection: Connection, groups: Sequence[Group]) -> Page:
        """The rows of these groups, in their order."""
        known = known_span(connection)
        found = self._sums(connection, known, self._only(groups)) if groups else {}
        shown = {group: found[group] for group in groups if group in found}
        self._add_histograms(connection, known, self._selection, shown)
        return Page(self._figures(shown), False, self._total(connection, known, None))

    def _by_percentile(self, connection: Connection, known: Known, value_of: Callable[[Figures], int | None]) -> Page:
        sums = self._sums(connection, known, self._selection)
        self._add_histograms(connection, known, self._selection, sums, everywhere=True)
        rows, sign = self._figures(sums), 1 if self._question.ascending else -1

        def order(row: tuple[Group, Figures]) -> tuple[bool, int]:
            value = value_of(row[1])
            return value is None, sign * (value or 0)

        rows.sort(key=order)
        end = self._question.offset + self._question.limit
        return Page(rows[self._question.offset : end], len(rows) > end, self._total(connection, known, sums))

    def _only(self, groups: Iterable[Group]) -> Selection:
        """Of these groups; at least of the combinations of their values."""
        groups = list(groups)
        names = self._selection.group_by
        shown = {name: sorted({group[place] for group in groups}) for place, name in enumerate(names)}
        return replace(self._selection, shown=shown)

    def _total(self, connection: Connection, known: Known, every: Sums | None) -> Figures:
        """The figures of all groups: of `every`, where these are known."""
        if every is None:
            whole = Selection(self._selection.which, ())
            every = self._sums(connection, known, whole)
            self._add_histograms(connection, known, whole, every, everywhere=True)
        together = [sum(column) for column in zip(_NOTHING, *every.values(), strict=True)]
        return self._figures({(): together})[0][1]

    def _figures(self, sums: Sums) -> list[tuple[Group, Figures]]:
        found = []
        for group, columns in sums.items():
            *counts, micro, rest, errors, refused = columns[: len(SUMMED)]
            totals = Totals(*[*counts, micro * PICO_PER_MICRO + rest])
            latency, first_token = columns[len(SUMMED) : -BUCKETS], columns[-BUCKETS:]
            durations = percentiles(first_token), percentiles(latency)
            found.append((group, Figures(totals, errors, refused if self._refused else None, *durations)))
        return found

    def _sums(self, connection: Connection, known: Known, selection: Selection, limit: int | None = None) -> Sums:
        """Figures by group, in order; with histograms, where these are in the same tables."""
        names = _BOTH if selection.is_of_models else SUMMED
        parts = SumQueries(selection, known, names, refused=self._refused).parts()
        width = len(selection.group_by)
        if not parts:
            return {} if width or (limit and self._question.offset) else {(): [*_NOTHING]}
        query = _ordered(united(parts, width, names), selection.group_by, self._question)
        if limit is not None:
            query = query.limit(limit).offset(self._question.offset)
        return _by_group(connection, query, width)

    def _add_histograms(
        self, connection: Connection, known: Known, selection: Selection, sums: Sums, *, everywhere: bool = False
    ) -> None:
        """Read the histograms of these groups, or those of all where these are all (`everywhere`)."""
        lacking = [group for group, columns in sums.items() if len(columns) < len(_BOTH)]
        if not lacking:
            return
        wanted = selection if everywhere else self._only(lacking)
        parts = SumQueries(wanted, known, HISTOGRAMS).parts()
        width = len(selection.group_by)
        found = _by_group(connection, select(united(parts, width, HISTOGRAMS)), width) if parts else {}
        for group in lacking:
            sums[group] += found.get(group) or [0] * len(HISTOGRAMS)


def _by_group(connection: Connection, query: Select[Any], width: int) -> Sums:
    rows = map(tuple[Any, ...], connection.execute(query))
    return {row[:width]: [value or 0 for value in row[width:]] for row in rows}


def _ordered(sums: Subquery, group_by: Sequence[str], question: Question) -> Select[Any]:
    """The sums that are not nothing, in order: by a figure that the database has, else by group alone."""
    query = select(sums)
    figures = _order_figures(sums, question.order_by)
    if not group_by:
        return query
    labels: list[ColumnElement[Any]] = []
    for place, name in enumerate(group_by):
        column: ColumnElement[Any] = sums.c[f"g{place}"]
        if name == "user":
            query = query.outerjoin(identities_table, identities_table.c.id == column)
            column = func.coalesce(identities_table.c.user_id, column)
        labels.append(column)
    counted = or_(
        *(sums.c[name] != 0 for name in SUMMED if not name.startswith("cost")), _cost_of(sums) != 0, _rest_of(sums) != 0
    )
    directed = [figure if question.ascending else figure.desc() for figure in figures]
    return query.where(counted).order_by(*directed, *labels)


def _order_figures(sums: Subquery, figure: Figure | None) -> list[ColumnElement[int]]:
    if figure is None or figure in _PERCENTILES:
        return []
    if figure == "cost_usd":
        return [_cost_of(sums), _rest_of(sums)]
    if figure == "total_tokens":
        return [sums.c.prompt_tokens + sums.c.completion_tokens]
    return [sums.c[figure]]


def _rest_of(sums: Subquery) -> ColumnElement[int]:
    """The pico-dollars of a cost below a micro-dollar. Of a negative sum, remainders are negative."""
    rest: ColumnElement[int] = (sums.c.cost_rest % PICO_PER_MICRO + PICO_PER_MICRO) % PICO_PER_MICRO
    return rest


def _cost_of(sums: Subquery) -> ColumnElement[int]:
    """The whole micro-dollars of a cost, rounded down."""
    micro: ColumnElement[int] = sums.c.cost_micro + (sums.c.cost_rest - _rest_of(sums)) // PICO_PER_MICRO
    return micro
