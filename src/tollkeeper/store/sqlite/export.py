"""Every record as it is kept, for other programs to read and to prove."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tollkeeper.rules.chain import FIELDS
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import connect_reader, plain_reason
from tollkeeper.store.sqlite.verify import must_be_at_head

_NAMES = ("seq", *FIELDS, "hash")


def export(path: Path) -> Iterator[dict[str, Any]]:
    """The records in the order of the chain, oldest first, as they were when the first was asked for: their fields by
    name, `seq`, and `hash` as hex digits. `rules/chain.py` tells how to prove them. Only a few are in memory at once.
    Raises StoreError when the database cannot be read, or is not one of this version."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            must_be_at_head(connection, path)
            query = f"SELECT {', '.join(_NAMES)} FROM records ORDER BY seq"  # noqa: S608 (names of the schema)
            for row in connection.execute(query):
                record = dict(zip(_NAMES, row, strict=True))
                yes_or_no = {name: bool(record[name]) for name in ("stream", "estimated")}
                yield record | yes_or_no | {"hash": record["hash"].hex()}
    except sqlite3.Error as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None
