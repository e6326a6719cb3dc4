"""What is known of a model on an upstream, in front of a scripted one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.scripted import Conn, Request, ScriptedUpstream, json_response
from tests.services.models.conftest import Monotonic
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.services.models.catalog import Catalog, Deployment
from tollkeeper.services.models.facts import FAILED_FOR, FactsCache
from tollkeeper.services.models.resolver import Resolver
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.descriptions import UNKNOWN
from tollkeeper.services.upstreams.registry import Registry

SHOW = "POST /api/show"
BROKEN = json_response({}, 500)


@pytest.fixture
def facts(catalog: Catalog, monotonic: Monotonic) -> FactsCache:
    return FactsCache(catalog, patience=30, clock=monotonic)


def context_of(tokens: int) -> bytes:
    return json_response({"model_info": {"llama.context_length": tokens}})


@pytest.fixture
async def second(registry: Registry) -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream({"tiny:latest": ()}) as second:
        registry.add(UpstreamConfig("second", OLLAMA, second.url))
        yield second


@pytest.fixture
async def both(resolver: Resolver, upstream: ScriptedUpstream, second: ScriptedUpstream) -> list[Deployment]:
    """One model on `upstream` and on `second`, with contexts of 1 and 2 tokens."""
    for number, machine in enumerate((upstream, second), start=1):
        machine.route(SHOW, context_of(number))
    found = [choice.deployment for choice in await resolver.candidates("tiny")]
    assert [each.upstream.config.id for each in found] == ["default", "second"]
    return found


def go_down(deployment: Deployment, monotonic: Monotonic) -> None:
    for _ in range(5):
        deployment.upstream.health.probed(monotonic(), "it is down")
    assert not deployment.upstream.health.can_serve(deployment.model, monotonic())


async def test_what_many_want_to_know_at_once_is_asked_once(
    facts: FactsCache, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    deployment = (await resolver.candidates("tiny"))[0].deployment
    found = await asyncio.gather(*(facts.of(deployment) for _ in range(50)))
    assert all(each == found[0] for each in [*found, await facts.of(deployment)])
    assert len(upstream.calls("POST /api/show")) == 1


async def test_what_could_not_be_learned_is_asked_again(
    facts: FactsCache, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    deployment = (await resolver.candidates("tiny"))[0].deployment
    upstream.route("POST /api/show", json_response({}, 500))
    assert (await facts.of(deployment)).context is None
    upstream.route("POST /api/show", json_response({"model_info": {"llama.context_length": 512}}))
    assert (await facts.of(deployment)).context == 512


async def test_a_model_that_became_another_is_asked_for_again(
    facts: FactsCache, catalog: Catalog, resolver: Resolver, upstream: ScriptedUpstream
) -> None:
    for version, context in (("a", 512), ("b", 1024)):
        upstream.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest", "digest": version}]}))
        upstream.route("POST /api/show", json_response({"model_info": {"llama.context_length": context}}))
        await catalog.refresh()
        deployment = (await resolver.candidates("tiny"))[0].deployment
        assert (await facts.of(deployment)).context == context
    await catalog.refresh()
    deployment = (await resolver.candidates("tiny"))[0].deployment
    assert (await facts.of(deployment)).context == 1024
    assert len(upstream.calls("POST /api/show")) == 2


async def test_places_of_a_model_are_asked_at_the_same_time(
    facts: FactsCache, both: list[Deployment], upstream: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    met = asyncio.Barrier(2)

    async def wait_for_the_other(conn: Conn, request: Request) -> None:
        await met.wait()
        await conn.send(context_of(9))

    for machine in (upstream, second):
        machine.route(SHOW, wait_for_the_other)
    assert [each.context for each in await facts.of_each(both)] == [9, 9]
    assert [each.context for each in await facts.of_each(both)] == [9, 9]
    assert len(upstream.calls(SHOW)) == len(second.calls(SHOW)) == 1


async def test_one_that_cannot_serve_is_asked_only_where_no_other_can(
    facts: FactsCache, both: list[Deployment], monotonic: Monotonic, upstream: ScriptedUpstream
) -> None:
    go_down(both[0], monotonic)
    assert [each.context for each in await facts.of_each(both)] == [None, 2]
    assert [each.context for each in await facts.of_each(both)] == [None, 2]
    assert not upstream.calls(SHOW)
    go_down(both[1], monotonic)
    assert [each.context for each in await facts.of_each(both)] == [1, 2]


async def test_one_that_was_not_described_is_not_waited_for_again_where_another_was(
    facts: FactsCache, both: list[Deployment], monotonic: Monotonic, upstream: ScriptedUpstream
) -> None:
    upstream.route(SHOW, BROKEN)
    for _ in range(3):
        assert [each.context for each in await facts.of_each(both)] == [None, 2]
    assert len(upstream.calls(SHOW)) == 1
    upstream.route(SHOW, context_of(1))
    monotonic.seconds += FAILED_FOR - 1
    assert (await facts.of_each(both))[0] is UNKNOWN
    monotonic.seconds += 1
    assert [each.context for each in await facts.of_each(both)] == [1, 2]


async def test_one_that_was_not_described_is_asked_again_at_once_where_no_other_can_serve(
    facts: FactsCache, both: list[Deployment], monotonic: Monotonic, upstream: ScriptedUpstream
) -> None:
    upstream.route(SHOW, BROKEN)
    assert [each.context for each in await facts.of_each(both)] == [None, 2]
    upstream.route(SHOW, context_of(1))
    go_down(both[1], monotonic)
    assert [each.context for each in await facts.of_each(both)] == [1, 2]


async def test_where_none_is_described_all_are_asked_again(
    facts: FactsCache, both: list[Deployment], upstream: ScriptedUpstream, second: ScriptedUpstream
) -> None:
    for machine in (upstream, second):
        machine.route(SHOW, BROKEN)
    for asked in (1, 2):
        assert await facts.of_each(both) == [UNKNOWN, UNKNOWN]
        assert len(upstream.calls(SHOW)) == len(second.calls(SHOW)) == asked


async def test_what_is_not_described_at_all_is_known_at_once(
    facts: FactsCache, both: list[Deployment], registry: Registry, monotonic: Monotonic
) -> None:
    provider = registry.add(UpstreamConfig("provider", OPENAI, "http://127.0.0.1:9"))
    place = Deployment("tiny:latest", provider, "tiny:latest")
    go_down(place, monotonic)
    described, undescribed = await facts.of_each([both[0], place])
    assert (described.context, undescribed.complete) == (1, True)
