"""Watches that the database is still where it was opened, and that its disk has room.

A file that was moved or deleted can still be written by the process that has it open, and those writes are lost with
it. So the paths of the database, its log and the log's index are compared with the open files: while one is missing
nothing is written (`gone`), and entries are kept in memory. A nearly full disk is reported before a write fails;
running requests may use what is left.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from threading import Event, Thread

from tollkeeper.store.sqlite.files import beside

LOG = logging.getLogger("tollkeeper.store")

PAUSE = 0.25
"""Seconds between two checks."""
RESERVE = 8 * 2**20
"""Bytes that must be free to admit new requests: for the records of running ones, and for SQLite's log."""
_LOG_FILES = ("-wal", "-shm")

_Identity = tuple[int, int]


class FileWatch:
    """The watching thread. `file` is a descriptor of the database, open while this runs."""

    def __init__(self, path: Path, file: int, *, reserve: int = RESERVE) -> None:
        self._path = path
        self._reserve = reserve
        self._files = {path: _identity(os.fstat(file))}
        for ending in _LOG_FILES:
            if (found := _identity_at(beside(path, ending))) is not None:
                self._files[beside(path, ending)] = found
        self._stopped = Event()
        self.gone: str | None = None
        """Why nothing may be written, or None."""
        self.reason: str | None = None
        """Why no new request may be admitted, or None; `gone` is such a reason."""
        self.check()
        # A disk that hangs must not keep the process from ending.
        self._thread = Thread(target=self._work, name="tollkeeper-watch", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"FileWatch({str(self._path)!r}, {self.reason!r})"

    def stop(self) -> None:
        """Stop watching. A missing log alone does not prevent the last writes: closing moves all of it from the open
        files into the database."""
        self._stopped.set()
        self.gone = self._missing([self._path])

    def check(self) -> None:
        """Update `gone` and `reason`, and log a change."""
        gone = self._missing(self._files)
        reason = gone or self._disk_full()
        before, self.gone, self.reason = self.reason, gone, reason
        if reason is None and before is not None:
            LOG.warning("the database %s is in its place again and has room", self._path)
        elif reason is not None and before is None:
            LOG.error("new requests are refused: %s", reason)

    def _work(self) -> None:
        while not self._stopped.wait(PAUSE):
            self.check()

    def _missing(self, paths: Iterable[Path]) -> str | None:
        for path in paths:
            found = _identity_at(path)
            if found is None:
                return f"{path} was moved or deleted while it was open; put it back, or stop the gateway"
            if found != self._files[path]:
                return f"{path} was replaced by another file while it was open; put it back, or restart the gateway"
        return None

    def _disk_full(self) -> str | None:
        try:
            disk = os.statvfs(self._path.parent)
        except OSError as error:
            return f"the folder {self._path.parent} cannot be read: {error.strerror}"
        if not disk.f_blocks:
            return None  # a file system that does not report its size
        free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize
        if free < self._reserve:
            return (
                f"the disk of {self._path} is nearly full: {free // 2**20} MiB are free, {self._reserve // 2**20} MiB"
                " must be"
            )
        return None


def _identity_at(path: Path) -> _Identity | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino
