"""The embedded store: one SQLite file, one process. Tables and most statements are in `store/sql/`.

store.py        opening, closing           revision.py, upgrade.py              making and upgrading the tables
files.py        names, owners, fsync       lock.py, watch.py         the file belongs to one process, and stays in place
ledger.py  ──group──▶  writer.py ──runs──▶  commit.py                loop │ thread: one transaction a group
statements.py   the ledger's multi-row statements
roll_up.py      the sums and the index follow the records, on the same thread
words.py        SQLite's words in their statements
journal.py      what of the ledger has not been shipped to a shared store
readers.py      reads: a few threads with read-only connections
timed_reader.py reads that may take long: one at a time, and none longer than it may
connections.py  pragmas, and engines over bare connections
maintenance.py  for operators, and behind it: verify.py, sum_check.py, export.py, backup.py, health.py, unserved.py
                (pruning), and exclusive.py: a database that no other process has open
refusals.py     counting refused requests
erasure.py      forgetting a person, the log included
wal.py          checkpoints of the write-ahead log, in a thread
"""

from tollkeeper.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
