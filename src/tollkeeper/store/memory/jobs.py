"""Jobs: work for an admin that goes on without them."""

from __future__ import annotations

from tollkeeper.store.memory.audit import append
from tollkeeper.store.memory.tables import Tables
from tollkeeper.store.ports.audit import AuditEntry
from tollkeeper.store.ports.jobs import StoredJob


class MemoryJobs:
    """See `ports.JobStore`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def load(self) -> list[StoredJob]:
        return sorted(self._tables.jobs.values(), key=lambda job: (job.created_at, job.id))

    async def save(self, job: StoredJob, audit: AuditEntry | None = None) -> None:
        self._tables.must_be_writable()
        self._tables.jobs[job.id] = job
        if audit is not None:
            append(self._tables, audit)

    async def forget(self, before: int) -> None:
        self._tables.must_be_writable()
        kept = {key: job for key, job in self._tables.jobs.items() if job.ended_at is None or job.ended_at >= before}
        self._tables.jobs = kept
