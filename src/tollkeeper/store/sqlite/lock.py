"""Exclusive ownership of a database, by locks that the kernel releases when the process ends.

Two files are locked. `<path>.lock`, beside the file that symbolic links lead to, outlives the database file: a restore
holds it while it replaces one file with the other. The database itself is locked too, since hard links and mounts give
one file several names. These are locks of flock(2), which on Linux have nothing to do with
SQLite's own (POSIX record locks, https://www.sqlite.org/lockingv3.html); but closing any descriptor of a file drops all
record locks that the process has on it, so the descriptor held here outlives every connection.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.sqlite.files import beside, copy_owner, real_path

_PROBE = 0.25
"""Seconds to retry a lock: another process may hold it only for a check (`must_be_readable`)."""
_FLAGS = os.O_RDWR | os.O_CLOEXEC


class FileLock:
    """The lock of a database, held from construction until `release`. Raises StoreBusy when the database is open
    elsewhere, OSError when it cannot be locked. With `make`, a missing database is created empty; without, `file` may
    be None."""

    def __init__(self, database: Path, *, make: bool = False) -> None:
        path, by_name = real_path(database), lock_path(database)
        self._held: list[int] = []
        self.file: int | None = None
        """Descriptor of the database itself, open while it is locked."""
        try:
            if make and not by_name.exists():
                # First, so that a process killed here leaves an empty database, and not a lock without one, which would
                # look like a lost database. Only the owner may read it: it will contain password hashes.
                os.close(os.open(path, _FLAGS | os.O_CREAT, 0o600))
            named = self._locked(database, by_name, _FLAGS | os.O_CREAT)
            with suppress(FileNotFoundError):
                # Created by root for another user's database, the lock file would keep that user out.
                copy_owner(named, path.stat(), mode=False)
            with suppress(FileNotFoundError):
                self.file = self._locked(database, path, _FLAGS | (os.O_CREAT if make else 0))
        except BaseException:
            self.release()
            raise

    def add(self, database: Path) -> int:
        """Lock another file, which will replace the database. Returns its descriptor."""
        return self._locked(database, database, _FLAGS)

    def release(self) -> None:
        """Release all locks. All connections must be closed before. The file `.lock` stays: removing it would let two
        processes lock two files of the same name."""
        while self._held:
            os.close(self._held.pop())

    def _locked(self, database: Path, path: Path, flags: int) -> int:
        file = os.open(path, flags, 0o600)
        deadline = time.monotonic() + _PROBE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(_PROBE / 10)
                    continue
                os.close(file)
                raise StoreBusy(f"the database {database} is open in another process; stop that one first") from None
            except BaseException:
                os.close(file)
                raise
            self._held.append(file)
            return file


def must_be_readable(database: Path) -> None:
    """Check that a command may read the database. Raises StoreError where there is none, StoreBusy where it is served
    under another name: the last writes are in a log beside that name."""
    if not database.is_file():
        raise StoreError(f"there is no database {database}")
    # The database itself is checked only where the lock of its name is free: this process may have it open.
    if _free(lock_path(database)) and not _free(database):
        raise StoreBusy(f"the database {database} is open in another process by another name; use that name")


def lock_path(database: Path) -> Path:
    return beside(real_path(database), ".lock")


def _free(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True
