"""Tags of requests, the names and values in their metadata: where queries find them, and how they are forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, select, tuple_

from tollkeeper.store.ports.records import ADJUSTMENT, BACKSLASH, NUL
from tollkeeper.store.sql.dialect import text_member
from tollkeeper.store.sql.rollups import TAG_SUMS, add_tags, end_days, end_tags, subtract_days
from tollkeeper.store.sql.schema import record_metadata, records
from tollkeeper.store.sql.sum_tables import hourly_tags

WITH_METADATA = select(records, record_metadata.c.metadata).outerjoin(
    record_metadata, record_metadata.c.request_id == records.c.request_id
)
_KEY = tuple(hourly_tags.primary_key.columns)
_AT_ONCE = 20_000
_THESE = "request_id IN (SELECT value FROM json_each(?))"
_FORGET = [*(add_tags(table, _THESE, sign="-") for table in TAG_SUMS), *(end_tags(table, _THESE) for table in TAG_SUMS)]
_PLACE = f"({', '.join(column.name for column in _KEY)})"
_MARKS = f"({', '.join('?' * len(_KEY))})"


def tag_of(name: str) -> ColumnElement[str]:
    """The value of a tag in a query over records and their metadata; "" where there is none (see `tags_of`)."""
    theirs = and_(records.c.endpoint != ADJUSTMENT, records.c.status != "lost", _has_no_nul())
    return case((theirs, func.coalesce(text_member(record_metadata.c.metadata, name), "")), else_="")


def _has_no_nul() -> ColumnElement[bool]:
    without = func.replace(record_metadata.c.metadata, BACKSLASH, "")
    return not_(without.contains(NUL, autoescape=True))


def forget_tags(connection: Connection, request_ids: Collection[str]) -> None:
    """Subtract records of a person who is forgotten, whose metadata is about to be deleted, from the sums by tag."""
    ids = (msgspec.json.encode(list(request_ids)).decode(),)
    for statement in _FORGET:
        connection.exec_driver_sql(statement, ids)


def forget_pruned_tags(connection: Connection, user_id: str, after: Sequence[Any]) -> Sequence[Any] | None:
    """Delete a person's sums by tag of records that were pruned, which nobody can tell from the metadata any more: of
    the next rows after a place (empty: the first). Returns the last of these, None where there are no more."""
    rows = select(*_KEY).order_by(*_KEY)
    if after:
        rows = rows.where(tuple_(*_KEY) > after)
    end = connection.execute(rows.offset(_AT_ONCE - 1).limit(1)).one_or_none()
    theirs, values = "user_id = ?", [user_id]
    for sign, place in ((">", after), ("<=", end)):
        if place:
            theirs += f" AND {_PLACE} {sign} {_MARKS}"
            values += place
    for statement in (
        subtract_days(theirs),
        end_days(theirs),
        f"DELETE FROM hourly_tags WHERE {theirs}",  # noqa: S608 (names of the schema)
    ):
        connection.exec_driver_sql(statement, tuple(values))
    return end
