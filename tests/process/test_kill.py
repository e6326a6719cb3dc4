"""kill -9 at any moment: no answer that a client has got in full is lost, none is counted twice, sums agree, and
limits go on from where they were."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.process.books import records
from tests.process.load import Load, Receipt, say_figures
from tests.process.promises import check, furnish
from tests.process.served import Served, served
from tests.scripted import ScriptedUpstream

pytestmark = pytest.mark.process

KILLS = 100
CLIENTS = 16


async def test_a_hundred_kills_under_load(tmp_path: Path):
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"KILL_SEED={seed} plays the same dice again")
    dice = random.Random(seed)
    keys: dict[str, str] = {}
    receipts: list[Receipt] = []
    refusals: Counter[str] = Counter()
    async with ScriptedUpstream() as upstream:
        say_figures(upstream, dice)
        for _ in range(KILLS):
            with served(tmp_path, upstream.url) as gateway:
                if keys:
                    await asyncio.to_thread(check, gateway, keys, receipts)
                else:
                    keys = await asyncio.to_thread(furnish, gateway)
                load = await one_round(gateway, list(keys.values()), dice)
                receipts += load.receipts
                refusals += load.refusals
        with served(tmp_path, upstream.url) as gateway:
            await asyncio.to_thread(check, gateway, keys, receipts)
        dispatched = len(upstream.calls("POST /v1/chat/completions"))
    statuses = Counter(row["status"] for row in records(tmp_path / "tollkeeper.db").values())
    refused = refusals.total()
    print(f"{len(receipts)} answers came in full of {dispatched} dispatched, {refused} were refused")
    print(f"records: {dict(statuses)}")
    assert min(statuses["completed"], statuses["cancelled"], statuses["lost"]) > KILLS, "the load was none"
    assert set(refusals) == {keys["carol"]}, "whose limits are wide, or who has none, is never refused"


async def one_round(gateway: Served, keys: list[str], dice: random.Random) -> Load:
    """Load, and a kill at one of two kinds of moments: any, or right when a client has its answer in full, since
    nothing may be left to do by then."""
    fatal = dice.randrange(1, 40) if dice.random() < 0.5 else None

    def on_receipt(count: int) -> None:
        if count == fatal:
            gateway.kill()

    load = Load(gateway.url, keys, dice, on_receipt)
    working = asyncio.create_task(load.run(CLIENTS))
    if fatal is None:
        await asyncio.sleep(dice.uniform(0.02, 0.2))
        gateway.kill()
    await working
    assert await asyncio.to_thread(gateway.exit_code) == -9, "it should have lived until it was killed"
    return load
