"""Bringing the sums over records up to the end of the chain.

A commit only appends records. What they add to the sums follows many records at once, which costs a fraction: behind it
is a mark in the chain (`head.rolled_up`), the number of the last record that the sums have. Whoever reads sums sees a
state in which it is the last of all (`Writer.snapshot`), and so does everything else that the writer does but appending
(`Writer.run`). After a kill, the next start goes on from the mark.
"""

from __future__ import annotations

import sqlite3

from tollkeeper.store.sql.record_index import add_to_index
from tollkeeper.store.sql.rollups import MOST, SumStatements
from tollkeeper.store.sqlite.words import SqliteWords
from tollkeeper.store.time_buckets import MINUTE_MS, MINUTES_KEPT_MS

SUMS = SumStatements(SqliteWords())
"""The statements that add records to the sums."""
_ADD_TO_INDEX = add_to_index(SqliteWords())
_MINUTES_AT_ONCE_MS = 30 * MINUTE_MS
"""The most that one transaction deletes of the sums by minute, so that none takes long."""


def behind(connection: sqlite3.Connection) -> int:
    """How many records the sums do not have yet."""
    count: int = connection.execute("SELECT seq - rolled_up FROM head").fetchone()[0]
    return count


def roll_up(connection: sqlite3.Connection) -> None:
    """Bring the sums up to the end of the chain, in transactions of their own. Nobody else may write meanwhile."""
    while behind(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            _add_some(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _add_some(connection: sqlite3.Connection) -> None:
    seq, mark, minutes_from = connection.execute("SELECT seq, rolled_up, minutes_from FROM head").fetchone()
    upto = min(seq, mark + MOST)
    connection.execute(SUMS.prepare)
    connection.execute(SUMS.clear)
    connection.execute(SUMS.add_up, (mark, upto))
    for statement in SUMS.add:
        connection.execute(statement)
    for statement in SUMS.add_new_tags:
        connection.execute(statement, (mark, upto))
    connection.execute(_ADD_TO_INDEX, (mark, upto))
    (newest,) = connection.execute(SUMS.newest).fetchone()
    minutes_from = _prune_minutes(connection, mark, minutes_from, newest)
    connection.execute("UPDATE head SET rolled_up = ?, minutes_from = ?", (upto, minutes_from))


def _prune_minutes(connection: sqlite3.Connection, mark: int, minutes_from: int, newest: int) -> int:
    """Delete sums by minute that are no longer needed, a bounded span at once. Returns the first minute that is
    left."""
    wanted = newest - MINUTES_KEPT_MS
    if not mark:
        return max(0, wanted)
    if wanted < minutes_from + _MINUTES_AT_ONCE_MS:
        return minutes_from
    until = minutes_from + _MINUTES_AT_ONCE_MS
    connection.execute("DELETE FROM rollup_minutes WHERE minute < ?", (until,))
    return until
