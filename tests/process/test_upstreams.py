"""Upstreams that admins added: one is killed under load, the gateway ends and starts again, and all of it goes on.

How load moves away from a killed one and back is in tests/ollama/test_pool.py; here it is what the database keeps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.ollama.load import Load
from tests.ollama.machine import Machine
from tests.ollama.pool import client_at, machines
from tests.ollama.rig import Ollama
from tests.process.books import intents, records
from tests.process.served import PATIENCE, Served, served
from tests.services.upstreams.http.helpers import until

pytestmark = pytest.mark.process

MODEL = "tiny-loop"
SLOTS = 2
NOWHERE = "http://127.0.0.1:9"


def secret_of(machine: Machine) -> str:
    return f"sk-of-machine-{machine.name}"


def add(gateway: Served, machine: Machine) -> None:
    fields = {"base_url": machine.window.url, "secret": secret_of(machine), "slots": SLOTS, "probe_every": 0.2}
    gateway.admin("POST", "/admin/upstreams", {"id": machine.name, "kind": "ollama", **fields})


def upstreams(gateway: Served) -> dict[str, Any]:
    return {each["id"]: each for each in gateway.admin("GET", "/admin/upstreams")["data"]}


async def shown(gateway: Served, upstream: str, state: str) -> None:
    """Until the gateway says so of this upstream."""
    async with asyncio.timeout(PATIENCE):
        while (await asyncio.to_thread(upstreams, gateway))[upstream]["health"]["state"] != state:
            await asyncio.sleep(0.05)


async def test_upstreams_outlive_the_gateway(ollama: Ollama, tmp_path: Path):
    async with machines(tmp_path, ollama.models, "abc", MODEL, OLLAMA_NUM_PARALLEL=str(SLOTS)) as three:
        b = three[1]
        with served(tmp_path, NOWHERE) as gateway:
            key = await asyncio.to_thread(gateway.new_user, "alice")
            await asyncio.to_thread(gateway.admin, "DELETE", "/admin/upstreams/default")
            for machine in three:
                await asyncio.to_thread(add, gateway, machine)
                await shown(gateway, machine.name, "up")
            async with client_at(gateway.url, key) as client, Load(client, MODEL, workers=10) as load:
                await until(lambda: load.done > 30 and b.window.streaming > 0)
                b.kill()
                await shown(gateway, "b", "down")
                await until(lambda: load.done > 60)
                await b.start()
                served_before = b.window.count("ended")
                await until(lambda: b.window.count("ended") > served_before + 10)
            b.kill()
            await shown(gateway, "b", "down")
            before = await asyncio.to_thread(upstreams, gateway)
            gateway.terminate()
            assert await asyncio.to_thread(gateway.exit_code) == 0
        await b.start()
        for machine in three:
            machine.window.credentials.clear()
        with served(tmp_path, NOWHERE) as gateway:
            after = await asyncio.to_thread(upstreams, gateway)
            assert after.keys() == {"a", "b", "c"}, "the removed one stays away while its setting is the same"
            served_before = b.window.count("began")
            async with client_at(gateway.url, key) as client, Load(client, MODEL, workers=10) as again:
                await until(lambda: again.done > 30 and b.window.count("began") > served_before + 5)
            after = await asyncio.to_thread(upstreams, gateway)
            for machine in three:
                assert after[machine.name]["health"]["state"] == "up"
                assert machine.window.credentials == {secret_of(machine)}
            of_both = [[{**each, "health": None} for each in found.values()] for found in (before, after)]
            assert of_both[0] == of_both[1]
            assert str(after).count("sk-") == 0
            gateway.terminate()
            assert await asyncio.to_thread(gateway.exit_code) == 0
            kept = records(gateway.database)
            assert intents(gateway.database) == 0
    failed = [row for row in kept.values() if row["status"] != "completed"]
    assert len(kept) - len(failed) == load.done + again.done
    assert 1 <= len(load.broken) == len(failed) <= SLOTS
    assert {(row["upstream"], row["stream"], row["status"]) for row in failed} == {("b", 1, "failed")}
    assert any(row["attempts"] == 2 for row in kept.values())
    assert again.broken == []
