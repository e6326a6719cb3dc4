"""The index of records by user, model, team and end user.

It is a table, which follows the records many at once, with their sums (`rollups.py`): so a commit of records of many
users changes few pages. Whoever reads it does so where the sums have all records.
"""

# The statement is put together of the schema's names, of nothing from outside.
# ruff: noqa: S608

from __future__ import annotations

from sqlalchemy import Connection, Select, delete, literal, select, tuple_, union_all

from tollkeeper.store.sql.dialect import one_of
from tollkeeper.store.sql.schema import record_index, records
from tollkeeper.store.sql.words import Words

INDEXED = ("user_id", "model", "team_id", "end_user_id")
"""The columns by which records are found; the index has their numbers."""


def add_to_index(words: Words) -> str:
    """The statement that adds the records with a number in the chain above the first parameter, up to the second."""
    these = f"seq > {words.after} AND seq <= {words.upto}"
    each = " UNION ALL ".join(
        f"SELECT {number}, {name}, request_id FROM records WHERE {these} AND {name} IS NOT NULL"
        for number, name in enumerate(INDEXED)
    )
    return f"INSERT INTO record_index (field, value, request_id) {each} ORDER BY 1, 2, 3"


def ids_of(name: str, *values: str) -> Select[tuple[str]]:
    """The ids of the records with one of these values in a column of `INDEXED`; with one value they are found in their
    order."""
    value = record_index.c.value
    theirs = value == values[0] if len(values) == 1 else one_of(value, values)
    return select(record_index.c.request_id).where(record_index.c.field == INDEXED.index(name), theirs)


def drop_from_index(connection: Connection, upto: int) -> None:
    """Drop the records with a number in the chain of at most `upto`, which are about to be deleted."""
    theirs = union_all(
        *(
            select(literal(number), records.c[name], records.c.request_id).where(records.c.seq <= upto)
            for number, name in enumerate(INDEXED)
        )
    )
    place = tuple_(record_index.c.field, record_index.c.value, record_index.c.request_id)
    connection.execute(delete(record_index).where(place.in_(theirs)))
