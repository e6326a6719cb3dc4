"""Tags of requests, the names and values in their metadata: where queries find them, and how they are forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, not_, select, tuple_, update

from tollkeeper.store.ports.records import ADJUSTMENT, BACKSLASH, NUL
from tollkeeper.store.sql.dialect import text_member
from tollkeeper.store.sql.rollups import tag_rows
from tollkeeper.store.sql.rows import record_of
from tollkeeper.store.sql.schema import record_metadata, records
from tollkeeper.store.sql.sum_tables import hourly_tags

WITH_METADATA = select(records, record_metadata.c.metadata).outerjoin(
    record_metadata, record_metadata.c.request_id == records.c.request_id
)
_KEY = tuple(hourly_tags.primary_key.columns)
_FIGURES = tuple(column for column in hourly_tags.columns if not column.primary_key)
_AT_ONCE = 20_000
_ROW = and_(*(column == bindparam(f"of_{column.name}") for column in _KEY))
_SUBTRACT = update(hourly_tags).where(_ROW).values({one.name: one - bindparam(f"less_{one.name}") for one in _FIGURES})
_END = delete(hourly_tags).where(_ROW, hourly_tags.c.requests == 0)


def tag_of(name: str) -> ColumnElement[str]:
    """The value of a tag in a query over records and their metadata; "" where there is none (see `tags_of`)."""
    theirs = and_(records.c.endpoint != ADJUSTMENT, records.c.status != "lost", _has_no_nul())
    return case((theirs, func.coalesce(text_member(record_metadata.c.metadata, name), "")), else_="")


def _has_no_nul() -> ColumnElement[bool]:
    without = func.replace(record_metadata.c.metadata, BACKSLASH, "")
    return not_(without.contains(NUL, autoescape=True))


def forget_tags(connection: Connection, which: ColumnElement[bool]) -> None:
    """Subtract records of a person who is forgotten, whose metadata is about to be deleted, from the sums by tag."""
    rows = connection.execute(WITH_METADATA.where(which, record_metadata.c.metadata.is_not(None)))
    names = [f"of_{one.name}" if one.primary_key else f"less_{one.name}" for one in hourly_tags.columns]
    theirs = tag_rows(record_of(row, row.user_id, row.metadata) for row in rows)
    changes = [dict(zip(names, row, strict=True)) for row in theirs]
    if changes:
        connection.execute(_SUBTRACT, changes)
        connection.execute(_END, [{name: each[name] for name in names[: len(_KEY)]} for each in changes])


def forget_pruned_tags(connection: Connection, user_id: str, after: Sequence[Any]) -> Sequence[Any] | None:
    """Delete a person's sums by tag of records that were pruned, which nobody can tell from the metadata any more: of
    the next rows after a place (empty: the first). Returns the last of these, None where there are no more."""
    place = tuple_(*_KEY)
    rows = select(*_KEY).order_by(*_KEY)
    theirs = delete(hourly_tags).where(hourly_tags.c.user_id == user_id)
    if after:
        rows, theirs = rows.where(place > after), theirs.where(place > after)
    end = connection.execute(rows.offset(_AT_ONCE - 1).limit(1)).one_or_none()
    if end is None:
        connection.execute(theirs)
        return None
    connection.execute(theirs.where(place <= end))
    return end
