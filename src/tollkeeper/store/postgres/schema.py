"""Tables that only PostgreSQL has: those of journals, and what processes that share a database need besides.

Every other table is that of all engines (`store/sql/schema.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    insert,
)

from tollkeeper.store.postgres.words import PostgresWords
from tollkeeper.store.sql.column_types import Text
from tollkeeper.store.sql.rollups import TAG_SUMS
from tollkeeper.store.sql.schema import METADATA as OF_ALL_ENGINES
from tollkeeper.store.sql.schema import head

METADATA = MetaData()

# The journals that records come from, each with a chain of its own: the number and the hash of its last record that is
# here, and the earliest admission of a request that it had not settled when it last shipped. `pruned_seq` and
# `pruned_hash` are those of its last record that was pruned. `fault`: why nothing of it is taken any more.
journals = Table(
    "journals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("shipped_seq", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("oldest_open", BigInteger),
    Column("told_at", BigInteger, nullable=False),
    Column("pruned_seq", BigInteger),
    Column("pruned_hash", LargeBinary),
    Column("fault", Text),
)

# The place of each record in the chain of its journal: a record itself has its number among those of all journals.
journal_records = Table(
    "journal_records",
    METADATA,
    Column("journal", Text, nullable=False),
    Column("journal_seq", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("journal", "journal_seq"),
    Index("journal_records_by_seq", "seq", unique=True),
)

# Has no rows: who changes anything but by a shipment locks it, so that one does so after the other.
turns = Table("turns", METADATA, Column("nothing", BigInteger, primary_key=True))

_CHANGES = (
    # The order in which identities were made or forgotten, so that a process can ask for those it does not know.
    "CREATE SEQUENCE identity_changes",
    "ALTER TABLE identities ADD COLUMN changed BIGINT NOT NULL DEFAULT nextval('identity_changes')",
    "CREATE INDEX identities_by_change ON identities (changed)",
    """CREATE FUNCTION number_identity_change() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.changed := nextval(''identity_changes''); RETURN NEW; END'""",
    """CREATE TRIGGER identity_changed BEFORE UPDATE ON identities
    FOR EACH ROW EXECUTE FUNCTION number_identity_change()""",
)


def _keys_of_tags() -> Iterator[str]:
    """The keys of sums by tag: the values of tags are too long for a row of an index."""
    words = PostgresWords()
    for table in TAG_SUMS:
        columns = ", ".join(words.unique(column.name) for column in table.primary_key.columns)
        yield f"ALTER TABLE {table.name} DROP CONSTRAINT {table.name}_pkey"
        yield f"CREATE UNIQUE INDEX {table.name}_key ON {table.name} ({columns})"


def create_all(connection: Connection) -> None:
    """Make every table in an empty database, and the rows that a new one has."""
    OF_ALL_ENGINES.create_all(connection)
    METADATA.create_all(connection)
    for statement in (*_CHANGES, *_keys_of_tags()):
        connection.exec_driver_sql(statement)
    connection.execute(insert(head).values(id=1, seq=0, hash=b"", minutes_from=0, rolled_up=0))
