"""What is known of models, in front of a scripted Ollama."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.scripted import ScriptedUpstream
from tests.services.in_memory import Clock, registry_of
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.memory.store import MemoryStore


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({"tiny:latest": ()}) as upstream:
        yield upstream


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def registry(upstream: ScriptedUpstream) -> AsyncIterator[Registry]:
    registry = registry_of(UpstreamConfig("default", OLLAMA, upstream.url))
    yield registry
    await registry.close()


class Monotonic:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def catalog(registry: Registry, monotonic: Monotonic) -> Catalog:
    return Catalog(registry, patience=30, clock=monotonic)


@pytest.fixture
def aliases(store: MemoryStore) -> Aliases:
    return Aliases(store.aliases, Clock())


@pytest.fixture
def pins(store: MemoryStore) -> Pins:
    return Pins(store.pins, Clock())


@pytest.fixture
def resolver(registry: Registry, catalog: Catalog, aliases: Aliases, pins: Pins) -> Resolver:
    return Resolver(registry, catalog, aliases, pins)
