"""Backup and restore: copies of the database are made while it is served, and restored while it is not."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.rules.times import format_time
from tollkeeper.store.errors import StoreBusy, StoreError
from tollkeeper.store.ports.maintenance import Progress
from tollkeeper.store.sql.migrations.head import HEAD
from tollkeeper.store.sqlite.connections import connect_reader, connect_writer, plain_reason
from tollkeeper.store.sqlite.files import BEFORE_RESTORE, beside, copy_owner, make_empty, real_path, sync
from tollkeeper.store.sqlite.lock import FileLock, must_be_readable
from tollkeeper.store.sqlite.revision import bring_to_head, find_revision
from tollkeeper.store.sqlite.verify import verify

_PAGES_AT_ONCE = 200
_COMPANIONS = ("-wal", "-shm")
_NOT_IN_NAMES = str.maketrans("", "", "-:.")


def backup(path: Path, target: Path, progress: Progress | None = None) -> None:
    """See `ports.Maintenance`. `progress` counts pages."""
    must_be_readable(path)
    if target.exists():
        raise StoreError(f"{target} exists already")
    with _failing_as(f"the database {path} cannot be copied to {target}"):
        partial = _partial(target)
        with _removed_when_done(partial):
            _copy(path, partial, progress)
            sync(partial)
            partial.replace(target)
            sync(target.parent)


def restore(source: Path, target: Path, at: int, progress: Progress | None = None) -> Path | None:
    """See `ports.Maintenance`. Killed at any moment, it leaves the old or the new database whole at `target`."""
    if not source.is_file():
        raise StoreError(f"there is no backup {source}")
    target = real_path(target)
    with ExitStack() as ended, _failing_as(f"the backup {source} cannot be put in the place of {target}"):
        lock = FileLock(target)
        ended.callback(lock.release)
        partial = _partial(target)
        with _removed_when_done(partial):
            _copy(source, partial, progress)
            _upgrade(partial)
            found = verify(partial)
            if not found.ok:
                raise StoreError(f"the backup {source} does not hold ({found.fault_count} faults): {found.faults[0]}")
            file = lock.add(partial)
            if lock.file is not None:
                copy_owner(file, os.fstat(lock.file))
            os.fsync(file)
            return _put(partial, target, at)


def _partial(target: Path) -> Path:
    partial = beside(target, ".partial")
    _remove(partial)
    make_empty(partial)
    return partial


def _remove(partial: Path) -> None:
    for ending in ("", *_COMPANIONS):
        beside(partial, ending).unlink(missing_ok=True)


def _copy(source: Path, target: Path, progress: Progress | None) -> None:
    with closing(connect_reader(source)) as reading, closing(sqlite3.connect(target)) as writing:
        # One transaction for all pages, or the copy would restart with every commit.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        reading.backup(writing, pages=_PAGES_AT_ONCE, progress=_page_progress(progress), sleep=0)
        # One file, without a log beside it.
        writing.execute("PRAGMA journal_mode = DELETE")


def _page_progress(progress: Progress | None) -> Callable[[int, int, int], None] | None:
    return None if progress is None else lambda _status, left, total: progress(total - left, total)


def _upgrade(path: Path) -> None:
    """Upgrade the copy to this version. Raises StoreError where it is of a newer version or no database of
    Tollkeeper."""
    with closing(connect_writer(path, "process")) as connection:
        if find_revision(connection) is None:
            raise StoreError("it is no database of Tollkeeper")
        bring_to_head(path, connection)
        connection.execute("PRAGMA journal_mode = DELETE")
    # The copy of a copy: the backup itself is still there.
    path.with_name(f"{path.name}.before-{HEAD}").unlink(missing_ok=True)


def _put(partial: Path, target: Path, at: int) -> Path | None:
    """Replace the database in one rename; the old one gets a second name first. Returns that name, None where there was
    no database."""
    aside = beside(target, BEFORE_RESTORE + format_time(at).translate(_NOT_IN_NAMES))
    if aside.exists():
        raise StoreError(f"{aside} exists already")
    replaced = target.exists()
    if replaced:
        _checkpoint_log(target)
    # A log must never lie beside a database that it does not belong to. One that is left here has no database, or
    # cannot be read.
    for ending in _COMPANIONS:
        if beside(target, ending).exists():
            beside(target, ending).replace(beside(aside, ending))
    if not replaced:
        os.link(partial, target)  # unlike a rename, it fails where someone has made a database meanwhile
        sync(target.parent)
        return None
    os.link(target, aside)
    sync(target.parent)
    partial.replace(target)
    sync(target.parent)
    return aside


def _checkpoint_log(database: Path) -> None:
    """Move the write-ahead log into the database and remove it. One that SQLite cannot read is left as it is."""
    try:
        with closing(connect_writer(database, "power")) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise StoreBusy(
            f"the database {database} is being read by another program; try again when it is done"
        ) from None
    except sqlite3.DatabaseError:
        return


@contextmanager
def _removed_when_done(partial: Path) -> Iterator[None]:
    try:
        yield
    finally:
        _remove(partial)


@contextmanager
def _failing_as(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{what}: {error.strerror}") from None
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"{what}: {plain_reason(error)}") from None
