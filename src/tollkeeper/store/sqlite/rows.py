"""Between the values of `ports.py` and rows, and the ledger's statements of many rows.

The ledger writes with bare sqlite3, a statement for each kind of row and group: every statement of a thread gives the
interpreter's lock away and has to wait to get it back, which under load costs more than the statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Table

from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports import Intent, Record

ROWS_AT_ONCE = 64
_FINE = 8
"""Up to so many rows there is a statement for each number of them, then one for each multiple: each stays prepared, and
takes up to 80 kB. So what is written together goes in two statements at most, and 15 of them are enough."""
Row = Sequence[Any]


def record_row(record: Record) -> tuple[Any, ...]:
    """In the order of the columns of `records`, without its place in the chain: what its hash covers."""
    fields = astuple(record)
    usage = record.usage
    return (
        *fields[:9],
        int(record.stream),
        record.status,
        *astuple(usage)[:5],
        int(usage.estimated),
        *fields[12:],
    )


def record_of(row: Row) -> Record:
    """Of all columns of `records`, or those of `record_row`."""
    usage = (*row[11:16], bool(row[16]))
    fields = (*row[:9], bool(row[9]), row[10], Usage(*usage), *row[17:24])
    return Record(*fields)


def intent_row(intent: Intent) -> Row:
    """In the order of the columns of `intents`."""
    return astuple(intent)


def intent_of(row: Row) -> Intent:
    fields = (*row[:8], bool(row[8]), *row[9:])
    return Intent(*fields)


class ManyRows:
    """Statements that differ only in their number of rows: `head`, that many times `one`, `tail`."""

    def __init__(self, head: str, one: str, tail: str) -> None:
        self._head = head
        self._one = one
        self._tail = tail
        sizes = (*range(1, _FINE), *range(_FINE, ROWS_AT_ONCE + 1, _FINE))
        self._texts = {rows: self._text(rows) for rows in sizes}

    def __repr__(self) -> str:
        return f"ManyRows({self._head} {self._one}… {self._tail})"

    def execute(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """How many rows were changed."""
        changed, start = 0, 0
        while left := len(rows) - start:
            size = min(left - left % _FINE or left, ROWS_AT_ONCE)
            some = rows[start : start + size]
            changed += connection.execute(self._texts[size], list(chain.from_iterable(some))).rowcount
            start += size
        return changed

    def _text(self, rows: int) -> str:
        return f"{self._head}{', '.join([self._one] * rows)}{self._tail}"


def inserting(table: Table, tail: str) -> ManyRows:
    """INSERT of whole rows; `tail` says what becomes of those that are there already."""
    names = ", ".join(column.name for column in table.columns)
    head = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 (names of the schema, nothing from outside)
    return ManyRows(head, _marks(len(table.columns)), f" {tail}")


def on_conflict_do_nothing(table: Table) -> str:
    return f"ON CONFLICT ({_key_of(table)}) DO NOTHING"


def on_conflict_add(table: Table) -> str:
    """Add the new row's figures to those of the row that is there."""
    figures = [column.name for column in table.columns if not column.primary_key]
    return f"ON CONFLICT ({_key_of(table)}) DO UPDATE SET " + ", ".join(f"{n} = {n} + excluded.{n}" for n in figures)


def _key_of(table: Table) -> str:
    return ", ".join(column.name for column in table.primary_key.columns)


def _marks(number: int) -> str:
    return f"({', '.join('?' * number)})"


def flat(values: Iterable[str]) -> list[Row]:
    """Each value as a row of its own."""
    return [(value,) for value in values]
