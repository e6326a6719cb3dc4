"""What every engine keeps of jobs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.store.engines import Engine
from tests.store.values import AUDIT
from tollkeeper.store.errors import StoreError
from tollkeeper.store.ports.jobs import StoredJob
from tollkeeper.store.ports.store import Store

FIRST = StoredJob("job_2", 1000, None, '{"model":"a"}')
SECOND = StoredJob("job_1", 2000, 3000, "{}")


async def test_jobs_come_in_the_order_of_their_time(store: Store) -> None:
    for job in (SECOND, FIRST):
        await store.jobs.save(job, AUDIT)
    assert await store.jobs.load() == [FIRST, SECOND]


async def test_a_job_is_replaced_by_its_id(store: Store) -> None:
    await store.jobs.save(FIRST, AUDIT)
    ended = replace(FIRST, ended_at=5000, body="{}")
    await store.jobs.save(ended)
    assert await store.jobs.load() == [ended]
    assert len(await store.audit.entries(limit=10, after=None)) == 1


async def test_jobs_that_ended_before_are_forgotten(store: Store) -> None:
    for job in (FIRST, SECOND):
        await store.jobs.save(job, AUDIT)
    await store.jobs.forget(3000)
    assert await store.jobs.load() == [FIRST, SECOND]
    await store.jobs.forget(3001)
    assert await store.jobs.load() == [FIRST]


async def test_what_cannot_be_written_changes_nothing(store: Store, engine: Engine) -> None:
    await store.jobs.save(SECOND, AUDIT)
    engine.break_it()
    with pytest.raises(StoreError):
        await store.jobs.save(FIRST, AUDIT)
    with pytest.raises(StoreError):
        await store.jobs.forget(9999)
    engine.mend_it()
    assert await store.jobs.load() == [SECOND]
