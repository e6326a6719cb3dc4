"""The embedded store: one SQLite file, one process.

store.py        opening, closing           upgrade.py, migrations/   how the tables come to be
schema.py       the tables                 lock.py                   one process owns the file
ledger.py  ──group──▶  writer.py ──runs──▶  commit.py                loop │ thread: one transaction a group
accounts.py, sessions.py, book.py   writes by writer.py, reads by readers.py
reports.py, history.py, audit.py   reads by readers.py               a few threads that can only read
verify.py, export.py, backup.py, condition.py   for operators: their own connections, no store needs to be open
wal.py          moves the write-ahead log into the file, a thread of its own
prune.py        the oldest records, by writer.py
rows.py, connections.py                                              values ↔ rows, pragmas
"""

from tollkeeper.store.sqlite.store import SqliteStore, open_store

__all__ = ["SqliteStore", "open_store"]
