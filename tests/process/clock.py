"""A clock that stands still until the test sets it, in whatever process reads it."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

_FORM = struct.Struct("=q")


class Clock:
    """Milliseconds since the epoch, kept in a file. `Clock(path)` reads the one that `Clock.at` made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _FORM.size)

    @classmethod
    def at(cls, path: Path, moment: int) -> Clock:
        """A new one."""
        path.write_bytes(_FORM.pack(moment))
        return cls(path)

    def __reduce__(self) -> tuple[type[Clock], tuple[Path]]:
        return Clock, (self._path,)

    def __repr__(self) -> str:
        return f"Clock({self()})"

    def __call__(self) -> int:
        moment: int = _FORM.unpack(self._memory[:])[0]
        return moment

    def set(self, moment: int) -> None:
        self._memory[:] = _FORM.pack(moment)
