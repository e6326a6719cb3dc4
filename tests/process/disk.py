"""Disks on which nothing can be written, and then can again."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_NEW_MOUNTS, _NEW_USERS = 0x0002_0000, 0x1000_0000  # CLONE_NEWNS, CLONE_NEWUSER
_PRIVATE = 1 << 18 | 1 << 14  # MS_PRIVATE | MS_REC
_READ_ONLY, _REMOUNT = 1, 32  # MS_RDONLY, MS_REMOUNT


def mount_small(folder: Path, size: int) -> None:
    """A disk of so many bytes in this folder, for this process alone, which may have no second thread. Raises OSError
    where neither root nor a user namespace may mount one."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEW_MOUNTS):
        _must_be_done(libc.unshare(_NEW_MOUNTS | _NEW_USERS))
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            Path("/proc/self", name).write_text(line)
    _must_be_done(libc.mount(b"none", b"/", None, _PRIVATE, None))
    _must_be_done(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=%d" % size))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """The disk in this folder, of this process's own, can be read alone. Linux refuses that (OSError, EBUSY) while a
    file on it is open for writing."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must_be_done(libc.mount(None, os.fsencode(folder), None, _REMOUNT | _READ_ONLY, None))
    try:
        yield
    finally:
        _must_be_done(libc.mount(None, os.fsencode(folder), None, _REMOUNT, None))


def _must_be_done(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def filled(folder: Path, but: int = 0) -> Iterator[None]:
    """Not a byte more, or so many, have room on the disk of this folder."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        size = 65_536
        while size:
            try:
                size = file.write(b"x" * size)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                size //= 2
        file.truncate(file.tell() - but)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def bounded(pid: int) -> Iterator[None]:
    """No file of this process may be written beyond a length that its database has long had: so nothing can be moved
    into that either, and the log cannot begin anew."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (65_536, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program writes to the database, and does not end."""
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
