"""Checkpoints: move commits from the write-ahead log into the database, in a thread beside the writer.

SQLite would do this within the commit that finds the log long: with two fsyncs that commit took 20 ms and more, and
with it everyone in its group. Here a separate connection moves nearly all of it while commits go on; the writer itself
moves the little that came meanwhile, since only then can the log restart.
(https://www.sqlite.org/wal.html#ckpt)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from tollkeeper.store.sqlite.connections import connect_checkpointer

PAUSE = 0.5
"""Seconds between two checkpoints."""
LONG = 4000
"""Pages in the log at which it should restart."""


class WalCheckpointer:
    """The thread of checkpoints. `finish` has the writer move the rest. Nothing is moved while `blocked` gives a
    reason."""

    def __init__(
        self, path: Path, finish: Callable[[], None], blocked: Callable[[], str | None] = lambda: None
    ) -> None:
        self._path = path
        self._finish = finish
        self._blocked = blocked
        self._stopped = Event()
        # A disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="tollkeeper-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"WalCheckpointer({str(self._path)!r})"

    def stop(self, patience: float) -> bool:
        """Start no more checkpoints. Returns whether a running one ended within `patience` seconds."""
        self._stopped.set()
        self._thread.join(patience)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while not self._stopped.wait(PAUSE):
            if self._blocked():
                continue
            try:
                self._checkpoint()
            except sqlite3.Error:
                continue  # a full disk or a blocking reader: commits report what matters, and this is retried

    def _checkpoint(self) -> None:
        with closing(connect_checkpointer(self._path)) as connection:
            while not self._stopped.wait(PAUSE) and not self._blocked():
                _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if pages >= LONG and moved:
                    self._finish()
