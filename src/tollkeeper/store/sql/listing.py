"""Lists of records: parts of the reports' statements.

No index has the figures that lists may be ordered by: it would make every record dearer to write, for a list that few
people ask for. So all ids and figures that match are read, and only the few rows of the page in full.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, and_, func, or_

from tollkeeper.rules.ids import is_within_moment, moments_of
from tollkeeper.store.ports.record_order import FIGURES, Order
from tollkeeper.store.ports.reports import Filter
from tollkeeper.store.sql.dialect import unindexed
from tollkeeper.store.sql.schema import records


def first_records(
    rows: Select[Any], ids: Select[tuple[str]], order: Order, limit: int, after: str | None
) -> Select[Any]:
    """Of the records with these ids, the first `limit` of an order after a place in it; `rows` selects what is read of
    each."""
    (id_,) = ids.selected_columns
    if after is not None:
        ids = ids.where(_is_after(order, after, id_))
    first = ids.order_by(*_ordered(order, id_)).limit(limit)
    return rows.where(records.c.request_id.in_(first)).order_by(*_ordered(order, records.c.request_id))


def _ordered(order: Order, id_: ColumnElement[str]) -> list[ColumnElement[Any]]:
    name = FIGURES.get(order.by)
    columns = [id_] if name is None else [records.c[name], id_]
    return [column.desc() if order.descending else column.asc() for column in columns]


def _is_after(order: Order, cursor: str, id_: ColumnElement[str]) -> ColumnElement[bool]:
    place = order.read_cursor(cursor)
    name = FIGURES.get(order.by)
    if name is None:
        return _is_beyond(id_, place.request_id, order)
    # No index is used here: the id only decides between records with the same figure.
    beyond = _is_beyond(unindexed(records.c.request_id), place.request_id, order)
    figure = records.c[name]
    return or_(_is_beyond(figure, place.figure, order), and_(figure == place.figure, beyond))


def _is_beyond(column: ColumnElement[Any], value: object, order: Order) -> ColumnElement[bool]:
    return column < value if order.descending else column > value


def begins_with(beginning: str) -> ColumnElement[bool]:
    """Whether the id of a record begins so. Of a selection `within_moments`: there are few records in its span, and no
    hour of the sums."""
    return func.substr(records.c.request_id, 1, len(beginning)) == beginning


def within_moments(which: Filter) -> Filter:
    """The same selection, in which the beginning of an id stands only within one moment; else it is a span of time."""
    if which.request_id is None:
        return which
    first, end = moments_of(which.request_id)
    within = first < end and is_within_moment(which.request_id)
    return replace(
        which,
        since=first if which.since is None else max(first, which.since),
        until=end if which.until is None else min(end, which.until),
        request_id=which.request_id if within else None,
    )
