"""What the gateway tells by itself, without asking a model."""

import asyncio

import pytest

from tests.gateway.test_limits import limit
from tests.scripted import json_response, tag
from tollkeeper.gateway.lookups import rows_of
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.probes import Probes
from tollkeeper.wire.dialect import Greeting, Listing, ServerVersion

LOADED = {
    "name": "tiny:latest", "model": "tiny:latest", "size": 120, "digest": "d", "details": {"family": "llama"},
    "expires_at": "2026-11-20T13:39:59.123456789+01:00", "size_vram": 20, "context_length": 2048,
}  # fmt: skip


async def tags(gateway, path="/api/tags"):
    answer = await gateway.client.get(path)
    assert answer.status_code == 200, answer.text
    return {model["name"]: model for model in answer.json()["models"]}


def test_the_paths_of_each_kind():
    def paths(lookup):
        return [(row.method, row.path, row.of_one, row.behind_key) for row in rows_of(lookup)]

    assert paths(Listing("/a", lambda _: b"")) == [("GET", "/a", False, False)]
    assert paths(Listing("/a", lambda _: b"", lambda _: b"")) == [
        ("GET", "/a", False, False), ("GET", "/a/{id}", True, False),
    ]  # fmt: skip
    assert paths(ServerVersion("/v", lambda _: b"")) == [("GET", "/v", False, False)]
    assert paths(Greeting(b"hi")) == [("GET", "/", False, True)]


class TestTags:
    async def test_a_model_is_listed_as_its_upstream_does(self, gateway):
        listed = await tags(gateway)
        assert list(listed) == ["eye:latest", "tiny:latest"]
        expected = tag("tiny:latest")
        assert listed["tiny:latest"] == expected | {"modified_at": "2026-11-20T13:33:56.000Z"}

    async def test_those_of_providers_are_there_as_well(self, start, up):
        pool = [
            UpstreamConfig("default", OLLAMA, up.url),
            UpstreamConfig("o", OPENAI, up.url, models=("gpt-4o",), open=True),
        ]
        async with start(upstreams=pool) as gateway:
            listed = await tags(gateway)
            assert list(listed) == ["eye:latest", "gpt-4o", "tiny:latest"]
            assert listed["gpt-4o"]["details"]["family"] == "openai"

    async def test_only_what_the_user_may_use(self, gateway):
        await limit(gateway, allowed_models=["eye"])
        assert list(await tags(gateway)) == ["eye:latest"]

    async def test_by_a_key_in_the_path_and_by_HEAD(self, gateway):
        del gateway.client.headers["authorization"]
        assert list(await tags(gateway, f"/k/{gateway.secrets['alice']}/api/tags")) == ["eye:latest", "tiny:latest"]
        assert (await gateway.client.head(f"/k/{gateway.secrets['alice']}/api/tags")).status_code == 200

    async def test_an_entry_of_another_shape_loses_that_only(self, gateway, up):
        odd = {"model": "odd", "size": "large", "details": {"family": 7}}
        up.route("GET /api/tags", json_response({"models": [odd, tag("tiny:latest")]}))
        await gateway.context.catalog.refresh()
        listed = await tags(gateway)
        assert (listed["odd"]["size"], listed["odd"]["details"]["family"]) == (0, "ollama")
        assert listed["tiny:latest"]["size"] == 524288


class TestLoaded:
    @pytest.fixture
    async def loaded(self, gateway, up):
        up.route("GET /api/ps", json_response({"models": [LOADED, LOADED | {"model": "gone:latest"}]}))
        (upstream,) = gateway.context.registry
        probes = Probes(gateway.context.registry, gateway.context.clock, patience=5)
        running = asyncio.create_task(probes.run())
        while not upstream.load.loaded:
            await asyncio.sleep(0.005)
        running.cancel()
        return gateway

    async def test_what_is_in_memory_as_the_upstream_says(self, loaded):
        listed = await tags(loaded, "/api/ps")
        assert list(listed) == ["tiny:latest"]
        told = listed["tiny:latest"]
        assert (told["size"], told["size_vram"], told["context_length"]) == (120, 20, 2048)
        assert told["expires_at"] == "2026-11-20T12:39:59.000Z"
        assert told["digest"] == tag("tiny:latest")["digest"]

    async def test_only_what_the_user_may_use(self, loaded):
        await limit(loaded, allowed_models=["eye"])
        assert await tags(loaded, "/api/ps") == {}

    async def test_where_nothing_is(self, gateway):
        assert await tags(gateway, "/api/ps") == {}


class TestVersion:
    async def test_the_smallest_of_the_pool(self, start, up):
        pool = [UpstreamConfig(name, OLLAMA, up.url) for name in ("a", "b", "c")]
        async with start(
            upstreams=[*pool, UpstreamConfig("o", OPENAI, up.url, models=("gpt-4o",), open=True)]
        ) as gateway:
            for upstream, version in zip(gateway.context.registry, [(0, 24, 0), (0, 11, 10), (), (0, 1)], strict=True):
                upstream.version = version
            assert (await gateway.client.get("/api/version")).json() == {"version": "0.11.10"}
            for upstream in gateway.context.registry:
                upstream.version = ()
            assert (await gateway.client.get("/api/version")).json() == {"version": "0.11.4"}


class TestGreeting:
    @pytest.mark.parametrize("end", ["", "/"])
    @pytest.mark.parametrize("key", ["{alice}", "sk-nobody", ""])
    async def test_behind_a_key_the_root_says_what_clients_look_for_whatever_the_key(self, gateway, key, end):
        del gateway.client.headers["authorization"]
        path = f"/k/{key.format(alice=gateway.secrets['alice'])}" + (end if key else "/")
        answer = await gateway.client.get(path)
        assert (answer.status_code, answer.text) == (200, "Ollama is running")
        head = await gateway.client.head(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "17")

    async def test_without_one_it_is_the_gateways_own(self, gateway):
        assert (await gateway.client.get("/")).json()["name"] == "tollkeeper"
