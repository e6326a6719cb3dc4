"""Jobs: work for an admin that goes on without them, such as the pull of a model."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from tollkeeper.store.ports.audit import AuditEntry


class StoredJob(Struct, frozen=True):
    """A job as it is stored. `ended_at` None: it runs, or shall go on after a start. `body` is a JSON object of what
    its service keeps of it."""

    id: str
    created_at: int
    ended_at: int | None
    body: str


class JobStore(Protocol):
    async def load(self) -> list[StoredJob]:
        """Every job, the oldest first."""

    async def save(self, job: StoredJob, audit: AuditEntry | None = None) -> None:
        """Add a job, or replace the one with its id."""

    async def forget(self, before: int) -> None:
        """Delete the jobs that ended before this time."""
