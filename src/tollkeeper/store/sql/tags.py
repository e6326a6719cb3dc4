"""Tags of requests, the names and values in their metadata: where queries find them, and how they are forgotten."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, case, func, not_, select, text, tuple_

from tollkeeper.store.ports.records import ADJUSTMENT, BACKSLASH, NUL
from tollkeeper.store.sql.dialect import text_member
from tollkeeper.store.sql.rollups import TAG_SUMS, SumStatements
from tollkeeper.store.sql.schema import record_metadata, records
from tollkeeper.store.sql.sum_tables import hourly_tags

WITH_METADATA = select(records, record_metadata.c.metadata).outerjoin(
    record_metadata, record_metadata.c.request_id == records.c.request_id
)
_KEY = tuple(hourly_tags.primary_key.columns)
_AT_ONCE = 20_000
_PLACE = f"({', '.join(column.name for column in _KEY)})"


def tag_of(name: str) -> ColumnElement[str]:
    """The value of a tag in a query over records and their metadata; "" where there is none (see `tags_of`)."""
    theirs = and_(records.c.endpoint != ADJUSTMENT, records.c.status != "lost", _has_no_nul())
    return case((theirs, func.coalesce(text_member(record_metadata.c.metadata, name), "")), else_="")


def _has_no_nul() -> ColumnElement[bool]:
    without = func.replace(record_metadata.c.metadata, BACKSLASH, "")
    return not_(without.contains(NUL, autoescape=True))


class TagSums:
    """Taking records out of the sums by tag. `statements` are those of the engine, and `member_of` its condition that a
    column has one of the values in a JSON array, the parameter `ids`."""

    def __init__(self, statements: SumStatements, member_of: str) -> None:
        self._statements = statements
        these = f"request_id {member_of}"
        texts = [statements.add_tags(table, these, sign="-") for table in TAG_SUMS]
        texts += [statements.end_tags(table, these) for table in TAG_SUMS]
        self._forget = [text(each) for each in texts]

    def forget(self, connection: Connection, request_ids: Collection[str]) -> None:
        """Subtract records of a person who is forgotten, whose metadata is about to be deleted."""
        for statement in self._forget:
            connection.execute(statement, {"ids": msgspec.json.encode(list(request_ids)).decode()})

    def forget_pruned(self, connection: Connection, user_id: str, after: Sequence[Any]) -> Sequence[Any] | None:
        """Delete a person's sums by tag of records that were pruned, which nobody can tell from the metadata any more:
        of the next rows after a place (empty: the first). Returns the last of these, None where there are no more."""
        rows = select(*_KEY).order_by(*_KEY)
        if after:
            rows = rows.where(tuple_(*_KEY) > after)
        end = connection.execute(rows.offset(_AT_ONCE - 1).limit(1)).one_or_none()
        theirs, values = "user_id = :theirs", {"theirs": user_id}
        for sign, place, name in ((">", after, "after"), ("<=", end, "end")):
            if place:
                values |= {f"{name}_{number}": value for number, value in enumerate(place)}
                theirs += f" AND {_PLACE} {sign} ({', '.join(f':{name}_{number}' for number in range(len(place)))})"
        for statement in (
            self._statements.subtract_days(theirs),
            self._statements.end_days(theirs),
            f"DELETE FROM hourly_tags WHERE {theirs}",  # noqa: S608 (names of the schema)
        ):
            connection.execute(text(statement), values)
        return end
