"""Pruning of a database that is not served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, StaticPool

from tollkeeper.store.sql.open_records import open_months
from tollkeeper.store.sql.prune import prunable, prune_step
from tollkeeper.store.sqlite.connections import begin_write, engine_over
from tollkeeper.store.sqlite.exclusive import exclusive
from tollkeeper.store.sqlite.revision import must_be_at_head
from tollkeeper.store.sqlite.roll_up import roll_up


class Unserved:
    """See `ports.Pruning`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prunable(self, before: int) -> int:
        with self._engine.begin() as connection:
            return prunable(connection, before)

    def prune(self, before: int) -> int:
        deleted, checkpoint = 0, None
        while True:
            with self._engine.begin() as connection:
                count, checkpoint = prune_step(connection, before, checkpoint)
            if not count:
                return deleted
            deleted += count

    def open_months(self) -> list[int]:
        with self._engine.begin() as connection:
            return open_months(connection)


@contextmanager
def unserved(path: Path) -> Iterator[Unserved]:
    """See `ports.Maintenance`."""
    with exclusive(path, "power", "pruned") as bare:
        must_be_at_head(bare, path)
        roll_up(bare)
        yield Unserved(engine_over(lambda: bare, StaticPool, begin_write))
