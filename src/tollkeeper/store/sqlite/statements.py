"""The ledger's multi-row statements.

The ledger writes with bare sqlite3, one statement for each kind of row in a group: every statement releases the
interpreter's lock and has to wait to get it back, which under load costs more than the statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain

from sqlalchemy import Table

from tollkeeper.store.sql.rows import Row

ROWS_AT_ONCE = 64
_EXACT_UP_TO = 8
"""Below this there is a statement for each number of rows, above it for each multiple; each stays prepared and takes up
to 80 kB. So 64 rows take two statements at most, and 15 prepared ones are enough."""


class ManyRows:
    """A family of statements for different numbers of rows: `head`, `one` for each row, `tail`."""

    def __init__(self, head: str, one: str, tail: str) -> None:
        self._head = head
        self._one = one
        self._tail = tail
        sizes = (*range(1, _EXACT_UP_TO), *range(_EXACT_UP_TO, ROWS_AT_ONCE + 1, _EXACT_UP_TO))
        self._texts = {rows: self._text(rows) for rows in sizes}

    def __repr__(self) -> str:
        return f"ManyRows({self._head} {self._one}… {self._tail})"

    def execute(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> int:
        """Execute for these rows. Returns how many rows were changed."""
        changed, start = 0, 0
        while left := len(rows) - start:
            size = min(left - left % _EXACT_UP_TO or left, ROWS_AT_ONCE)
            some = rows[start : start + size]
            changed += connection.execute(self._texts[size], list(chain.from_iterable(some))).rowcount
            start += size
        return changed

    def _text(self, rows: int) -> str:
        return f"{self._head}{', '.join([self._one] * rows)}{self._tail}"


def inserting(table: Table, tail: str) -> ManyRows:
    """INSERT of whole rows; `tail` is the ON CONFLICT clause."""
    names = ", ".join(column.name for column in table.columns)
    head = f"INSERT INTO {table.name} ({names}) VALUES "  # noqa: S608 (names of the schema, nothing from outside)
    return ManyRows(head, _marks(len(table.columns)), f" {tail}")


def on_conflict_do_nothing(table: Table) -> str:
    return f"ON CONFLICT ({_key_of(table)}) DO NOTHING"


def on_conflict_replace(table: Table) -> str:
    """ON CONFLICT clause that puts the new row in the place of the existing one."""
    others = [column.name for column in table.columns if not column.primary_key]
    return f"ON CONFLICT ({_key_of(table)}) DO UPDATE SET " + ", ".join(f"{n} = excluded.{n}" for n in others)


def _key_of(table: Table) -> str:
    return ", ".join(column.name for column in table.primary_key.columns)


def _marks(number: int) -> str:
    return f"({', '.join('?' * number)})"


def single_column_rows(values: Iterable[str]) -> list[Row]:
    """Rows of one column from single values."""
    return [(value,) for value in values]
