"""Models' lives and those of the gateway: what runs in the background of `serve`, and after it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from tests.process.served import ADMIN, PATIENCE, Served, served
from tests.scripted import ScriptedUpstream, json_response
from tests.services.lifecycle.conftest import SUCCESS, Held, layer, pull_lines
from tests.services.upstreams.http.helpers import until
from tollkeeper.services.lifecycle.eviction import EVERY

pytestmark = pytest.mark.process


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({"tiny:latest": ("completion",)}) as upstream:
        upstream.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest"}]}))
        upstream.route("POST /api/generate", json_response({}))
        yield upstream


async def admin(gateway: Served, method: str, path: str, body: object = None) -> Any:
    return await asyncio.to_thread(gateway.admin, method, path, body)


async def followed(gateway: Served, job_id: str, seen: asyncio.Event | None = None) -> str:
    """The whole stream of a job; `seen` is set when something of it has come."""
    found = ""
    headers = {"authorization": f"Bearer {ADMIN}"}
    async with (
        httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE, verify=False) as client,
        client.stream("GET", f"/admin/jobs/{job_id}/events", headers=headers) as answer,
    ):
        async for text in answer.aiter_text():
            found += text
            if seen is not None:
                seen.set()
    return found


async def test_a_pull_survives_the_death_of_the_gateway(tmp_path: Path, up: ScriptedUpstream) -> None:
    held = Held(layer(50))
    up.answer(held)
    with served(tmp_path, up.url) as gateway:
        job = await admin(gateway, "POST", "/admin/models/pull", {"model": "new"})
        await held.begun.wait()
        gateway.kill()
        await held.left.wait()
    up.answer(pull_lines(layer(50), layer(100), SUCCESS))
    with served(tmp_path, up.url) as gateway:
        assert '"state":"succeeded"' in await followed(gateway, job["id"])
        assert len(up.calls("POST /api/pull")) == 2


async def test_a_stop_ends_streams_and_leaves_the_pull_for_the_next_start(tmp_path: Path, up: ScriptedUpstream) -> None:
    held = Held(layer(50))
    up.always(held)
    with served(tmp_path, up.url, shutdown_timeout=60) as gateway:
        job = await admin(gateway, "POST", "/admin/models/pull", {"model": "new"})
        seen = asyncio.Event()
        viewer = asyncio.create_task(followed(gateway, job["id"], seen))
        await held.begun.wait()
        await seen.wait()
        gateway.terminate()
        assert '"state":"running"' in await viewer
        assert await asyncio.to_thread(gateway.exit_code) == 0
    with served(tmp_path, up.url) as gateway:
        assert (await admin(gateway, "GET", f"/admin/jobs/{job['id']}"))["state"] == "running"
        held.go.set()
        assert '"state":"succeeded"' in await followed(gateway, job["id"])


async def test_what_is_pinned_is_loaded_after_a_start_too(tmp_path: Path, up: ScriptedUpstream) -> None:
    with served(tmp_path, up.url) as gateway:
        await admin(gateway, "POST", "/admin/models/pin", {"model": "tiny", "digest": "current", "loaded": True})
    up.route("GET /api/ps", json_response({"models": []}))
    with served(tmp_path, up.url) as gateway:
        await until(lambda: bool(up.calls("POST /api/generate")))
        [model] = (await admin(gateway, "GET", "/admin/models"))["data"]
        assert model["pinned"]["loaded"] is True


async def test_what_nobody_uses_is_evicted_where_that_is_set(tmp_path: Path, up: ScriptedUpstream) -> None:
    up.route("DELETE /api/delete", json_response({}))
    with served(tmp_path, up.url, evict_after=60, evict_by="delete") as gateway:
        told = await admin(gateway, "POST", "/admin/models/evict", {"dry_run": True})
        assert (told["how"], told["after_seconds"]) == ("delete", 60)
        await until(lambda: bool(up.calls("DELETE /api/delete")), 2 * EVERY)
