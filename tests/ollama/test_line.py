"""The fair line before a real Ollama of two slots: what a user waits and gets beside others who flood it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.test_limits import limit
from tests.ollama.machine import Machine
from tests.ollama.pool import client_of, gateway_of, machines, upstream
from tests.ollama.rig import Ollama
from tests.sdk.person import Sdk
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.fairness import service_of

SLOTS = 2
TURNS = 10


@pytest.fixture
async def machine(ollama: Ollama, tmp_path: Path) -> AsyncIterator[Machine]:
    async with machines(tmp_path, ollama.models, "a", "tiny-loop", OLLAMA_NUM_PARALLEL=str(SLOTS)) as made:
        yield made[0]


async def ask(client: Sdk, user: str, tokens: int) -> None:
    messages = [{"role": "user", "content": user}]
    await client.chat.completions.create(model="tiny-loop", messages=messages, max_tokens=tokens)


@asynccontextmanager
async def occupied(machine: Machine, client: Sdk) -> AsyncIterator[None]:
    """While the block lasts, both slots are taken, by requests that are longer than others."""
    machine.window.flows.clear()
    async with asyncio.TaskGroup() as holders:
        for _ in range(SLOTS):
            holders.create_task(ask(client, "holder", 500))
        await until(lambda: machine.window.running == SLOTS)
        yield
        machine.window.flows.set()


def waiting(gateway: Gateway, user: str) -> int:
    return gateway.context.selection.line.of_user(user).waiting


async def test_beside_one_who_floods_anothers_single_requests_wait_about_one_service_time(
    machine: Machine, tmp_path: Path
):
    sights = machine.window.sights
    async with (
        gateway_of(tmp_path, [upstream(machine, slots=SLOTS)], ("alice", "bob", "carol")) as gateway,
        client_of(gateway, "alice") as alice,
        client_of(gateway, "bob") as bob,
        client_of(gateway, "carol") as carol,
    ):
        await bob.models.list()  # its first connection, and what the SDK prepares, are no wait in line
        async with occupied(machine, carol):
            flood = [asyncio.create_task(ask(alice, "alice", 40)) for _ in range(200)]
            await until(lambda: waiting(gateway, "alice") == 200)
        settled = []
        for _ in range(TURNS):
            arrived = len(sights)
            await ask(bob, "bob", 40)
            seen = [sight[:2] for sight in sights[arrived:]]
            settled.append(seen[: seen.index(("began", "bob"))].count(("ended", "alice")))
        assert waiting(gateway, "alice") > 0
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
    assert max(settled) <= SLOTS + 1, settled


async def test_users_who_flood_are_served_by_their_weights(machine: Machine, tmp_path: Path):
    weights = {"ann": 1, "ben": 1, "cid": 2, "dot": 4}
    floods = {"ann": 50, "ben": 50, "cid": 90, "dot": 160}
    async with gateway_of(tmp_path, [upstream(machine, slots=SLOTS)], [*weights, "carol"]) as gateway:
        for user, weight in weights.items():
            await limit(gateway, user, queue_weight=weight)
        async with AsyncExitStack() as stack:
            clients = {user: await stack.enter_async_context(client_of(gateway, user)) for user in [*weights, "carol"]}
            async with occupied(machine, clients["carol"]):
                turns = zip_longest(*([user] * count for user, count in floods.items()))
                flood = [
                    asyncio.create_task(ask(clients[user], user, 5 + turn % 7 * 5))
                    for turn, users in enumerate(turns)
                    for user in filter(None, users)
                ]
                await until(lambda: all(waiting(gateway, user) == count for user, count in floods.items()))
            await until(lambda: machine.window.count("ended", "dot") > 140)
            assert all(waiting(gateway, user) for user in weights)
            for task in flood:
                task.cancel()
            await asyncio.gather(*flood, return_exceptions=True)
        records = [
            record for record in await gateway.records() if record.status == "completed" and record.user_id in weights
        ]
    served: Counter[str] = Counter()
    for record in records:
        served[record.user_id] += service_of(record.usage.prompt_tokens, record.usage.completion_tokens)
    fair = {user: served.total() * weight / sum(weights.values()) for user, weight in weights.items()}
    assert {user: served[user] for user in weights} == pytest.approx(fair, rel=0.1)
