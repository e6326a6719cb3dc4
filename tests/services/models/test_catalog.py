"""What is where, in front of scripted upstreams."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from tests.scripted import Conn, Gate, Request, ScriptedUpstream, json_response, response
from tests.services.in_memory import registry_of
from tests.services.models.conftest import Monotonic
from tests.services.upstreams.http.helpers import hanging, until
from tollkeeper.rules.kinds import OLLAMA, OPENAI, OPENAI_COMPATIBLE, OPENROUTER
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.services.models.catalog import Catalog
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.http import HttpClient
from tollkeeper.services.upstreams.listings import ListedModel
from tollkeeper.services.upstreams.registry import Registry


def places(catalog: Catalog) -> dict[str, list[str]]:
    """The upstreams of each model."""
    return {model.name: [each.upstream.config.id for each in model.deployments] for model in catalog.models()}


async def test_a_list_that_is_not_utf8_is_a_fault_of_its_upstream(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    await catalog.refresh()
    upstream.route("GET /api/tags", response(b'{"models":[{"model":"\xff"}]}'))
    await catalog.refresh()
    assert "not JSON" in str(registry.faults()["default"])
    assert places(catalog) == {"tiny:latest": ["default"]}


async def test_a_fault_has_words_for_everyone_and_its_cause_for_the_operator_without_secrets() -> None:
    registry = Registry(lambda config: HttpClient(config.base_url, redact=lambda it: it.replace("refused", "***")))
    registry.add(UpstreamConfig("gone", OLLAMA, "http://127.0.0.1:9"))
    catalog = Catalog(registry, patience=30)
    await catalog.refresh()
    [gone] = registry
    assert gone.fault is not None
    assert gone.fault.reason == "no connection to 127.0.0.1: Connection ***"
    assert registry.faults() == {"gone": gone.fault.message}
    assert "127.0.0.1" not in gone.fault.message
    await registry.close()


async def test_a_model_that_two_upstreams_have_is_in_both_places(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    async with ScriptedUpstream({"tiny:latest": (), "big:latest": ()}) as second:
        registry.add(UpstreamConfig("second", OLLAMA, second.url))
        await catalog.refresh()
        assert places(catalog) == {"big:latest": ["second"], "tiny:latest": ["default", "second"]}
        registry.remove("default")
        assert places(catalog) == {"big:latest": ["second"], "tiny:latest": ["second"]}


async def test_what_an_upstream_was_said_to_serve_is_all_that_it_does(upstream: ScriptedUpstream) -> None:
    listed = {"id": "Seen", "architecture": {"input_modalities": ["text", "image"]}}
    upstream.route("GET /v1/models", json_response({"data": [listed, {"id": "other"}]}))
    registry = Registry(lambda config: HttpClient(config.base_url))
    registry.add(UpstreamConfig("own", OPENAI_COMPATIBLE, upstream.url, ("seen", "unseen")))
    catalog = Catalog(registry, patience=30)
    await catalog.refresh()
    assert [(each.model, each.sees_images) for each in catalog.deployments()] == [("seen", True), ("unseen", None)]
    await registry.close()


async def test_the_list_of_an_upstream_that_left_meanwhile_is_dropped(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(conn: Conn, _: Request) -> None:
        asked.set()
        await go.wait()
        await conn.send(json_response({"models": [{"model": "old:latest"}]}))

    upstream.route("GET /api/tags", slow)
    refreshing = asyncio.create_task(catalog.refresh())
    await asked.wait()
    async with ScriptedUpstream({"new:latest": ()}) as other:
        registry.replace(UpstreamConfig("default", OLLAMA, other.url))
        await catalog.refresh()  # not the one that is under way: it knows nothing of the new address
        assert places(catalog) == {"new:latest": ["default"]}
        go.set()
        await refreshing
        assert places(catalog) == {"new:latest": ["default"]}


async def test_who_looks_for_one_while_its_first_list_is_on_its_way_waits_for_it(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    gate = Gate([json_response({"models": []})])
    upstream.route(LIST, gate)
    refreshing = asyncio.create_task(catalog.refresh())
    await until(lambda: len(upstream.calls(LIST)) == 1)
    gate.open()
    await catalog.find_one()
    assert (registry.faults(), len(upstream.calls(LIST))) == ({"default": None}, 1)
    await refreshing


async def test_who_follows_the_lists_is_done_before_their_models_are_there(catalog: Catalog) -> None:
    seen = []

    async def follow(config: UpstreamConfig, listed: list[ListedModel]) -> None:
        seen.append((config.id, [model.name for model in listed], places(catalog)))

    catalog.on_listed.append(follow)
    await catalog.refresh()
    assert seen == [("default", ["tiny:latest"], {})]
    assert places(catalog) == {"tiny:latest": ["default"]}


LIST = "GET /api/tags"


async def test_each_list_is_fetched_again_as_often_as_its_kind_says(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream, monotonic: Monotonic
) -> None:
    async with ScriptedUpstream() as provider:
        provider.route("GET /v1/models", json_response({"data": [{"id": "gpt"}]}))
        registry.add(UpstreamConfig("provider", OPENAI, provider.url))
        for later, asked in [(0, (1, 1)), (29.9, (1, 1)), (0.1, (2, 1)), (3569, (3, 1)), (1, (3, 2))]:
            monotonic.seconds += later
            await catalog.refresh_due()
            assert (len(upstream.calls(LIST)), len(provider.requests)) == asked


async def test_one_that_sleeps_is_asked_once_and_while_it_works(monotonic: Monotonic) -> None:
    async with ScriptedUpstream() as up:
        registry = registry_of(UpstreamConfig("sleeps", OLLAMA, up.url, probe_every=0))
        (upstream,) = registry
        catalog = Catalog(registry, patience=30, clock=monotonic)

        async def asked() -> int:
            monotonic.seconds += 3600
            await catalog.refresh_due()
            return len(up.calls(LIST))

        assert [await asked() for _ in range(3)] == [1, 1, 1]
        upstream.load.take("tiny:latest")
        assert await asked() == 2
        upstream.load.release("tiny:latest")
        assert await asked() == 2
        await catalog.refresh_on_miss()
        assert len(up.calls(LIST)) == 3
        up.route(LIST, json_response({}, 500))
        await catalog.refresh()
        assert [await asked() for _ in range(3)] == [4, 4, 4], "nor is one that could not be asked"
        await registry.close()


async def test_one_that_failed_is_asked_again_soon(registry: Registry, monotonic: Monotonic) -> None:
    catalog = Catalog(registry, patience=30, clock=monotonic)
    async with ScriptedUpstream() as provider:
        provider.route("GET /v1/models", json_response({}, 500))
        registry.add(UpstreamConfig("provider", OPENAI, provider.url))
        for later, asked in [(0, 1), (29, 1), (1, 2)]:
            monotonic.seconds += later
            await catalog.refresh_due()
            assert len(provider.requests) == asked


async def test_the_list_of_a_compatible_one_shows_whether_it_lives(monotonic: Monotonic) -> None:
    async with ScriptedUpstream() as own, ScriptedUpstream() as provider:
        for each in (own, provider):
            each.route("GET /v1/models", json_response({"data": [{"id": "a"}]}))
        registry = registry_of(
            UpstreamConfig("own", OPENAI_COMPATIBLE, own.url), UpstreamConfig("provider", OPENAI, provider.url)
        )
        catalog = Catalog(registry, patience=30, clock=monotonic)
        healths = [upstream.health for upstream in registry]
        for health in healths:
            for _ in range(5):
                health.note_failure(Outcome.BROKEN, "a", monotonic(), "it broke off")
        await catalog.refresh()
        assert [(each.alive, each.can_serve("a", monotonic())) for each in healths] == [(True, True), (None, False)]
        own.route("GET /v1/models", json_response({}, 404))  # as one without a list, which serves nevertheless
        for _ in range(5):
            await catalog.refresh()
        assert healths[0].alive is True
        await own.stop_listening()
        for conn in own.connections:
            conn.abort()
        await catalog.refresh()
        assert (healths[0].alive, healths[0].can_serve("a", monotonic())) == (False, False)
        await registry.close()


async def test_a_list_that_does_not_come_keeps_no_other_from_being_read(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream, monotonic: Monotonic
) -> None:
    async with ScriptedUpstream({"big:latest": ()}) as second:
        second.route(LIST, hanging)
        registry.add(UpstreamConfig("second", OLLAMA, second.url))
        keeping = asyncio.create_task(catalog.keep_fresh())
        await until(lambda: places(catalog) == {"tiny:latest": ["default"]})
        upstream.route(LIST, json_response({"models": [{"model": "new:latest"}]}))
        monotonic.seconds += 30
        await until(lambda: places(catalog) == {"new:latest": ["default"]})
        assert len(second.calls(LIST)) == 1
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await registry.close()


async def test_who_leaves_does_not_end_what_others_wait_for(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def slow(conn: Conn, _: Request) -> None:
        asked.set()
        await go.wait()
        await conn.send(json_response({"models": [{"model": "tiny:latest"}]}))

    upstream.route(LIST, slow)
    leaves, stays = asyncio.create_task(catalog.refresh()), asyncio.create_task(catalog.refresh_on_miss())
    await asked.wait()
    leaves.cancel()
    await asyncio.gather(leaves, return_exceptions=True)
    go.set()
    await stays
    assert (places(catalog), len(upstream.calls(LIST))) == ({"tiny:latest": ["default"]}, 1)


async def test_only_a_list_that_differs_is_a_change(catalog: Catalog, upstream: ScriptedUpstream) -> None:
    changes: list[int] = []
    catalog.on_change.append(lambda: changes.append(len(catalog.models())))
    await catalog.refresh()
    await catalog.refresh()
    assert changes == [1]
    upstream.route(LIST, json_response({"models": []}))
    await catalog.refresh()
    assert changes == [1, 0]


async def test_models_on_other_machines_are_left_out_unless_the_upstream_may_serve_them(
    upstream: ScriptedUpstream,
) -> None:
    tags = [
        {"model": "tiny:latest"},
        {"model": "far:latest", "remote_host": "https://ollama.com"},
        {"model": "a:cloud"},
    ]
    upstream.route("GET /api/tags", json_response({"models": tags}))
    for cloud, served in ((False, ["tiny:latest"]), (True, ["a:cloud", "far:latest", "tiny:latest"])):
        registry = Registry(lambda config: HttpClient(config.base_url))
        registry.add(UpstreamConfig("own", OLLAMA, upstream.url, cloud=cloud))
        catalog = Catalog(registry, patience=30)
        await catalog.refresh()
        assert [*places(catalog)] == served
        await registry.close()


async def test_a_name_with_a_suffix_that_changes_the_price_is_there_by_its_price(upstream: ScriptedUpstream) -> None:
    upstream.route("GET /v1/models", json_response({"data": [{"id": "M", "architecture": {"input_modalities": []}}]}))
    registry = Registry(lambda config: HttpClient(config.base_url))
    for name, kind in (("router", OPENROUTER), ("another", OPENAI)):
        registry.add(UpstreamConfig(name, kind, upstream.url))
    priced: set[str] = {"m", "m*", "m:nitro", "n:nitro", "m:free"}
    catalog = Catalog(registry, patience=30, priced=lambda: priced)
    await catalog.refresh()
    assert places(catalog) == {"m": ["router", "another"], "m:nitro": ["router"]}
    assert catalog.deployments()[-1].sees_images is False
    assert [each.spelling for each in catalog.deployments()] == ["M", "M", "M:nitro"]
    assert [catalog.takes_suffix(name) for name in ("m:nitro", "m:floor", "m:free", "n:nitro", "m")] == [True, True] + [
        False
    ] * 3
    priced.add("m:floor")
    assert catalog.get("m:floor") is None
    catalog.prices_changed()
    assert catalog.get("m:floor") is not None
    await registry.close()


async def test_models_of_someone_else_s_machines_are_known_by_every_spelling(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    remote = {"model": "Far:latest", "remote_host": "https://elsewhere.example"}
    upstream.route("GET /api/tags", json_response({"models": [{"model": "near:latest"}, remote]}))
    await catalog.refresh()
    assert places(catalog) == {"near:latest": ["default"]}
    assert {name for name in catalog.remote if catalog.remote[name] == "far:latest"} == {
        "far",
        "far:latest",
        "library/far",
        "library/far:latest",
    }
    registry.replace(UpstreamConfig("default", OLLAMA, upstream.url, cloud=True))
    await catalog.refresh()
    assert (places(catalog), catalog.remote) == ({"far:latest": ["default"], "near:latest": ["default"]}, {})


async def test_a_changed_upstream_has_the_models_that_it_had_until_it_is_asked_again(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    await catalog.refresh()
    changed = UpstreamConfig("default", OLLAMA, upstream.url, weight=2)
    registry.replace(changed)
    assert places(catalog) == {"tiny:latest": ["default"]}
    assert registry.faults() == {"default": None}
    (deployment,) = catalog.deployments()
    assert deployment.upstream.config is changed
    registry.replace(replace(changed, models=("chosen",)))
    assert places(catalog) == {"chosen": ["default"]}
    registry.replace(replace(changed, base_url="http://127.0.0.1:9"))
    assert places(catalog) == {}


async def test_a_disabled_upstream_is_not_asked(
    registry: Registry, catalog: Catalog, upstream: ScriptedUpstream
) -> None:
    await catalog.refresh()
    registry.replace(UpstreamConfig("default", OLLAMA, upstream.url, state="draining"))
    assert places(catalog) == {"tiny:latest": ["default"]}
    registry.replace(UpstreamConfig("default", OLLAMA, upstream.url, state="disabled"))
    await catalog.refresh()
    assert places(catalog) == {}
    assert len(upstream.calls("GET /api/tags")) == 1
