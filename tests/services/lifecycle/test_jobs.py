"""Pulls as jobs: which run, what is stored of them, how they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.in_memory import ROOT, Clock
from tests.services.lifecycle.conftest import SUCCESS, Held, layer, pull_lines, tag_of
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.errors import Conflict, NotFound, UnsupportedByUpstream
from tollkeeper.services.lifecycle.jobs import AT_ONCE, KEPT_DAYS, MOST_RUNNING, Job, Jobs
from tollkeeper.services.lifecycle.pulling import Puller
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.time_buckets import DAY_MS

Open = Callable[[], Jobs]


@pytest.fixture
async def open_jobs(registry: Registry, catalog: Catalog, store: MemoryStore, clock: Clock) -> AsyncIterator[Open]:
    """Jobs over the same store, as after a start."""
    opened: list[Jobs] = []

    def make() -> Jobs:
        puller = Puller(registry, lambda config: HttpClient(config.base_url), clock, lambda: 0.0)
        opened.append(Jobs(store.jobs, puller, registry, catalog, clock))
        return opened[-1]

    yield make
    for jobs in opened:
        await jobs.close()


@pytest.fixture
def jobs(open_jobs: Open) -> Jobs:
    return open_jobs()


async def end(job: Job) -> Job:
    while job.ended_at is None:
        await job.change(job.version)
    return job


async def actions(store: MemoryStore) -> list[str]:
    return [entry.action for entry in await store.audit.entries(limit=100, after=None)]


async def test_a_pull_is_of_every_upstream_that_is_ours_to_change(
    up: ScriptedUpstream, jobs: Jobs, store: MemoryStore, clock: Clock
) -> None:
    up.always(pull_lines(SUCCESS))
    job = await jobs.pull("new", None, ROOT, insecure=False)
    assert (job.state, [part.upstream for part in job.parts], job.by) == ("running", ["a", "b"], ROOT.name)
    assert jobs.get(job.id) is job
    clock.ms += 5
    await end(job)
    assert (job.state, job.ended_at, jobs.all()) == ("succeeded", clock.ms, [job])
    assert len(up.calls("POST /api/pull")) == 2
    assert await actions(store) == ["model.pull"]
    assert [stored.ended_at for stored in await store.jobs.load()] == [clock.ms]


async def test_a_pull_that_failed_at_one_of_them_has_failed(up: ScriptedUpstream, jobs: Jobs) -> None:
    up.answer(pull_lines(SUCCESS), pull_lines({"error": "no space left on device"}))
    job = await end(await jobs.pull("new", None, ROOT, insecure=False))
    assert job.state == "failed"
    assert sorted(part.state for part in job.parts) == ["failed", "succeeded"]


async def test_a_pulled_model_is_in_the_catalog_before_the_job_ends(
    up: ScriptedUpstream, jobs: Jobs, catalog: Catalog
) -> None:
    up.answer(pull_lines(SUCCESS))
    up.route("GET /api/tags", json_response({"models": [tag_of("new:latest")]}))
    await end(await jobs.pull("new", "a", ROOT, insecure=False))
    model = catalog.get("new:latest")
    assert model is not None
    assert [place.upstream.config.id for place in model.deployments] == ["a"]


@pytest.mark.parametrize(("upstream", "error"), [("nope", NotFound), ("llama", UnsupportedByUpstream)])
async def test_an_upstream_that_cannot_is_refused(jobs: Jobs, upstream: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        await jobs.pull("new", upstream, ROOT, insecure=False)
    assert jobs.all() == []


async def test_without_an_upstream_there_is_no_pull(jobs: Jobs, registry: Registry) -> None:
    registry.remove("a")
    registry.remove("b")
    with pytest.raises(UnsupportedByUpstream):
        await jobs.pull("new", None, ROOT, insecure=False)


async def test_the_same_pull_is_one_job(up: ScriptedUpstream, jobs: Jobs) -> None:
    held = Held(layer(1))
    up.always(held)
    one, same, other = (
        await jobs.pull("new", None, ROOT, insecure=False),
        await jobs.pull("new", "b", ROOT, insecure=False),
        await jobs.pull("newer", "b", ROOT, insecure=False),
    )
    assert one is same
    assert other is not one
    held.go.set()
    await end(one)
    assert await jobs.pull("new", "b", ROOT, insecure=False) is not one


async def test_only_some_run_at_once_at_an_upstream(up: ScriptedUpstream, jobs: Jobs) -> None:
    held = Held()
    up.always(held)
    made = [await jobs.pull(f"m{number}", "a", ROOT, insecure=False) for number in range(AT_ONCE + 1)]
    await until(lambda: len(up.calls("POST /api/pull")) == AT_ONCE)
    assert [job.parts[0].state for job in made] == ["running"] * AT_ONCE + ["queued"]
    held.go.set()
    for job in made:
        assert (await end(job)).state == "succeeded"


async def test_jobs_that_run_are_bounded(up: ScriptedUpstream, jobs: Jobs) -> None:
    up.always(Held())
    for number in range(MOST_RUNNING):
        await jobs.pull(f"m{number}", "a", ROOT, insecure=False)
    with pytest.raises(Conflict) as refused:
        await jobs.pull("one more", "a", ROOT, insecure=False)
    assert refused.value.code == "too_many_jobs"


async def test_what_cannot_be_stored_is_not_begun(up: ScriptedUpstream, jobs: Jobs, store: MemoryStore) -> None:
    store.fail = "the disk is full"
    with pytest.raises(StoreError):
        await jobs.pull("new", "a", ROOT, insecure=False)
    assert (jobs.all(), up.calls("POST /api/pull")) == ([], [])


async def test_a_job_goes_on_after_a_restart(up: ScriptedUpstream, open_jobs: Open, store: MemoryStore) -> None:
    first, held = open_jobs(), Held(layer(50))
    up.answer(pull_lines(SUCCESS), held)
    job = await first.pull("new", None, ROOT, insecure=True)
    await held.begun.wait()
    while '"succeeded"' not in (await store.jobs.load())[0].body:  # of the other upstream
        await asyncio.sleep(0)
    await first.close()
    assert [stored.ended_at for stored in await store.jobs.load()] == [None]
    up.answer(pull_lines(layer(50), layer(100), SUCCESS))
    second = open_jobs()
    await second.start()
    again = second.get(job.id)
    assert (again.model, again.by, again.insecure, again.created_at) == ("new", ROOT.name, True, job.created_at)
    assert (await end(again)).state == "succeeded"
    assert len(up.calls("POST /api/pull")) == 3
    third = open_jobs()
    await third.start()
    assert third.get(job.id).state == "succeeded"
    assert [part.progress.completed for part in third.get(job.id).parts if part.progress.total] == [100]


async def test_a_failure_is_told_after_a_restart_too(up: ScriptedUpstream, open_jobs: Open) -> None:
    first = open_jobs()
    up.answer(pull_lines({"error": "no space left on device"}))
    job = await end(await first.pull("new", "a", ROOT, insecure=False))
    second = open_jobs()
    await second.start()
    failure = second.get(job.id).parts[0].failure
    assert failure == job.parts[0].failure
    assert (second.get(job.id).state, failure and failure.code) == ("failed", "disk_full")


async def test_a_cancelled_job_leaves_its_upstream(up: ScriptedUpstream, jobs: Jobs, store: MemoryStore) -> None:
    held = Held(layer(50))
    up.answer(held)
    job = await jobs.pull("new", "a", ROOT, insecure=False)
    await held.begun.wait()
    assert await jobs.cancel(job.id, ROOT) is job
    await held.left.wait()
    assert (job.state, job.parts[0].state) == ("cancelled", "cancelled")
    assert await actions(store) == ["job.cancel", "model.pull"]
    [stored] = await store.jobs.load()
    assert stored.ended_at == job.ended_at
    ended_at = job.ended_at
    assert (await jobs.cancel(job.id, ROOT)).ended_at == ended_at
    assert await actions(store) == ["job.cancel", "model.pull"]


async def test_a_cancelled_job_stays_so_after_a_restart(up: ScriptedUpstream, open_jobs: Open) -> None:
    up.always(Held())
    first = open_jobs()
    job = await first.pull("new", "a", ROOT, insecure=False)
    await first.cancel(job.id, ROOT)
    second = open_jobs()
    await second.start()
    assert second.get(job.id).state == "cancelled"


async def test_a_cancel_that_cannot_be_stored_is_none(up: ScriptedUpstream, jobs: Jobs, store: MemoryStore) -> None:
    held = Held(layer(50))
    up.answer(held)
    job = await jobs.pull("new", "a", ROOT, insecure=False)
    await held.begun.wait()
    store.fail = "the disk is full"
    with pytest.raises(StoreError):
        await jobs.cancel(job.id, ROOT)
    assert (job.state, job.parts[0].state) == ("running", "running")
    store.fail = None
    held.go.set()
    assert (await end(job)).state == "succeeded"


async def test_an_end_that_cannot_be_stored_is_one_all_the_same(
    up: ScriptedUpstream, jobs: Jobs, store: MemoryStore
) -> None:
    held = Held()
    up.answer(held)
    job = await jobs.pull("new", "a", ROOT, insecure=False)
    store.fail = "the disk is full"
    held.go.set()
    assert (await end(job)).state == "succeeded"


async def test_a_fault_of_our_own_ends_the_job(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr(jobs._puller, "run", breaks)
    job = await end(await jobs.pull("new", None, ROOT, insecure=False))
    assert (job.state, {part.failure and part.failure.code for part in job.parts}) == ("failed", {"internal_error"})


async def test_old_jobs_are_forgotten(up: ScriptedUpstream, open_jobs: Open, clock: Clock) -> None:
    first = open_jobs()
    up.always(pull_lines(SUCCESS))
    job = await end(await first.pull("new", "a", ROOT, insecure=False))
    for days, there in ((KEPT_DAYS, True), (1, False)):
        clock.ms += days * DAY_MS
        later = open_jobs()
        await later.start()
        assert bool(later.all()) is there
    with pytest.raises(NotFound):
        later.get(job.id)


async def test_the_newest_come_first(up: ScriptedUpstream, jobs: Jobs, clock: Clock) -> None:
    up.always(Held())
    made = []
    for number in range(3):
        clock.ms += 1
        made.append(await jobs.pull(f"m{number}", "a", ROOT, insecure=False))
    assert jobs.all() == made[::-1]
