"""Conversion between the values of `ports/` and rows of the database.

The functions are built from the table of fields once, at import: a row costs two copies of tuples in C, and a step for
each boolean, which databases store as 1 and 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Boolean, Table

from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.record_fields import FIELDS, Fields, stored
from tollkeeper.store.ports.records import Intent, Record

Row = Sequence[Any]

_NAMES = [field.name for field in stored(FIELDS)]
USER_PLACE, METADATA_PLACE = _NAMES.index("user_id"), _NAMES.index("metadata")
"""The places in a row of a user's opaque id, and of the digest of metadata."""
ADMITTED_PLACE = _NAMES.index("created_at")
REASON_PLACE = _NAMES.index("finish_reason")


def _flags(fields: Fields) -> tuple[int, ...]:
    return tuple(place for place, field in enumerate(stored(fields)) if field.type is bool)


def flags_of(table: Table) -> tuple[int, ...]:
    """The places of the columns of a table that are flags."""
    return tuple(place for place, column in enumerate(table.columns) if isinstance(column.type, Boolean))


def row_maker(fields: Fields, record_type: type[Record] = Record) -> Callable[[Record], list[Any]]:
    """A function from a record to its row: the columns of `fields`, without its place in the chain, and with the user
    id and the metadata where the database has an opaque id and a digest (at `USER_PLACE` and `METADATA_PLACE`)."""
    usage = record_type.__struct_fields__.index("usage")
    flags = _flags(fields)

    def row(record: Record) -> list[Any]:
        values = [*astuple(record)]
        values[usage : usage + 1] = astuple(values[usage])
        for place in flags:
            values[place] += 0  # True becomes 1
        return values

    return row


def record_maker(fields: Fields, record_type: type[Record] = Record) -> Callable[[Row, str, str | None], Record]:
    """A function from a row to its record, given the user id and the metadata that the row's opaque id and digest stand
    for. Further values of the row are ignored."""
    width = len(stored(fields))
    usage = record_type.__struct_fields__.index("usage")
    end = usage + len(Usage.__struct_fields__)
    flags = _flags(fields)

    def record(row: Row, user_id: str, metadata: str | None) -> Record:
        values = [*row[:width]]
        values[USER_PLACE], values[METADATA_PLACE] = user_id, metadata
        for place in flags:
            values[place] = bool(values[place])
        values[usage:end] = (Usage(*values[usage:end]),)
        return record_type(*values)

    return record


record_row = row_maker(FIELDS)
record_of = record_maker(FIELDS)


def intent_row(intent: Intent) -> Row:
    """The row of an intent, in the order of the columns of `intents`."""
    return astuple(intent)


def intent_of(row: Row) -> Intent:
    """The intent from a row with all columns of `intents`."""
    return msgspec.convert(dict(zip(Intent.__struct_fields__, row, strict=True)), Intent, strict=False)
