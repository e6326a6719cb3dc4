"""Pins: kept, and in force at the next request."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.scripted import ScriptedUpstream, json_response
from tests.services.in_memory import ROOT, Clock
from tests.services.models.conftest import Monotonic
from tollkeeper.rules.errors import ModelChanged, ModelNotFound
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import WATCHED_EVERY, Catalog
from tollkeeper.services.models.pins import Pins
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore
from tollkeeper.store.ports.pins import Pin

GOOD, OTHER = "a" * 64, "b" * 64


def digest(upstream: ScriptedUpstream, version: str) -> None:
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest", "digest": version}]}))


@pytest.fixture
async def second(registry: Registry) -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as second:
        digest(second, OTHER)
        registry.add(UpstreamConfig("second", OLLAMA, second.url))
        yield second


async def test_a_pin_is_there_after_a_start(pins: Pins, store: MemoryStore) -> None:
    await pins.set(Pin("tiny:latest", GOOD, loaded=True), ROOT)
    again = Pins(store.pins, Clock())
    await again.load()
    assert again.all() == [Pin("tiny:latest", GOOD, loaded=True)]
    assert again.fixes("tiny:latest")
    assert not again.fixes("other")
    assert await again.remove("tiny:latest", ROOT)
    assert not await again.remove("tiny:latest", ROOT)
    entries = await store.audit.entries(limit=10, after=None)
    assert [(entry.action, entry.target) for entry in entries] == [
        ("model.unpin", "tiny:latest"), ("model.pin", "tiny:latest"),
    ]  # fmt: skip


async def test_a_pin_that_was_not_saved_does_not_count(pins: Pins, store: MemoryStore) -> None:
    store.fail = "the disk is full"
    with pytest.raises(StoreError):
        await pins.set(Pin("tiny:latest", GOOD, loaded=True), ROOT)
    assert pins.get("tiny:latest") is None


async def test_a_name_serves_the_digest_that_it_is_pinned_to_and_no_other(
    upstream: ScriptedUpstream, second: ScriptedUpstream, pins: Pins, resolver: Resolver, catalog: Catalog
) -> None:
    digest(upstream, GOOD)
    await catalog.refresh()
    assert len(await resolver.candidates("tiny")) == 2
    await pins.set(Pin("tiny:latest", GOOD, loaded=False), ROOT)
    [choice] = await resolver.candidates("tiny")
    assert choice.deployment.upstream.config.id == "default"
    digest(upstream, OTHER)
    await catalog.refresh()
    with pytest.raises(ModelChanged, match="tiny:latest") as refused:
        await resolver.candidates("Tiny")
    assert (refused.value.status, refused.value.code, refused.value.param) == (409, "model_changed", "model")
    with pytest.raises(ModelChanged):
        resolver.check_pinned(choice.deployment)
    await pins.set(Pin("tiny:latest", OTHER, loaded=False), ROOT)
    assert len(await resolver.candidates("tiny")) == 2
    resolver.check_pinned(choice.deployment)


async def test_a_pin_to_memory_refuses_nothing(
    upstream: ScriptedUpstream, pins: Pins, resolver: Resolver, catalog: Catalog
) -> None:
    await pins.set(Pin("tiny:latest", None, loaded=True), ROOT)
    [choice] = await resolver.candidates("tiny")
    resolver.check_pinned(choice.deployment)


async def test_another_model_of_the_alias_is_served_where_the_first_has_changed(
    upstream: ScriptedUpstream, pins: Pins, resolver: Resolver, catalog: Catalog, aliases: Aliases
) -> None:
    models = [{"model": "tiny:latest", "digest": OTHER}, {"model": "big", "digest": OTHER}]
    upstream.route("GET /api/tags", json_response({"models": models}))
    await aliases.replace({"best": ["tiny", "big"]}, ROOT)
    await pins.set(Pin("tiny:latest", GOOD, loaded=False), ROOT)
    assert [choice.deployment.model for choice in await resolver.candidates("best")] == ["big"]


async def test_a_deleted_model_that_is_pinned_is_not_there(
    upstream: ScriptedUpstream, pins: Pins, resolver: Resolver, catalog: Catalog
) -> None:
    await pins.set(Pin("gone", GOOD, loaded=False), ROOT)
    with pytest.raises(ModelNotFound):
        await resolver.candidates("gone")


async def test_lists_with_a_pinned_digest_are_read_more_often(
    upstream: ScriptedUpstream, pins: Pins, catalog: Catalog, monotonic: Monotonic
) -> None:
    catalog.watched = pins.fixes
    await catalog.refresh()
    monotonic.seconds += WATCHED_EVERY
    await catalog.refresh_due()
    assert len(upstream.calls("GET /api/tags")) == 1
    await pins.set(Pin("tiny:latest", GOOD, loaded=False), ROOT)
    await catalog.refresh_due()
    assert len(upstream.calls("GET /api/tags")) == 2
    monotonic.seconds += WATCHED_EVERY - 0.1
    await catalog.refresh_due()
    assert len(upstream.calls("GET /api/tags")) == 2


async def test_a_list_that_was_asked_for_before_a_change_does_not_count(
    upstream: ScriptedUpstream, catalog: Catalog, registry: Registry
) -> None:
    first = catalog._start(registry.get("default"))
    await catalog.refresh_changed([registry.get("default")])
    assert first.done()
    assert len(upstream.calls("GET /api/tags")) == 2
