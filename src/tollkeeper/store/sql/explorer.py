"""The explorer's figures by group: added up, ordered and cut to a page in the database.

Percentiles come from histograms, which are read for the groups of a page only; to order by a percentile, those of all
groups are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, or_, select

from tollkeeper.rules.histograms import BUCKETS, Percentiles, percentiles
from tollkeeper.store.ports.explorer import Figure, Figures, Question, Result
from tollkeeper.store.ports.reports import Filter, Totals
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.labels import labeller, opaque, values_of
from tollkeeper.store.sql.runner import Runner
from tollkeeper.store.sql.schema import identities as identities_table
from tollkeeper.store.sql.sum_queries import SUMMED, Selection, SumQueries, has_refusals, known_span, united
from tollkeeper.store.sql.sum_tables import HISTOGRAMS, PICO_PER_MICRO

Group = tuple[Any, ...]
"""The values of a group as the database has them."""
Rows = list[tuple[Group, Sequence[int]]]


class Page(NamedTuple):
    """Rows by the values of the database, whether more follow, and the figures of all."""

    rows: list[tuple[Group, Figures]]
    more: bool
    total: Figures


class Durations(NamedTuple):
    """Percentiles of the time to the first token, and of the whole."""

    first_token: Percentiles | None = None
    latency: Percentiles | None = None


_PERCENTILES: Mapping[Figure, Callable[[Durations], int | None]] = {
    "first_token_p50": lambda found: found.first_token and found.first_token.p50,
    "first_token_p95": lambda found: found.first_token and found.first_token.p95,
    "latency_p50": lambda found: found.latency and found.latency.p50,
    "latency_p95": lambda found: found.latency and found.latency.p95,
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

    def page(self, connection: Connection) -> Page:
        known = known_span(connection)
        question, total = self._question, self._total(connection, known)
        end = question.offset + question.limit
        value_of = _PERCENTILES.get(question.order_by) if question.order_by is not None else None
        if value_of is None:
            found = self._rows(connection, known, self._selection, limit=question.limit + 1)
            rows = found[: question.limit]
            durations = self._durations(connection, known, [group for group, _ in rows])
            return Page(self._figures(rows, durations), len(found) > question.limit, total)
        found = self._rows(connection, known, self._selection)
        durations = self._durations(connection, known, None)
        sign = 1 if question.ascending else -1

        def order(row: tuple[Group, Sequence[int]]) -> tuple[bool, int]:
            value = value_of(durations.get(row[0], Durations()))
            return value is None, sign * (value or 0)

        found.sort(key=order)
        return Page(self._figures(found[question.offset : end], durations), len(found) > end, total)

    def some(self, connection: Connection, groups: Sequence[Group]) -> Page:
        """The rows of these groups, in their order."""
        known = known_span(connection)
        selection = self._only(groups)
        rows = dict(self._rows(connection, known, selection)) if groups else {}
        found = [(group, rows[group]) for group in groups if group in rows]
        durations = self._durations(connection, known, [group for group, _ in found])
        return Page(self._figures(found, durations), False, self._total(connection, known))

    def _only(self, groups: Sequence[Group]) -> Selection:
        """Of these groups; at least of the combinations of their values."""
        names = self._selection.group_by
        shown = {name: sorted({group[place] for group in groups}) for place, name in enumerate(names)}
        return replace(self._selection, shown=shown)

    def _total(self, connection: Connection, known: tuple[int, int]) -> Figures:
        whole = Selection(self._selection.which, ())
        rows = self._rows(connection, known, whole)
        durations = self._durations_of(connection, known, whole)
        return self._figures(rows or [((), [0] * len(SUMMED))], durations)[0][1]

    def _figures(self, rows: Rows, durations: Mapping[Group, Durations]) -> list[tuple[Group, Figures]]:
        found = []
        for group, (*counts, micro, rest, errors, refused) in rows:
            first_token, latency = durations.get(group, Durations())
            totals = Totals(*[*counts, micro * PICO_PER_MICRO + rest])
            found.append((group, Figures(totals, errors, refused if self._refused else None, first_token, latency)))
        return found

    def _rows(
        self, connection: Connection, known: tuple[int, int], selection: Selection, limit: int | None = None
    ) -> Rows:
        parts = SumQueries(selection, known, refused=self._refused).parts()
        if not parts:
            return [] if selection.group_by else [((), [0] * len(SUMMED))]
        width = len(selection.group_by)
        query = _ordered(united(parts, width, SUMMED), selection.group_by, self._question)
        if limit is not None:
            query = query.limit(limit).offset(self._question.offset)
        found = [tuple(row) for row in connection.execute(query)]
        return [(row[:width], [value or 0 for value in row[width:]]) for row in found]

    def _durations(
        self, connection: Connection, known: tuple[int, int], groups: Sequence[Group] | None
    ) -> Mapping[Group, Durations]:
        """Percentiles of some groups, or of all."""
        if groups is None:
            return self._durations_of(connection, known, self._selection)
        return self._durations_of(connection, known, self._only(groups)) if groups else {}

    def _durations_of(
        self, connection: Connection, known: tuple[int, int], selection: Selection
    ) -> Mapping[Group, Durations]:
        parts = SumQueries(selection, known, histograms=True).parts()
        if not parts:
            return {}
        width = len(selection.group_by)
        sums = united(parts, width, HISTOGRAMS)
        found: dict[Group, Durations] = {}
        for row in map(tuple[Any, ...], connection.execute(select(sums))):
            counts = [value or 0 for value in row[width:]]
            found[row[:width]] = Durations(percentiles(counts[BUCKETS:]), percentiles(counts[:BUCKETS]))
        return found


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
