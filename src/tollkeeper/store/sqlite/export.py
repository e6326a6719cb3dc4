"""Export of all records as they are stored, for other programs to read and verify."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.maintenance import ChainedRecord
from tollkeeper.store.ports.record_fields import FIELDS, stored
from tollkeeper.store.sql.identities import Identities
from tollkeeper.store.sql.rows import METADATA_PLACE, USER_PLACE, record_of
from tollkeeper.store.sqlite.connections import connect_reader, plain_reason
from tollkeeper.store.sqlite.lock import must_be_readable
from tollkeeper.store.sqlite.revision import must_be_at_head

_COLUMNS = ", ".join(f"records.{field.stored_as}" for field in stored(FIELDS))
_QUERY = (
    f"SELECT {_COLUMNS}, seq, hash, record_metadata.metadata FROM records"  # noqa: S608 (names of the schema)
    " LEFT JOIN record_metadata USING (request_id) ORDER BY seq"
)


def export(path: Path) -> Iterator[ChainedRecord]:
    """See `ports.Maintenance`. Holds only a few records in memory at once."""
    must_be_readable(path)
    try:
        with closing(connect_reader(path)) as connection:
            connection.execute("BEGIN")
            must_be_at_head(connection, path)
            identities = Identities(connection.execute("SELECT id, user_id FROM identities"))
            for *row, seq, digest, metadata in connection.execute(_QUERY):
                record = record_of(row, identities.user_id_of(row[USER_PLACE]), metadata)
                yield ChainedRecord(record, seq, row[USER_PLACE], row[METADATA_PLACE], digest.hex())
    except sqlite3.Error as error:
        raise StoreError(f"the database {path} cannot be read: {plain_reason(error)}") from None
