"""kill -9 at any moment: no answer that a client has got in full is lost, none is counted twice, and sums agree."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.process.books import intents, records, sums_of_records, sums_of_rollups
from tests.process.load import Load, Receipt, say_figures
from tests.process.served import Served, served
from tests.scripted import ScriptedUpstream

pytestmark = pytest.mark.process

KILLS = 30
CLIENTS = 16
INPUT, OUTPUT = 2, 3
"""Prices: dollars per million tokens, so micro-dollars per token."""
FOR_EVER = "from=2020-01-01&to=2100-01-01"


async def test_thirty_kills_under_load(tmp_path: Path):
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"KILL_SEED={seed} plays the same dice again")
    dice = random.Random(seed)
    keys: dict[str, str] = {}
    receipts: list[Receipt] = []
    async with ScriptedUpstream() as upstream:
        say_figures(upstream, dice)
        for _ in range(KILLS):
            with served(tmp_path, upstream.url) as gateway:
                if keys:
                    await asyncio.to_thread(check, gateway, keys, receipts)
                else:
                    keys = await asyncio.to_thread(furnish, gateway)
                receipts += await one_round(gateway, list(keys.values()), dice)
        with served(tmp_path, upstream.url) as gateway:
            await asyncio.to_thread(check, gateway, keys, receipts)
        dispatched = len(upstream.calls("POST /v1/chat/completions"))
    statuses = Counter(row["status"] for row in records(tmp_path / "tollkeeper.db").values())
    print(f"{len(receipts)} answers came in full of {dispatched} dispatched; records: {dict(statuses)}")
    assert min(statuses["completed"], statuses["cancelled"], statuses["lost"]) > KILLS, "the load was none"


def furnish(gateway: Served) -> dict[str, str]:
    """Two users, and a price. Their keys."""
    gateway.admin("PUT", "/admin/prices", {"model": "*", "input_usd_per_mtok": INPUT, "output_usd_per_mtok": OUTPUT})
    return {user_id: gateway.new_user(user_id) for user_id in ("alice", "bob")}


async def one_round(gateway: Served, keys: list[str], dice: random.Random) -> list[Receipt]:
    """Load, and a kill at one of two kinds of moments: any, or right when a client has its answer in full, since
    nothing may be left to do by then."""
    fatal = dice.randrange(1, 80) if dice.random() < 0.5 else None

    def on_receipt(count: int) -> None:
        if count == fatal:
            gateway.kill()

    load = Load(gateway.url, keys, dice, on_receipt)
    working = asyncio.create_task(load.run(CLIENTS))
    if fatal is None:
        await asyncio.sleep(dice.uniform(0.03, 0.4))
        gateway.kill()
    await working
    assert await asyncio.to_thread(gateway.exit_code) == -9, "it should have lived until it was killed"
    return load.receipts


def check(gateway: Served, keys: dict[str, str], receipts: list[Receipt]) -> None:
    found = records(gateway.database)
    for receipt in receipts:
        row = found[receipt.request_id]
        told = ("completed", receipt.prompt_tokens, receipt.completion_tokens, 0)
        assert (row["status"], row["prompt_tokens"], row["completion_tokens"], row["estimated"]) == told
        pico = (receipt.prompt_tokens * INPUT + receipt.completion_tokens * OUTPUT) * 10**6
        assert row["cost_pico"] == pico
    assert len({receipt.request_id for receipt in receipts}) == len(receipts), "two answers with one id"
    assert intents(gateway.database) == 0, "what was under way at the kill is a record now"
    for row in found.values():
        assert row["status"] in ("completed", "cancelled", "lost")
        assert row["status"] != "lost" or (row["prompt_tokens"], row["completion_tokens"], row["cost_pico"]) == (
            0,
            0,
            0,
        )
    sums = sums_of_records(gateway.database)
    assert sums_of_rollups(gateway.database) == sums
    for user_id, key in keys.items():
        own = [figures for place, figures in sums.items() if place[1] == user_id]
        total = gateway.ask(key, "GET", f"/v1/usage/summary?{FOR_EVER}")["total"]
        assert total["requests"] == sum(figures[0] for figures in own)
        assert total["prompt_tokens"] == sum(figures[1] for figures in own)
        assert total["completion_tokens"] == sum(figures[4] for figures in own)
        whole, _, part = total["cost_usd"].partition(".")
        assert int(whole + part.ljust(12, "0")) == sum(figures[6] for figures in own)
        assert gateway.ask(key, "GET", f"/v1/usage?limit=1&{FOR_EVER}")["totals"] == total
