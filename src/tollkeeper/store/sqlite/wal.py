"""Moves what was committed from the write-ahead log into the database, beside the thread that writes.

SQLite would do it within the commit that finds the log long: with its two calls to the disk that one commit took 20 ms
and more, and everyone in its group with it. Here a connection of its own moves nearly all while commits go on; what
came meanwhile is little, and the writer moves it itself, since only then can the log begin anew.
(https://www.sqlite.org/wal.html#ckpt)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from tollkeeper.store.sqlite.connections import connect_mover

PAUSE = 0.5
"""Seconds between two looks at the log."""
LONG = 4000
"""Pages in the log from which on it is to begin anew."""


class LogMover:
    """A thread. `finish` asks the writer to move the rest."""

    def __init__(self, path: Path, finish: Callable[[], None]) -> None:
        self._path = path
        self._finish = finish
        self._stopped = Event()
        # A disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="tollkeeper-log", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"LogMover({str(self._path)!r})"

    def stop(self) -> None:
        """Begin nothing more; what is under way is left to end by itself."""
        self._stopped.set()

    def _work(self) -> None:
        while not self._stopped.wait(PAUSE):
            try:
                self._move()
            except sqlite3.Error:
                continue  # a full disk, a reader in the way: the commits tell of what matters, and it is tried again

    def _move(self) -> None:
        with closing(connect_mover(self._path)) as connection:
            while not self._stopped.wait(PAUSE):
                _, pages, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if pages >= LONG and moved:
                    self._finish()
