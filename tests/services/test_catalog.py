"""Which models there are, in front of a scripted upstream, and by which other names they go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.scripted import ScriptedUpstream, json_response, response
from tests.services.house import Clock
from tollkeeper.rules.errors import ModelNotAllowed, ModelNotFound
from tollkeeper.rules.names import MAX_NAME
from tollkeeper.services.audit import Actor
from tollkeeper.services.catalog import Catalog
from tollkeeper.services.upstream import HttpClient
from tollkeeper.services.upstream.config import UpstreamConfig
from tollkeeper.store.errors import StoreError
from tollkeeper.store.memory.store import MemoryStore

TEST = Actor("@test", "192.0.2.7")


@pytest.fixture
async def upstream() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({"tiny:latest": ()}) as upstream:
        yield upstream


@pytest.fixture
async def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def catalog(upstream: ScriptedUpstream, store: MemoryStore) -> AsyncIterator[Catalog]:
    client = HttpClient(upstream.url)
    catalog = Catalog([(UpstreamConfig("default", "ollama", upstream.url), client)], store.book, Clock(), patience=30)
    await catalog.load()
    yield catalog
    await client.close()


async def test_a_name_that_is_not_there_is_asked_for_once_more(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    assert (await catalog.model("Tiny")).name == "tiny:latest"
    with pytest.raises(ModelNotFound, match="'other'"):
        await catalog.model("other")
    assert len(upstream.calls("GET /api/tags")) == 2


async def test_what_many_want_to_know_at_once_is_asked_once(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    route = await catalog.route("tiny")
    facts = await asyncio.gather(*(catalog.facts(route) for _ in range(50)))
    assert all(found == facts[0] for found in [*facts, await catalog.facts(route)])
    assert len(upstream.calls("POST /api/show")) == 1


async def test_what_could_not_be_learned_is_asked_again(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    route = await catalog.route("tiny")
    upstream.route("POST /api/show", json_response({}, 500))
    assert (await catalog.facts(route)).context is None
    upstream.route("POST /api/show", json_response({"model_info": {"llama.context_length": 512}}))
    assert (await catalog.facts(route)).context == 512


@pytest.mark.parametrize("end", ["", "-cloud"])
async def test_a_name_that_is_too_long_is_not_asked_for_and_not_repeated(
    catalog: Catalog, upstream: ScriptedUpstream, end: str
) -> None:
    await catalog.refresh()
    with pytest.raises(ModelNotFound) as caught:
        await catalog.model("x" * 1_000_000 + end)
    assert len(caught.value.message) < MAX_NAME + 100
    assert len(upstream.calls("GET /api/tags")) == 1


async def test_a_list_that_is_not_utf8_is_a_fault_of_its_upstream(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    await catalog.refresh()
    upstream.route("GET /api/tags", response(b'{"models":[{"model":"\xff"}]}'))
    await catalog.refresh()
    assert "not JSON" in str(catalog.faults()["default"])
    assert (await catalog.model("tiny")).name == "tiny:latest"


async def test_a_route_that_was_found_follows_aliases_and_models(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}, {"model": "big:latest"}]}))

    async def goes_to(name: str) -> str:
        return (await catalog.route(name)).model

    assert [await goes_to(name) for name in ("tiny", "tiny", "BIG")] == ["tiny:latest", "tiny:latest", "big:latest"]
    await catalog.replace({"gpt": "tiny"}, TEST)
    assert [await goes_to("gpt"), await goes_to("GPT")] == ["tiny:latest"] * 2
    await catalog.replace({"gpt": "big"}, TEST)
    assert [await goes_to("gpt"), await goes_to("GPT")] == ["big:latest"] * 2
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}]}))
    await catalog.refresh()
    assert await goes_to("tiny") == "tiny:latest"
    for name in ("gpt", "GPT", "BIG"):
        with pytest.raises(ModelNotFound):
            await catalog.route(name)
    await catalog.replace({}, TEST)
    with pytest.raises(ModelNotFound):
        await catalog.route("gpt")


@pytest.mark.parametrize("name", ["kimi:cloud", "Library/Kimi:1t-CLOUD"])
async def test_other_peoples_machines_are_not_allowed(catalog: Catalog, name: str) -> None:
    with pytest.raises(ModelNotAllowed):
        await catalog.model(name)


@pytest.mark.parametrize("alias", ["gpt", "library/GPT", "gpt:latest"])
async def test_an_alias_counts_at_the_next_request_and_after_a_start(
    catalog: Catalog, store: MemoryStore, alias: str
) -> None:
    await catalog.replace({alias: "tiny"}, TEST)
    for spelling in ("gpt", "GPT:latest", "library/gpt"):
        assert (await catalog.model(spelling)).name == "tiny:latest"
    again = Catalog([], store.book, Clock(), patience=1)
    await again.load()
    assert again.get() == {"gpt": "tiny"}
    (entry,) = await store.audit.entries(limit=10, after=None)
    assert (entry.actor, entry.address, entry.action) == ("@test", "192.0.2.7", "aliases.replace")


async def test_aliases_that_were_not_saved_do_not_count(catalog: Catalog, store: MemoryStore) -> None:
    await catalog.replace({"a": "tiny"}, TEST)
    store.fail = "disk full"
    with pytest.raises(StoreError):
        await catalog.replace({"b": "tiny"}, TEST)
    assert catalog.get() == {"a": "tiny"}
