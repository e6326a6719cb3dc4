"""Copies of the database: made while it is served, and put in its place while it is not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.rules.times import format_time
from tollkeeper.store.errors import StoreError
from tollkeeper.store.sqlite.connections import connect_reader, connect_writer, plain_reason
from tollkeeper.store.sqlite.lock import FileLock
from tollkeeper.store.sqlite.schema import HEAD
from tollkeeper.store.sqlite.store import bring_to_head
from tollkeeper.store.sqlite.verify import Progress, verify

_PAGES_AT_ONCE = 200
_COMPANIONS = ("-wal", "-shm")
_NOT_IN_NAMES = str.maketrans("", "", "-:.")


def backup(path: Path, target: Path, progress: Progress | None = None) -> None:
    """Write the database as it is now to `target`, one file that only its owner may read; complete, or not there at
    all. Nothing is kept waiting by it. `progress` is told how many pages are done, and of how many. Raises StoreError,
    also where `target` exists."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    if target.exists():
        raise StoreError(f"{target} exists already")
    with _failing_as(f"the database {path} cannot be copied to {target}"):
        partial = _partial(target)
        with _removed_unless_whole(partial):
            _copy(path, partial, progress)
            partial.replace(target)


def restore(source: Path, target: Path, at: int, progress: Progress | None = None) -> Path | None:
    """Put a copy of the backup `source` in the place of the database `target`, upgraded if need be. What was there
    stays beside it, named by this moment (`at`, milliseconds): its path is answered, None where there was nothing.

    Raises StoreBusy when `target` is open, StoreError when `source` was written by a newer version, or when not all of
    its ledger holds; then nothing has changed."""
    if not source.is_file():
        raise StoreError(f"there is no backup {source}")
    with ExitStack() as ended, _failing_as(f"the backup {source} cannot be put in the place of {target}"):
        ended.callback(FileLock(target).release)
        partial = _partial(target)
        with _removed_unless_whole(partial):
            _copy(source, partial, progress)
            _upgrade(partial)
            found = verify(partial)
            if not found.ok:
                raise StoreError(f"the backup {source} does not hold ({found.fault_count} faults): {found.faults[0]}")
            aside = _set_aside(target, at)
            partial.replace(target)
    return aside


def _partial(target: Path) -> Path:
    partial = target.with_name(target.name + ".partial")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    return partial


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    with closing(connect_reader(source)) as reading, closing(sqlite3.connect(target)) as writing:
        # One transaction from the first page to the last, else the copy would begin anew with every commit.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=_PAGES_AT_ONCE, progress=_told(progress), sleep=0)
        # One file, without a log beside it.
        writing.execute("PRAGMA journal_mode = DELETE")


def _told(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    return None if progress is None else lambda _status, left, total: progress(total - left, total)


def _upgrade(path: Path) -> None:
    """Bring the copy to this version. Raises StoreError for one of a newer version, or of something else."""
    with closing(connect_writer(path, "process")) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise StoreError("it is no database of Tollkeeper")
        bring_to_head(path, connection)
        connection.execute("PRAGMA journal_mode = DELETE")
    # The copy of a copy: the backup itself is still there.
    path.with_name(f"{path.name}.before-{HEAD}").unlink(missing_ok=True)


def _set_aside(target: Path, at: int) -> Path | None:
    if not target.exists():
        return None
    stamp = format_time(at).translate(_NOT_IN_NAMES)
    aside = target.with_name(f"{target.name}.before-restore-{stamp}")
    if aside.exists():
        raise StoreError(f"{aside} exists already")
    # Its log first: it must never lie beside a file that it does not belong to.
    for companion in _COMPANIONS:
        log = target.with_name(target.name + companion)
        if log.exists():
            log.replace(aside.with_name(aside.name + companion))
    target.replace(aside)
    return aside


@contextmanager
def _removed_unless_whole(partial: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for name in (partial.name, *(partial.name + companion for companion in _COMPANIONS)):
            partial.with_name(name).unlink(missing_ok=True)


@contextmanager
def _failing_as(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror}") from None
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"{what}: {plain_reason(error)}") from None
