"""Models that nobody has used for long."""

from __future__ import annotations

import asyncio

import pytest

from tests.scripted import ScriptedUpstream, json_response, ollama_error
from tests.services.in_memory import ROOT, Clock, record
from tests.services.lifecycle.conftest import tag_of
from tests.services.upstreams.http.helpers import until
from tollkeeper.rules.errors import NotFound
from tollkeeper.services.lifecycle.eviction import EVICTION, Evictor
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.probes import read_loaded
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.pins import Pin

BIG, TINY = ("big:70b", "a"), ("tiny:latest", "a")


@pytest.fixture
async def evictor(
    registry: Registry, catalog: Catalog, pins: Pins, store: MemoryStore, clock: Clock, up: ScriptedUpstream
) -> Evictor:
    """Of one Ollama with two models, both in memory and used a long time ago."""
    registry.remove("b")
    up.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest"}, {"model": "big:70b"}]}))
    up.route("POST /api/generate", json_response({}))
    up.route("DELETE /api/delete", json_response({}))
    await read_loaded(registry.get("a"))
    evictor = Evictor(registry, catalog, pins, store.reports, store.audit, clock)
    evictor.look()
    clock.ms += 1_000_000
    return evictor


async def gone(evictor: Evictor, how: str = "unload", after: float = 100) -> list[tuple[str, str]]:
    evicted = await evictor.evict(after, how, None, ROOT)  # type: ignore[arg-type]
    return [(each.model, each.upstream) for each in evicted]


async def test_what_nobody_uses_leaves_the_memory(evictor: Evictor, up: ScriptedUpstream, store: MemoryStore) -> None:
    assert await gone(evictor) == [BIG, TINY]
    assert [call.json["keep_alive"] for call in up.calls("POST /api/generate")] == [0, 0]
    [entry] = await store.audit.entries(limit=10, after=None)
    assert (entry.action, "big:70b@a" in entry.detail) == ("model.evict", True)


async def test_what_was_used_lately_stays(evictor: Evictor, store: MemoryStore, clock: Clock) -> None:
    store._tables.records["req_1"] = record(created_at=clock.ms - 99_999, model="tiny:latest")
    assert await gone(evictor) == [BIG]
    clock.ms += 1
    assert await gone(evictor) == [BIG, TINY]


async def test_what_is_used_now_stays(evictor: Evictor, registry: Registry) -> None:
    registry.get("a").load.take("tiny:latest")
    assert await gone(evictor) == [BIG]
    assert await gone(evictor, "delete") == [BIG]


async def test_what_is_pinned_stays(evictor: Evictor, pins: Pins) -> None:
    await pins.set(Pin("tiny:latest", None, loaded=True), ROOT)
    await pins.set(Pin("big:70b", "a" * 64, loaded=False), ROOT)
    assert await gone(evictor) == []
    assert await gone(evictor, "delete") == []


async def test_what_is_not_in_memory_is_deleted_only(
    evictor: Evictor, registry: Registry, up: ScriptedUpstream, catalog: Catalog
) -> None:
    up.route("GET /api/ps", json_response({"models": []}))
    await read_loaded(registry.get("a"))
    assert await gone(evictor) == []
    up.route("GET /api/tags", json_response({"models": []}))
    assert await gone(evictor, "delete") == [BIG, TINY]
    assert catalog.get("big:70b") is None


async def test_what_was_pulled_lately_is_not_deleted(
    evictor: Evictor, up: ScriptedUpstream, catalog: Catalog, clock: Clock
) -> None:
    lately = tag_of("tiny:latest") | {"modified_at": "2026-11-20T12:15:00Z"}
    up.route("GET /api/tags", json_response({"models": [lately, tag_of("big:70b")]}))
    await catalog.refresh()
    assert await gone(evictor, "delete", after=1000) == [BIG]


async def test_what_has_just_been_loaded_stays(evictor: Evictor, registry: Registry, up: ScriptedUpstream) -> None:
    up.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest"}]}))
    await read_loaded(registry.get("a"))
    evictor.look()
    up.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest"}, {"model": "big:70b"}]}))
    await read_loaded(registry.get("a"))
    assert await gone(evictor) == [TINY]


async def test_one_that_cannot_be_evicted_is_told(evictor: Evictor, up: ScriptedUpstream) -> None:
    up.route("POST /api/generate", ollama_error(500, "busy"))
    evicted = await evictor.evict(100, "unload", "a", ROOT)
    assert ["busy" in str(each.error) for each in evicted] == [True, True]


async def test_an_unknown_upstream_is_refused(evictor: Evictor) -> None:
    with pytest.raises(NotFound):
        await evictor.evict(100, "unload", "nope", ROOT)


async def test_it_goes_on_by_itself_whatever_happens(
    evictor: Evictor, up: ScriptedUpstream, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tollkeeper.services.lifecycle.eviction.EVERY", 0.001)
    store.fail = "the disk is full"
    running = asyncio.create_task(evictor.run(100, "unload"))
    await until(lambda: len(up.requests) > 0)
    await asyncio.sleep(0)
    assert not up.calls("POST /api/generate")
    store.fail = None
    await until(lambda: bool(up.calls("POST /api/generate")))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    entries = await store.audit.entries(limit=100, after=None)
    assert {entry.actor for entry in entries} == {EVICTION.name}
