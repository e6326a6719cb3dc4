"""The choice of the engines for data and counters, made in this one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tollkeeper.store import sqlite
from tollkeeper.store.memory.counters import MemoryCounters
from tollkeeper.store.ports.counters import Counters
from tollkeeper.store.ports.maintenance import Maintenance
from tollkeeper.store.ports.store import Durability, Store
from tollkeeper.store.sqlite.maintenance import SqliteMaintenance


async def open_store(
    path: Path, *, now: Callable[[], int], durability: Durability, belongings: Sequence[Path] | None
) -> Store:
    """Open the database at `path` to serve it; see `sqlite.open_store`."""
    return await sqlite.open_store(path, now=now, durability=durability, belongings=belongings)


def maintenance(path: Path) -> Maintenance:
    """The operator's commands for the database at `path`. Opens nothing yet."""
    return SqliteMaintenance(path)


def new_counters() -> Counters[Any]:
    """The counters of limits, with nothing counted yet."""
    return MemoryCounters()
