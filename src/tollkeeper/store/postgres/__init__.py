"""The shared store: one database of PostgreSQL for many processes. Tables and most statements are in `store/sql/`.

store.py        opening, closing           revision.py   making and upgrading the tables
schema.py       the tables that only it has
connections.py  engines over connections
writer.py       changes: one transaction after the other, over all processes
readers.py      reads, each on one snapshot; timed_reader.py: none longer than it may
identities.py   opaque ids of users, as other processes change them
shipments.py    records, from journals (`store/sqlite/journal.py`); words.py: its words in the statements of sums
refusals.py     counting refused requests
pruning.py      deleting the oldest records
erasure.py      forgetting a person
"""

from tollkeeper.store.postgres.store import PostgresStore, open_store

__all__ = ["PostgresStore", "open_store"]
