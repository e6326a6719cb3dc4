"""Operators' commands for a database file: one class over the modules that implement them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tollkeeper.store.ports.maintenance import ChainedRecord, Health, Progress, Pruning, Verification
from tollkeeper.store.sqlite.backup import backup, restore
from tollkeeper.store.sqlite.export import export
from tollkeeper.store.sqlite.health import health, upgrade
from tollkeeper.store.sqlite.unserved import unserved
from tollkeeper.store.sqlite.verify import verify


class SqliteMaintenance:
    """See `ports.Maintenance`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"SqliteMaintenance({str(self._path)!r})"

    def backup(self, target: Path, progress: Progress | None = None) -> None:
        backup(self._path, target, progress)

    def restore(self, source: Path, at: int, progress: Progress | None = None) -> Path | None:
        return restore(source, self._path, at, progress)

    def health(self) -> Health:
        return health(self._path)

    def upgrade(self) -> Path | None:
        return upgrade(self._path)

    def unserved(self) -> AbstractContextManager[Pruning]:
        return unserved(self._path)

    def verify(self, progress: Progress | None = None) -> Verification:
        return verify(self._path, progress)

    def export(self) -> Iterator[ChainedRecord]:
        return export(self._path)
