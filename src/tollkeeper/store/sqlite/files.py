"""The database as a file: its real path, the files beside it, owner and mode, and syncing to disk."""

from __future__ import annotations

import os
from pathlib import Path

BEFORE_RESTORE = ".before-restore-"
"""Infix in the file name of a database that a restore replaced: the database's name, this, the moment."""


def real_path(database: Path) -> Path:
    """The path with symbolic links resolved; SQLite keeps its log there, too."""
    return Path(os.path.realpath(database))


def beside(database: Path, ending: str) -> Path:
    """The path beside the database with `ending` appended to its name."""
    return database.with_name(database.name + ending)


def make_empty(path: Path) -> None:
    """Create an empty file that only its owner may read and write. Raises FileExistsError."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def copy_owner(file: int, like: os.stat_result, *, mode: bool = True) -> None:
    """Give an open file the owner of another (as root only) and, with `mode`, its mode."""
    if os.geteuid() == 0:
        os.fchown(file, like.st_uid, like.st_gid)
    if mode:
        os.fchmod(file, like.st_mode & 0o7777)


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, have reached the disk. This process must have no connection to
    that file: it would lose its locks."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def remove_unfinished_restore(database: Path) -> None:
    """Remove the second name of the database that a restore leaves when it is killed before it put its copy in
    place."""
    for file in database.parent.iterdir():
        if file.name.startswith(database.name + BEFORE_RESTORE) and file.samefile(database):
            file.unlink()
