"""Operators' commands for a database, whether or not it is served."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct

from tollkeeper.store.ports.records import Record

Progress = Callable[[int, int], None]
"""Callback for progress: how much is done, and of how much."""


class Health(Struct, frozen=True):
    """The state of a database: its revision, that of this version (`head`), and the faults found, one line each."""

    revision: str
    head: str
    faults: tuple[str, ...]


class Verification(Struct, frozen=True):
    """The result of a verification. `records` were read, numbered up to `seq`, where the chain has `hash` (hex digits:
    a copy kept elsewhere reveals a rebuilt chain). `pruned` records are known only by their checkpoint. `faults` are
    one line each, the first of `fault_count`."""

    records: int
    pruned: int
    seq: int
    hash: str
    faults: tuple[str, ...]
    fault_count: int

    @property
    def ok(self) -> bool:
        return not self.fault_count


class ChainedRecord(NamedTuple):
    """A record and its place in the chain: its number, and its hash in hex digits. In place of the user id and the
    metadata, the chain covers `opaque_user_id` and `metadata_digest`."""

    record: Record
    seq: int
    opaque_user_id: str
    metadata_digest: str | None
    hash: str


class Pruning(Protocol):
    """Pruning of a database that is not served. Its calls raise StoreError."""

    def prunable(self, before: int) -> int:
        """How many records `prune` would delete."""

    def prune(self, before: int) -> int:
        """Delete records made before `before`, in bounded transactions. Returns how many."""

    def open_months(self) -> list[int]:
        """The first moments of the months with records that no invoice covers, oldest first."""


class Maintenance(Protocol):
    """The commands for one database, closed or served by another process. They raise StoreError when they fail, and
    StoreBusy where they need a database that is not served."""

    def backup(self, target: Path, progress: Progress | None = None) -> None:
        """Copy the database as it is now to `target`, one file that only its owner may read; complete, or not there at
        all. It blocks neither readers nor the writer. Raises StoreError also where `target` exists."""

    def restore(self, source: Path, at: int, progress: Progress | None = None) -> Path | None:
        """Replace the database with a copy of the backup `source`, upgraded if need be. The old database stays beside
        it, named by the moment `at` (milliseconds): returns its path, None where there was none. Raises StoreError, and
        changes nothing, when the backup was written by a newer version or its ledger fails verification."""

    def health(self) -> Health:
        """Check the database at the level of its engine (`verify` checks the ledger's sums and chain). Read-only."""

    def upgrade(self) -> Path | None:
        """Upgrade an existing database to this version. Returns the path of the copy made before, None where there was
        nothing to do."""

    def unserved(self) -> AbstractContextManager[Pruning]:
        """The database, which must be of this version, locked while the context lasts."""

    def verify(self, progress: Progress | None = None) -> Verification:
        """Verify the whole ledger: its chain, the cost of each record, and every sum. Read-only. Raises StoreError when
        the database cannot be read, or is not of this version."""

    def export(self) -> Iterator[ChainedRecord]:
        """The records in the order of the chain, oldest first, as of the moment of the first read. `rules/chain.py`
        describes how to verify them. Raises StoreError when the database cannot be read, or is not of this version."""
