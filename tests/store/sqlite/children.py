"""Programs that run in processes of their own, to be killed or starved."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import resource
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.store.engines import until
from tests.store.values import EVERYTHING, NOON, an_intent, settled
from tollkeeper.store.sqlite import SqliteStore, open_store
from tollkeeper.store.sqlite.verify import verify

# Forked from a process that has imported all this once: twenty starts would take longer than the test.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])


def start(target: object, *arguments: object) -> BaseProcess:
    process = FORKS.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    process.start()
    return process


def settle_for_ever(path: Path, diary: Path) -> None:
    """Eight clients at once. Each line of the diary is written when its future has resolved: "i" an intent, "s" a
    settlement, and the request id."""
    asyncio.run(_settle_for_ever(path, diary))


async def _settle_for_ever(path: Path, diary: Path) -> None:
    store = await open_store(path, now=lambda: NOON)
    file = os.open(diary, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def client(dice: random.Random) -> None:
        while True:
            intent = an_intent(NOON + dice.randrange(10_000_000), user_id=dice.choice(["ann", "bob"]))
            journalled = store.ledger.intend(intent)
            if dice.random() < 0.3:
                await asyncio.shield(journalled)
                os.write(file, f"i {intent.request_id}\n".encode())
            if dice.random() < 0.3:
                await asyncio.sleep(dice.random() / 200)
            record = settled(intent, cost_pico=dice.randrange(10**9))
            await asyncio.shield(store.ledger.settle(record))
            os.write(file, f"s {intent.request_id}\n".encode())

    await asyncio.gather(*(client(random.Random(time.time_ns() + number)) for number in range(8)))


def fill_the_disk(path: Path) -> None:
    """Files may not grow, then they may again. Exits with 0 when the ledger lived through it as promised."""
    asyncio.run(_fill_the_disk(path))


async def _fill_the_disk(path: Path) -> None:
    store: SqliteStore = await open_store(path, now=lambda: NOON)
    await store.ledger.settle(settled(an_intent()))
    log = path.with_name(path.name + "-wal")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 10_000, hard))
    count = 1
    while store.ledger.failing is None:
        future = store.ledger.settle(settled(an_intent(NOON + count)))
        count += 1
        await asyncio.wait([future], timeout=0.05)
    assert not future.done()
    assert await store.reports.records(EVERYTHING, limit=1, after=None)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await future
    await until(lambda: store.ledger.failing is None)
    [(_, sums)] = await store.reports.summary(EVERYTHING, [])
    assert sums.requests == count
    assert verify(path).faults == ()
    await store.close()
