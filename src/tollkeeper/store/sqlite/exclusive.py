"""Exclusive access to a database that no other process has open, for operators' commands."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.store import Durability
from tollkeeper.store.sqlite.connections import connect_writer, plain_reason
from tollkeeper.store.sqlite.files import real_path
from tollkeeper.store.sqlite.lock import FileLock


@contextmanager
def exclusive(path: Path, durability: Durability, work: str) -> Iterator[sqlite3.Connection]:
    """A writing connection, with the lock of the database held. `work` is a participle for messages ("pruned"). Raises
    StoreBusy where another process has it open, StoreError where there is none or the work fails."""
    if not path.is_file():
        raise StoreError(f"there is no database {path}")
    with ExitStack() as ended:
        try:
            ended.callback(FileLock(path).release)
            yield ended.enter_context(closing(connect_writer(real_path(path), durability)))
        except OSError as error:
            raise StoreError(f"the database {path} cannot be opened: {error.strerror}") from None
        except (sqlite3.Error, SQLAlchemyError) as error:
            raise StoreError(f"the database {path} cannot be {work}: {plain_reason(error)}") from None
