"""Jobs: pulls of models, which go on without their viewers, and after a restart of either side.

What is stored of a job is what it takes to go on: how far it is, the upstream knows best. So a job is written when it
begins, when one of its upstreams is done, and when it ends.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from tollkeeper.rules.errors import Conflict, NotFound, UnsupportedByUpstream
from tollkeeper.rules.pull_failures import PullFailure
from tollkeeper.rules.pull_progress import Layer
from tollkeeper.services.audit.actor import Actor
from tollkeeper.services.lifecycle.pulling import Part, PartState, Puller
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.upstreams.registry import Registry, Upstream
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.jobs import JobStore, StoredJob
from tollkeeper.store.time_buckets import DAY_MS

log = logging.getLogger("tollkeeper.lifecycle")

JobState = Literal["running", "succeeded", "failed", "cancelled"]

AT_ONCE = 2
"""Pulls at once at one upstream; further ones wait in line."""
MOST_RUNNING = 100
"""Jobs that have not ended."""
KEPT_DAYS = 30
"""Days after which jobs that have ended are forgotten."""


class _StoredPart(Struct):
    upstream: str
    state: PartState
    failure: PullFailure | None = None
    layers: list[Layer] = []


class _Body(Struct):
    model: str
    insecure: bool
    by: str
    cancelled: bool
    parts: list[_StoredPart]
    type: str = "pull"


class Job:
    """The pull of a model at one upstream or more. `by` is the name of the admin who began it; times are milliseconds
    since the epoch. `version` grows with each change, for viewers."""

    def __init__(
        self, job_id: str, model: str, parts: Sequence[Part], created_at: int, by: str, *, insecure: bool
    ) -> None:
        self.id = job_id
        self.model = model
        self.insecure = insecure
        self.parts = parts
        self.created_at = created_at
        self.by = by
        self.ended_at: int | None = None
        self.cancelled = False
        self.version = 0
        self._turned = asyncio.Event()

    def __repr__(self) -> str:
        return f"Job({self.id}, {self.model}, {self.state})"

    @property
    def state(self) -> JobState:
        if self.ended_at is None:
            return "running"
        if self.cancelled:
            return "cancelled"
        return "failed" if any(part.state == "failed" for part in self.parts) else "succeeded"

    def changed(self) -> None:
        """Wake the viewers up."""
        self.version += 1
        self._turned.set()

    async def change(self, version: int) -> None:
        """Wait until the job is another than it was at this version."""
        while self.version == version:
            self._turned.clear()
            await self._turned.wait()

    def stored(self) -> StoredJob:
        parts = [
            _StoredPart(part.upstream, part.state, part.failure, [*part.progress.layers.values()])
            for part in self.parts
        ]
        body = _Body(self.model, self.insecure, self.by, self.cancelled, parts)
        return StoredJob(self.id, self.created_at, self.ended_at, msgspec.json.encode(body).decode())


class Jobs:
    """All jobs, the running ones among them. `now` is milliseconds since the epoch. Call `start` once, and `close` at
    the end: what then runs goes on after the next start."""

    def __init__(
        self, store: JobStore, puller: Puller, registry: Registry, catalog: Catalog, now: Callable[[], int]
    ) -> None:
        self._store = store
        self._puller = puller
        self._registry = registry
        self._catalog = catalog
        self._now = now
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}

    def __repr__(self) -> str:
        return f"Jobs({len(self._running)} of {len(self._jobs)} running)"

    async def start(self) -> None:
        """Go on with what ran when the gateway ended. Raises StoreError."""
        await self._store.forget(self._now() - KEPT_DAYS * DAY_MS)
        for stored in await self._store.load():
            job = _from_stored(stored)
            self._jobs[job.id] = job
            if job.ended_at is None:
                log.info("%r goes on", job)
                self._run(job)

    async def close(self) -> None:
        """End what runs, without a change to what is stored."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def all(self) -> list[Job]:
        """Every job, the newest first."""
        return list(self._jobs.values())[::-1]

    def rename_author(self, name: str, other: str) -> None:
        """Have `other` be the author of the jobs that an admin of this name began."""
        for job in self._jobs.values():
            if job.by == name:
                job.by = other

    def get(self, job_id: str) -> Job:
        """Raises NotFound."""
        job = self._jobs.get(job_id)
        if job is None:
            raise NotFound(f"There is no job '{job_id[:100]}'. GET /admin/jobs lists those there are.")
        return job

    async def pull(self, model: str, upstream_id: str | None, by: Actor, *, insecure: bool) -> Job:
        """Begin to pull a model at an upstream, or at every one whose models are ours to change. Where the same pull
        runs already, that is returned. Raises NotFound, UnsupportedByUpstream, Conflict, StoreError."""
        places = self._places(upstream_id)
        running = [job for job in self._jobs.values() if job.ended_at is None]
        for job in running:
            if job.model == model and {part.upstream for part in job.parts} >= set(places):
                return job
        if len(running) >= MOST_RUNNING:
            raise Conflict(
                f"There are {MOST_RUNNING} jobs that have not ended. Wait for one, or cancel one (DELETE"
                " /admin/jobs/{id}).",
                code="too_many_jobs",
            )
        now = self._now()
        job_id = f"job_{now:012x}{secrets.token_hex(4)}"
        job = Job(job_id, model, [Part(place) for place in places], now, by.name, insecure=insecure)
        self._jobs[job.id] = job  # at once, so that a second request finds it
        detail = {"job": job.id, "upstreams": places, "insecure": insecure}
        try:
            await self._store.save(job.stored(), by.entry(now, "model.pull", model, detail))
        except BaseException:
            del self._jobs[job.id]
            raise
        self._run(job)
        return job

    async def cancel(self, job_id: str, by: Actor) -> Job:
        """End a job. What has arrived stays at the upstream, for a next pull. One that has ended stays as it is.
        Raises NotFound, StoreError."""
        job = self.get(job_id)
        if job.ended_at is not None:
            return job
        job.cancelled, job.ended_at = True, self._now()
        before = [part.state for part in job.parts]
        for part in job.parts:
            if not part.ended:
                part.state, part.retry_at = "cancelled", None
        try:
            await self._store.save(job.stored(), by.entry(job.ended_at, "job.cancel", job.id, {"model": job.model}))
        except BaseException:
            job.cancelled, job.ended_at = False, None
            for part, state in zip(job.parts, before, strict=True):
                part.state = state
            raise
        task = self._running.get(job.id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for part in job.parts:
            if not part.ended:  # its last words came before its end
                part.state, part.retry_at = "cancelled", None
        job.changed()
        return job

    def _places(self, upstream_id: str | None) -> list[str]:
        if upstream_id is not None:
            config = self._registry.get(upstream_id).config
            if config.kind.managed_by is None:
                raise UnsupportedByUpstream(
                    f"Models of '{upstream_id}' are not ours to change: it is of the kind {config.kind.name}.",
                    param="upstream",
                )
            return [upstream_id]
        places = [each.config.id for each in self._registry.managed()]
        if not places:
            raise UnsupportedByUpstream("There is no upstream in use whose models are ours to change. Add an Ollama.")
        return places

    def _run(self, job: Job) -> None:
        task = self._running[job.id] = asyncio.create_task(self._run_all(job))
        task.add_done_callback(lambda _: self._running.pop(job.id))

    async def _run_all(self, job: Job) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for part in job.parts:
                    if not part.ended:
                        group.create_task(self._run_part(job, part))
        except* Exception:
            log.exception("%r has a fault of its own", job)
            for part in job.parts:
                if not part.ended:
                    part.state = "failed"
                    part.failure = PullFailure("internal_error", "The gateway failed. Its log has the details.", 0)
        if job.ended_at is None:
            job.ended_at = self._now()
            await self._save(job)
            job.changed()

    async def _run_part(self, job: Job, part: Part) -> None:
        async with self._turns.setdefault(part.upstream, asyncio.Semaphore(AT_ONCE)):
            await self._puller.run(part, job.model, job.changed, insecure=job.insecure)
        level = logging.INFO if part.failure is None else logging.WARNING
        log.log(level, "%r at %s: %s", job, part.upstream, part.failure.message if part.failure else "it is there")
        upstream = self._find(part.upstream)
        if part.state == "succeeded" and upstream is not None:
            await self._catalog.refresh_changed([upstream])
        if len(job.parts) > 1:
            await self._save(job)

    async def _save(self, job: Job) -> None:
        try:
            await self._store.save(job.stored())
        except StoreError as error:  # after a start it would run once more, and find that nothing is left to do
            log.warning("the state of %r could not be stored: %s", job, error)

    def _find(self, upstream_id: str) -> Upstream | None:
        return next((each for each in self._registry.managed() if each.config.id == upstream_id), None)


def _from_stored(stored: StoredJob) -> Job:
    body = msgspec.json.decode(stored.body, type=_Body)
    ended = stored.ended_at is not None
    parts = []
    for each in body.parts:
        state: PartState = each.state if ended or each.state in ("succeeded", "failed") else "queued"
        part = Part(each.upstream, state, failure=each.failure if state == "failed" else None)
        if part.ended:
            part.progress.layers = {layer.digest: layer for layer in each.layers}
        parts.append(part)
    job = Job(stored.id, body.model, parts, stored.created_at, body.by, insecure=body.insecure)
    job.ended_at, job.cancelled = stored.ended_at, body.cancelled
    return job
