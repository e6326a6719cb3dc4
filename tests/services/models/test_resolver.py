"""From names to places, in front of scripted upstreams."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.scripted import ScriptedUpstream, json_response
from tests.services.in_memory import ROOT
from tests.services.models.conftest import Monotonic
from tollkeeper.rules.errors import BadRequest, ModelNotAllowed, ModelNotFound, UpstreamUnavailable
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENROUTER
from tollkeeper.rules.names import MAX_NAME
from tollkeeper.services.models.aliases import Aliases
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.registry import Registry


async def test_a_name_that_is_not_there_is_asked_for_once_more_in_five_seconds(
    resolver: Resolver, upstream: ScriptedUpstream, monotonic: Monotonic
) -> None:
    assert (await resolver.model("Tiny")).name == "tiny:latest"
    for later, asked in [(0.0, 1), (4.9, 1), (0.1, 2), (0.1, 2)]:
        monotonic.seconds += later
        with pytest.raises(ModelNotFound, match="'other'"):
            await resolver.model("other")
        assert len(upstream.calls("GET /api/tags")) == asked


@pytest.mark.parametrize("end", ["", "-cloud"])
async def test_a_name_that_is_too_long_is_not_asked_for_and_not_repeated(
    catalog: Catalog, resolver: Resolver, upstream: ScriptedUpstream, end: str
) -> None:
    await catalog.refresh()
    with pytest.raises(ModelNotFound) as caught:
        await resolver.model("x" * 1_000_000 + end)
    assert len(caught.value.message) < MAX_NAME + 100
    assert len(upstream.calls("GET /api/tags")) == 1


async def test_a_route_that_was_found_follows_aliases_and_models(
    catalog: Catalog, resolver: Resolver, aliases: Aliases, upstream: ScriptedUpstream
) -> None:
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}, {"model": "big:latest"}]}))

    async def goes_to(name: str) -> str:
        return (await resolver.candidates(name))[0].deployment.model

    assert [await goes_to(name) for name in ("tiny", "tiny", "BIG")] == ["tiny:latest", "tiny:latest", "big:latest"]
    await aliases.replace({"gpt": ["tiny"]}, ROOT)
    assert [await goes_to("gpt"), await goes_to("GPT")] == ["tiny:latest"] * 2
    await aliases.replace({"gpt": ["big"]}, ROOT)
    assert [await goes_to("gpt"), await goes_to("GPT")] == ["big:latest"] * 2
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}]}))
    await catalog.refresh()
    assert await goes_to("tiny") == "tiny:latest"
    for name in ("gpt", "GPT", "BIG"):
        with pytest.raises(ModelNotFound):
            await resolver.candidates(name)
    await aliases.replace({}, ROOT)
    with pytest.raises(ModelNotFound):
        await resolver.candidates("gpt")


@pytest.mark.parametrize("name", ["kimi:cloud", "Library/Kimi:1t-CLOUD"])
async def test_other_peoples_machines_are_not_allowed(
    resolver: Resolver, upstream: ScriptedUpstream, name: str
) -> None:
    upstream.route("GET /api/tags", json_response({"models": [{"model": "kimi:cloud"}, {"model": "kimi:1t-cloud"}]}))
    with pytest.raises(ModelNotAllowed):
        await resolver.model(name)


async def test_a_name_means_other_machines_only_where_its_upstream_has_some(
    registry: Registry, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    upstream.route("GET /v1/models", json_response({"data": [{"id": "my-cloud"}]}))
    registry.add(UpstreamConfig("own", OPENAI, upstream.url))
    (choice,) = await resolver.candidates("my-cloud")
    assert choice.deployment.upstream.config.id == "own"


async def test_every_active_upstream_with_the_model_is_a_candidate(
    registry: Registry, catalog: Catalog, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    async with ScriptedUpstream({"tiny:latest": ()}) as second:
        another = UpstreamConfig("another", OLLAMA, second.url)
        registry.add(another)
        await catalog.refresh()
        assert await ids(resolver, "tiny") == [(0, "default"), (0, "another")]
        registry.replace(replace(another, state="draining"))
        await catalog.refresh()
        assert await ids(resolver, "tiny") == [(0, "default")]
        registry.remove("default")
        with pytest.raises(UpstreamUnavailable, match="gets requests right now"):
            await resolver.candidates("tiny")


async def test_a_name_may_ask_for_one_upstream(
    registry: Registry, catalog: Catalog, resolver: Resolver, aliases: Aliases
) -> None:
    async with ScriptedUpstream({"tiny:latest": (), "big:latest": ()}) as second:
        registry.add(UpstreamConfig("another", OLLAMA, second.url))
        await catalog.refresh()
        await aliases.replace({"fast": ["big@another", "tiny"], "pinned": ["TINY@Default", "gone"]}, ROOT)
        assert await ids(resolver, "Tiny@ANOTHER") == [(0, "another")]
        assert await ids(resolver, "fast") == [(0, "another"), (1, "default"), (1, "another")]
        assert await ids(resolver, "fast@another") == [(0, "another"), (1, "another")]
        assert await ids(resolver, "fast@default") == [(0, "default")]
        assert await ids(resolver, "pinned") == [(0, "default")]
        with pytest.raises(ModelNotFound, match="The upstream in 'big@default'"):
            await resolver.candidates("big@default")
        with pytest.raises(ModelNotFound):
            await resolver.candidates("tiny@nowhere")


async def ids(resolver: Resolver, name: str) -> list[tuple[int, str]]:
    """The candidates of a name, by entry and upstream."""
    return [(each.entry, each.deployment.upstream.config.id) for each in await resolver.candidates(name)]


async def test_a_suffix_that_changes_the_price_of_a_known_model_is_refused_by_name(
    registry: Registry, catalog: Catalog, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    upstream.route("GET /v1/models", json_response({"data": [{"id": "lab/m"}]}))
    registry.add(UpstreamConfig("router", OPENROUTER, upstream.url))
    await catalog.refresh()
    with pytest.raises(BadRequest, match="'lab/m:online'") as refused:
        await resolver.candidates("Lab/M:online")
    assert refused.value.param == "model"
    for name in ("lab/other:online", "tiny:online", "lab/m:other"):
        with pytest.raises(ModelNotFound):
            await resolver.candidates(name)


async def test_a_model_of_someone_else_s_machines_is_not_allowed(
    resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    remote = {"model": "far:latest", "remote_host": "https://elsewhere.example"}
    upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}, remote]}))
    with pytest.raises(ModelNotAllowed):
        await resolver.candidates("Far")
