"""One process owns a database: a lock on `<path>.lock`, which the kernel takes back whatever way the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tollkeeper.store.errors import StoreBusy


class FileLock:
    """Held from its making until `release`. Raises StoreBusy when it is held elsewhere, OSError when there can be no
    lock file."""

    def __init__(self, database: Path) -> None:
        self._file = os.open(database.with_name(database.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise StoreBusy(f"the database {database} is open in another process; stop that one first") from None
        except BaseException:
            os.close(self._file)
            raise

    def release(self) -> None:
        """Let others have it. The file stays: removing it would let two processes hold two locks of one name."""
        os.close(self._file)
