"""Real Ollamas as one service: no client sees that one dies, it gets its load back, and shares are as configured."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.ollama.load import Load
from tests.ollama.machine import Machine
from tests.ollama.pool import client_of, gateway_of, machines, upstream
from tests.ollama.rig import Ollama
from tests.services.upstreams.http.helpers import until

SLOTS = 2


@pytest.fixture
async def three(ollama: Ollama, tmp_path: Path) -> AsyncIterator[Sequence[Machine]]:
    async with machines(tmp_path, ollama.models, "abc", "tiny-loop", OLLAMA_NUM_PARALLEL=str(SLOTS)) as made:
        yield made


async def test_a_killed_one_is_not_noticed_and_gets_its_load_back(three: Sequence[Machine], tmp_path: Path):
    _, b, _ = three
    async with (
        gateway_of(tmp_path, [upstream(each, slots=SLOTS) for each in three]) as gateway,
        client_of(gateway) as client,
    ):
        async with Load(client, "tiny-loop", workers=10) as load:
            await until(lambda: load.done > 60 and b.window.streaming > 0)
            b.kill()
            await until(lambda: load.done > 120)
            await b.start()
            served = b.window.count("ended")
            await until(lambda: b.window.count("ended") > served + 10)
            returned = load.done
            await until(lambda: load.done > returned + 60)
        records = await gateway.records()
    failed = [record for record in records if record.status != "completed"]
    assert 1 <= len(load.broken) == len(failed) <= SLOTS
    assert all(record.stream and record.upstream == "b" and record.usage.completion_tokens for record in failed)
    assert any(record.attempts == 2 for record in records)
    shares = Counter(record.upstream for record in records[:60])
    assert min(shares[each.name] for each in three) > 60 // 3 - 10
    assert [each.window.most for each in three] == [SLOTS] * 3


@pytest.mark.parametrize("weights", [(1, 1), (3, 1)])
async def test_requests_are_shared_by_weight_idle_and_busy(ollama: Ollama, tmp_path: Path, weights: tuple[int, int]):
    async with machines(tmp_path, ollama.models, "ab", "tiny") as both:
        upstreams = [upstream(each, weight=weight) for each, weight in zip(both, weights, strict=True)]
        async with gateway_of(tmp_path, upstreams) as gateway, client_of(gateway) as client:
            numbers = iter(range(340))

            async def ask() -> None:
                for number in numbers:
                    messages = [{"role": "user", "content": f"m{number}"}]
                    await client.chat.completions.create(model="tiny", messages=messages)
                    if number == 39:
                        return

            await ask()
            assert [each.window.count("began") for each in both] == [40 * weight // sum(weights) for weight in weights]
            async with asyncio.TaskGroup() as tasks:
                for _ in range(3):
                    tasks.create_task(ask())
            shares = Counter(record.upstream for record in await gateway.records())
    assert shares.total() == 340
    assert shares["a"] / 340 == pytest.approx(weights[0] / sum(weights), abs=0.05)
