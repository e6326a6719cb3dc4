"""Models whose lives are ours, at two scripted Ollamas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.scripted import Conn, Request, Script, ScriptedUpstream, json_response
from tests.services.in_memory import Clock, registry_of
from tests.shapes import STREAM_HEAD
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.memory.store import MemoryStore

DIGEST, OTHER = "a" * 64, "b" * 64


def tag_of(name: str, digest: str = DIGEST) -> dict[str, Any]:
    return {"model": name, "digest": digest, "modified_at": "2026-11-01T00:00:00Z"}


def pull_lines(*lines: dict[str, Any]) -> bytes:
    """The progress of a pull, whole."""
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def layer(completed: int, total: int = 100, digest: str = "sha256:ab") -> dict[str, Any]:
    return {"status": "pulling ab", "digest": digest, "total": total, "completed": completed}


SUCCESS = {"status": "success"}


def broken_after(*lines: dict[str, Any]) -> Script:
    """A pull whose stream breaks off."""

    async def script(conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        for line in lines:
            await conn.send_chunk(json.dumps(line).encode() + b"\n")
        conn.close()

    return script


class Held:
    """A pull that tells `lines`, and then waits: `begun` is set when it does. `go` lets it end, by success."""

    def __init__(self, *lines: dict[str, Any]) -> None:
        self._lines = lines
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, conn: Conn, request: Request) -> None:
        await conn.send(STREAM_HEAD)
        for line in self._lines:
            await conn.send_chunk(json.dumps(line).encode() + b"\n")
        self.begun.set()
        go = asyncio.ensure_future(self.go.wait())
        gone = asyncio.ensure_future(conn.wait_closed())
        await asyncio.wait([go, gone], return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        if not go.done():
            go.cancel()
            self.left.set()
            return
        await conn.send_chunk(json.dumps(SUCCESS).encode() + b"\n")
        await conn.end_chunks()


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        upstream.route("GET /api/tags", json_response({"models": [tag_of("tiny:latest"), tag_of("big:70b")]}))
        upstream.route("GET /api/ps", json_response({"models": []}))
        upstream.route("GET /v1/models", json_response({"data": [{"id": "tiny:latest"}]}))
        yield upstream


@pytest.fixture
async def registry(up: ScriptedUpstream) -> AsyncIterator[Registry]:
    """`a` and `b` are the same scripted Ollama; `llama` is no Ollama."""
    registry = registry_of(
        UpstreamConfig("a", OLLAMA, up.url),
        UpstreamConfig("b", OLLAMA, up.url),
        UpstreamConfig("llama", OPENAI_COMPATIBLE, up.url),
    )
    yield registry
    await registry.close()


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def catalog(registry: Registry) -> Catalog:
    catalog = Catalog(registry, patience=30)
    await catalog.refresh()
    return catalog


@pytest.fixture
async def pins(store: MemoryStore, clock: Clock) -> Pins:
    return Pins(store.pins, clock)
