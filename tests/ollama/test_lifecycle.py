"""The life of models on a real Ollama, pulled from a registry of the test's own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.gateway.conftest import Gateway
from tests.ollama.machine import Machine
from tests.ollama.pool import gateway_of, machines, upstream
from tests.ollama.registry import Registry
from tests.ollama.rig import Ollama
from tests.services.upstreams.http.helpers import until

Job = dict[str, Any]


@pytest.fixture
async def registry(ollama: Ollama) -> AsyncIterator[Registry]:
    async with Registry(ollama.models) as registry:
        yield registry


@asynccontextmanager
async def empty_machine(tmp_path: Path, models: Path | None = None) -> AsyncIterator[Machine]:
    """An Ollama without a model."""
    async with machines(tmp_path, models or tmp_path / "models", "a") as (machine,):
        yield machine


async def pull(gateway: Gateway, registry: Registry, model: str = "tiny", **fields: Any) -> Job:
    body = {"model": registry.name(model), "insecure": True, **fields}
    answer = await gateway.client.post("/admin/models/pull", json=body, headers=gateway.as_admin)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/admin/jobs/{answer.json()['id']}"
    job: Job = answer.json()
    return job


async def job_of(gateway: Gateway, job: Job) -> Job:
    answer = await gateway.client.get(f"/admin/jobs/{job['id']}", headers=gateway.as_admin)
    found: Job = answer.json()
    return found


async def ended(gateway: Gateway, job: Job) -> Job:
    """The job, followed to its end."""
    return [seen async for seen in events(gateway, job)][-1]


async def events(gateway: Gateway, job: Job) -> AsyncIterator[Job]:
    path = f"/admin/jobs/{job['id']}/events"
    async with gateway.client.stream("GET", path, headers=gateway.as_admin, timeout=120) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


async def ask(gateway: Gateway, model: str) -> httpx2.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 3}
    return await gateway.client.post("/v1/chat/completions", json=body)


async def place_of(gateway: Gateway, model: str) -> dict[str, Any]:
    models = (await gateway.client.get("/admin/models", headers=gateway.as_admin)).json()["data"]
    (found,) = (each for each in models if each["name"] == model)
    place: dict[str, Any] = found["places"][0]
    return place


async def admin(gateway: Gateway, path: str, **body: Any) -> httpx2.Response:
    return await gateway.client.post(f"/admin/models/{path}", json=body, headers=gateway.as_admin)


async def test_a_pulled_model_is_there_at_once_and_its_progress_is_told(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.hold_at(200_000)
        job = await pull(gateway, registry)
        assert job["state"] == "running"
        seen = []
        async for seen_job in events(gateway, job):
            seen.append(seen_job)
            if seen_job["completed_bytes"] >= 100_000:
                registry.go.set()
        last = seen[-1]
        sizes = registry.layers("tiny")
        assert (last["state"], last["upstreams"][0]["status"]) == ("succeeded", "success")
        layers = {layer["digest"]: layer["completed_bytes"] for layer in last["upstreams"][0]["layers"]}
        assert layers == dict(sizes)
        assert (last["total_bytes"], last["completed_bytes"]) == (sum(sizes.values()), sum(sizes.values()))
        assert any(0 < each["completed_bytes"] < each["total_bytes"] for each in seen)
        assert [each["completed_bytes"] for each in seen] == sorted(each["completed_bytes"] for each in seen)
        answer = await ask(gateway, registry.listed("tiny"))
        assert answer.status_code == 200, answer.text
        place = await place_of(gateway, registry.listed("tiny:latest"))
        assert place["family"] == "llama"
        assert place["size_bytes"] == sum(sizes.values())


async def test_a_pull_goes_on_without_its_viewer(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.hold_at(100_000)
        job = await pull(gateway, registry)
        async for _ in events(gateway, job):
            break
        await registry.held.wait()
        registry.go.set()
        assert (await ended(gateway, job))["state"] == "succeeded"


@pytest.mark.parametrize(
    ("model", "code", "attempts"), [("nope", "model_unknown", 1), ("tiny:nope", "model_unknown", 1)]
)
async def test_an_unknown_name_is_told_in_words(
    tmp_path: Path, registry: Registry, model: str, code: str, attempts: int
) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        job = await ended(gateway, await pull(gateway, registry, model))
        (part,) = job["upstreams"]
        assert (job["state"], part["error"]["code"], part["attempt"]) == ("failed", code, attempts)


async def test_plain_http_is_told_in_words(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        job = await ended(gateway, await pull(gateway, registry, insecure=False))
        assert job["upstreams"][0]["error"]["code"] == "insecure_registry"


async def test_another_content_than_the_digest_says_is_refused(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.damage()
        job = await ended(gateway, await pull(gateway, registry))
        (part,) = job["upstreams"]
        assert (part["error"]["code"], part["attempt"]) == ("digest_mismatch", 2)
        assert (await ask(gateway, registry.listed("tiny"))).status_code == 404


async def test_a_transfer_that_breaks_off_goes_on_from_there(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.cut(1)
        job = await ended(gateway, await pull(gateway, registry))
        assert job["state"] == "succeeded"
        assert max(transfer.start for transfer in registry.transfers) > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for less than a model."""
    if os.geteuid():
        pytest.skip("ci-ok: ONLY ROOT MAY MOUNT A DISK, so none was full")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"ci-ok: NO DISK CAN BE MOUNTED HERE, so none was full ({mounted.stderr.decode()})")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_is_told_in_words(tmp_path: Path, small_disk: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path, small_disk) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        job = await ended(gateway, await pull(gateway, registry))
        (part,) = job["upstreams"]
        assert (part["error"]["code"], part["attempt"]) == ("disk_full", 1)
        assert "Delete models there" in part["error"]["message"]


async def test_a_pull_survives_the_death_of_its_ollama(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.hold_at(300_000)
        job = await pull(gateway, registry)
        await registry.held.wait()
        machine.kill()
        async for seen in events(gateway, job):
            if seen["upstreams"][0]["state"] == "waiting":
                assert seen["upstreams"][0]["error"]["code"] == "upstream_gone"
                assert seen["upstreams"][0]["retry_at"]
                break
        registry.go.set()
        await machine.start()
        job = await ended(gateway, job)
        assert (job["state"], job["upstreams"][0]["error"]) == ("succeeded", None)
        assert job["upstreams"][0]["attempt"] > 1


async def test_a_pull_survives_a_restart_of_the_gateway(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine:
        async with gateway_of(tmp_path, [upstream(machine)]) as gateway:
            registry.hold_at(300_000)
            job = await pull(gateway, registry)
            await registry.held.wait()
        await until(lambda: not registry.open)
        async with gateway_of(tmp_path, [upstream(machine)], users=()) as gateway:
            registry.go.set()
            await gateway.models.jobs.start()
            assert (await job_of(gateway, job))["state"] == "running"
            assert (await ended(gateway, job))["state"] == "succeeded"
            await until(lambda: gateway.context.catalog.get(registry.listed("tiny:latest")) is not None)


async def test_a_cancelled_pull_ends_and_a_next_one_goes_on_from_there(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        registry.hold_at(300_000)
        job = await pull(gateway, registry)
        await registry.held.wait()
        answer = await gateway.client.delete(f"/admin/jobs/{job['id']}", headers=gateway.as_admin)
        assert (answer.json()["state"], answer.json()["upstreams"][0]["state"]) == ("cancelled", "cancelled")
        await until(lambda: not registry.open)  # the Ollama has left the registry, too
        assert (await ask(gateway, registry.listed("tiny"))).status_code == 404
        registry.go.set()
        again = await ended(gateway, await pull(gateway, registry))
        assert again["state"] == "succeeded"
        assert max(transfer.start for transfer in registry.transfers) > 0


async def test_load_unload_copy_and_delete(tmp_path: Path, registry: Registry) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        assert (await ended(gateway, await pull(gateway, registry)))["state"] == "succeeded"
        name = registry.listed("tiny:latest")
        assert (await admin(gateway, "load", model=name)).status_code == 200
        loaded = (await place_of(gateway, name))["loaded"]
        assert loaded["memory_bytes"] > 0
        assert loaded["until"]
        assert (await admin(gateway, "unload", model=name)).status_code == 200
        loads = gateway.context.registry.get("a").load
        await until(lambda: name not in loads.memory)
        assert (await admin(gateway, "copy", model=name, to="mine")).status_code == 200
        assert (await ask(gateway, "mine")).status_code == 200
        gone = await gateway.client.delete(f"/admin/models/{name}", headers=gateway.as_admin)
        assert gone.status_code == 200, gone.text
        assert (await ask(gateway, name)).status_code == 404
        assert (await ask(gateway, "mine")).status_code == 200


async def test_a_name_serves_the_digest_that_it_is_pinned_to(
    tmp_path: Path, ollama: Ollama, registry: Registry
) -> None:
    async with empty_machine(tmp_path) as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        for model in ("tiny", "tiny-loop"):
            assert (await ended(gateway, await pull(gateway, registry, model)))["state"] == "succeeded"
            copied = await admin(gateway, "copy", model=registry.listed(model), to=f"my-{model}")
            assert copied.status_code == 200
        assert (await admin(gateway, "pin", model="my-tiny", digest="current")).status_code == 200
        assert (await ask(gateway, "my-tiny")).status_code == 200
        body = {"source": "my-tiny-loop:latest", "destination": "my-tiny:latest"}
        assert machine.ollama.ask("/api/copy", body).status == 200
        watching = asyncio.create_task(gateway.context.catalog.keep_fresh())
        catalog = gateway.context.catalog
        before = catalog.get("my-tiny:latest").deployments[0].version  # type: ignore[union-attr]
        await until(lambda: catalog.get("my-tiny:latest").deployments[0].version != before)  # type: ignore[union-attr]
        watching.cancel()
        refused = await ask(gateway, "my-tiny")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "model_changed")
        assert (await place_of(gateway, "my-tiny:latest"))["changed"]
        assert (await admin(gateway, "pin", model="my-tiny", digest="current")).status_code == 200
        assert (await ask(gateway, "my-tiny")).status_code == 200


async def test_a_pinned_model_is_loaded_again_after_a_restart_of_the_ollama(tmp_path: Path, ollama: Ollama) -> None:
    there = empty_machine(tmp_path, ollama.models)
    async with there as machine, gateway_of(tmp_path, [upstream(machine)]) as gateway:
        keeping = asyncio.create_task(gateway.models.keeping.run())
        memory = gateway.context.registry.get("a").load
        assert (await admin(gateway, "pin", model="tiny")).status_code == 200
        await until(lambda: "tiny:latest" in memory.memory)
        machine.kill()
        await machine.start()
        await until(lambda: machine.ollama.loads() > 0)
        keeping.cancel()
