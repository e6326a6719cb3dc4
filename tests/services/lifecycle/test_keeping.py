"""Keeping pinned models in memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.scripted import ScriptedUpstream, json_response, ollama_error
from tests.services.in_memory import ROOT, START, Clock
from tests.services.lifecycle.conftest import OTHER
from tests.services.upstreams.http.helpers import until
from tollkeeper.services.lifecycle.keeping import APART, KEPT_FOR, RENEWED_BEFORE, Keeping
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.upstreams.probes import read_loaded
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.ports.pins import Pin


class Rig(Keeping):
    """Its monotonic clock is set by the test."""

    def __init__(self, catalog: Catalog, pins: Pins, clock: Clock, up: ScriptedUpstream, registry: Registry) -> None:
        self.seconds = 1000.0
        super().__init__(catalog, pins, clock, lambda: self.seconds)
        self._up = up
        self._registry = registry

    async def reads(self, *names: str, until_ms: int = START + 3_600_000) -> None:
        """The Ollama has these in memory, until this time."""
        at = datetime.fromtimestamp(until_ms / 1000, UTC).isoformat()
        models = [{"model": name, "expires_at": at} for name in names]
        self._up.route("GET /api/ps", json_response({"models": models}))
        for name in ("a", "b"):
            await read_loaded(self._registry.get(name))

    async def looks(self) -> int:
        """How many models it has loaded by this look."""
        before = len(self._up.calls("POST /api/generate"))
        self.look()
        await asyncio.gather(*self._loading.values())
        return len(self._up.calls("POST /api/generate")) - before


@pytest.fixture
async def rig(catalog: Catalog, pins: Pins, clock: Clock, up: ScriptedUpstream, registry: Registry) -> Rig:
    up.route("POST /api/generate", json_response({}))
    await pins.set(Pin("tiny:latest", None, loaded=True), ROOT)
    return Rig(catalog, pins, clock, up, registry)


async def test_a_pinned_model_is_loaded_wherever_it_is(rig: Rig, up: ScriptedUpstream) -> None:
    assert await rig.looks() == 0  # what is in memory is not known yet
    await rig.reads()
    assert await rig.looks() == 2
    [sent, _] = up.calls("POST /api/generate")
    assert sent.json == {"model": "tiny:latest", "keep_alive": KEPT_FOR, "stream": False}


async def test_it_is_loaded_again_before_its_time_ends(rig: Rig) -> None:
    await rig.reads("tiny:latest", until_ms=START + RENEWED_BEFORE * 1000 + 1000)
    assert await rig.looks() == 0
    await rig.reads("tiny:latest", until_ms=START + RENEWED_BEFORE * 1000 - 1000)
    assert await rig.looks() == 2


async def test_one_that_stays_for_good_is_left_alone(rig: Rig, up: ScriptedUpstream, registry: Registry) -> None:
    up.route("GET /api/ps", json_response({"models": [{"model": "tiny:latest"}]}))
    for name in ("a", "b"):
        await read_loaded(registry.get(name))
    assert await rig.looks() == 0


async def test_one_that_is_pushed_out_comes_back_after_a_while(rig: Rig) -> None:
    await rig.reads("big:70b")
    assert await rig.looks() == 2
    assert await rig.looks() == 0
    rig.seconds += APART
    assert await rig.looks() == 2


async def test_after_a_restart_it_comes_back_at_once(rig: Rig) -> None:
    await rig.reads()
    assert await rig.looks() == 2
    assert await rig.looks() == 2


async def test_one_that_cannot_be_loaded_is_tried_less_and_less_and_told(rig: Rig, up: ScriptedUpstream) -> None:
    await rig.reads()
    up.route("POST /api/generate", ollama_error(500, "out of memory"))
    for seconds in (1.0, 2.0, 4.0):
        assert await rig.looks() == 2
        rig.seconds += seconds - 0.1
        assert await rig.looks() == 0
        rig.seconds += 0.1
    assert "out of memory" in rig.errors["a", "tiny:latest"]
    up.route("POST /api/generate", json_response({}))
    assert await rig.looks() == 2
    assert rig.errors == {}


async def test_what_gets_no_requests_is_not_loaded(rig: Rig, pins: Pins, registry: Registry) -> None:
    await rig.reads()
    registry.get("a").health.alive = False
    registry.get("b").load.loading.add("tiny:latest")
    assert await rig.looks() == 0
    registry.get("a").health.alive = True
    registry.get("b").load.loading.clear()
    await pins.set(Pin("tiny:latest", OTHER, loaded=True), ROOT)
    assert await rig.looks() == 0
    await pins.set(Pin("tiny:latest", None, loaded=False), ROOT)
    assert await rig.looks() == 0


async def test_it_goes_on_until_it_is_cancelled(rig: Rig, up: ScriptedUpstream) -> None:
    await rig.reads()
    running = asyncio.create_task(rig.run())
    await until(lambda: len(up.calls("POST /api/generate")) == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
