"""Probes of scripted upstreams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest

from tests.scripted import Gate, ScriptedUpstream, json_response
from tests.services.in_memory import registry_of
from tests.services.upstreams.http.helpers import hanging, until
from tollkeeper.rules.kinds import OLLAMA, OPENAI
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.health import NO_TRIAL
from tollkeeper.services.upstreams.http.client import HttpClient
from tollkeeper.services.upstreams.ports import Client
from tollkeeper.services.upstreams.probes import Probes
from tollkeeper.services.upstreams.registry import Registry, Upstream

VERSION, PS = "GET /api/version", "GET /api/ps"


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        upstream.route(PS, json_response({"models": []}))
        yield upstream


def ollama(name: str, url: str, probe_every: float = 0.001) -> UpstreamConfig:
    return UpstreamConfig(name, OLLAMA, url, probe_every=probe_every)


@contextlib.asynccontextmanager
async def probing(
    *configs: UpstreamConfig, patience: float = 30, loaded_every: float = 0.001
) -> AsyncIterator[Registry]:
    """A registry of these upstreams, which are probed all the time."""
    registry = registry_of(*configs)
    probes = asyncio.create_task(Probes(registry, time.monotonic, patience=patience, loaded_every=loaded_every).run())
    try:
        yield registry
        assert not probes.done()
    finally:
        probes.cancel()
        await asyncio.gather(probes, return_exceptions=True)
        await registry.close()
    assert not registry.on_change


def idle_at(upstream: Upstream) -> int:
    """Connections to an upstream that are kept alive and not in use."""
    assert isinstance(upstream.client, HttpClient)
    return upstream.client.statistics().idle


def first(registry: Registry) -> Upstream:
    return next(iter(registry))


async def test_one_that_answers_lives(up: ScriptedUpstream) -> None:
    async with probing(ollama("a", up.url)) as registry:
        health = first(registry).health
        await until(lambda: len(up.calls(VERSION)) > 2)
        assert (health.alive, health.error) == (True, None)


@pytest.mark.parametrize("status", [200, 401, 404, 429])
async def test_any_status_of_a_living_one_will_do(up: ScriptedUpstream, status: int) -> None:
    up.route(VERSION, json_response({}, status))
    async with probing(ollama("a", up.url)) as registry:
        await until(lambda: first(registry).health.alive is not None)
        assert first(registry).health.alive


async def test_one_that_fails_is_down_and_comes_back(up: ScriptedUpstream, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    up.route(VERSION, json_response({}, 500))
    async with probing(ollama("a", up.url)) as registry:
        health = first(registry).health
        await until(lambda: not health.can_serve("m", time.monotonic()))
        shown = [health.error]
        up.route(VERSION, json_response({"version": "0.11.4"}))
        await until(lambda: bool(health.alive))
        shown.append(health.error)
        assert shown == ["it answered 500 to /api/version", None]
        assert health.can_serve("m", time.monotonic())
        assert health.begin_trial("m", time.monotonic()) is not NO_TRIAL
    assert [record.message.split(":")[0] for record in caplog.records if "probe" in record.message] == [
        "upstream a fails its probe",
        "upstream a passes its probe again",
    ]


async def test_why_one_fails_is_told_without_secrets() -> None:
    async with probing(ollama("a", "http://127.0.0.1:9")) as registry:
        upstream = first(registry)
        assert isinstance(upstream.client, HttpClient)
        upstream.client.redact = lambda text: text.replace("refused", "***")
        await until(lambda: upstream.health.alive is False)
        assert upstream.health.error is not None
        assert upstream.health.error.endswith("(no connection to 127.0.0.1: Connection ***)")


async def test_one_that_hangs_fails_within_its_time_and_delays_no_other(up: ScriptedUpstream) -> None:
    async with ScriptedUpstream() as other:
        up.route(VERSION, hanging)
        up.route(PS, hanging)
        other.route(PS, json_response({"models": []}))
        async with probing(ollama("hangs", up.url), ollama("lives", other.url)) as registry:
            hangs, lives = registry
            await until(lambda: len(other.calls(VERSION)) > 5 and len(up.calls(VERSION)) == 1)
            assert (hangs.health.alive, lives.health.alive) == (None, True)
        async with probing(ollama("hangs", up.url), patience=0.01) as registry:
            await until(lambda: first(registry).health.alive is False)
            assert first(registry).health.error == "it does not answer within 0.01 s"


async def test_a_fault_of_a_probe_does_not_end_it(up: ScriptedUpstream, caplog: pytest.LogCaptureFixture) -> None:
    async with probing(ollama("a", up.url)) as registry:
        upstream = first(registry)
        await until(lambda: upstream.load.loaded is not None and upstream.health.alive is True)
        client, upstream.client = upstream.client, cast("Client", None)
        await until(lambda: upstream.health.alive is False)
        assert upstream.health.error == "its probe fails with AttributeError"
        await until(lambda: caplog.text.count("a probe has a fault of its own") > 5)
        upstream.client = client
        asked = len(up.calls(PS))
        await until(lambda: upstream.health.alive is True and len(up.calls(PS)) > asked)


async def test_one_that_sleeps_is_not_woken(up: ScriptedUpstream) -> None:
    async with (
        ScriptedUpstream() as other,
        probing(ollama("sleeps", up.url, probe_every=0), ollama("lives", other.url)) as registry,
    ):
        load = first(registry).load
        await until(lambda: len(other.calls(PS)) > 5)
        assert up.requests == []
        load.take("tiny:latest")
        await until(lambda: len(up.calls(PS)) > 2)
        assert load.loaded == frozenset({"tiny:latest"})
        assert up.calls(VERSION) == []
        assert first(registry).health.alive is None
        load.release("tiny:latest")
        await until(lambda: idle_at(first(registry)) > 0)
        asked, before = len(up.calls(PS)), len(other.calls(PS))
        await until(lambda: len(other.calls(PS)) > before + 5)
        assert len(up.calls(PS)) <= asked + 1


async def test_what_is_loaded_is_known_and_what_runs_is_being_loaded(up: ScriptedUpstream) -> None:
    async with probing(ollama("a", up.url)) as registry:
        load = first(registry).load
        load.take("big:latest")
        up.route(PS, json_response({"models": [{"name": "Tiny:latest", "model": "Tiny:latest"}]}))
        await until(lambda: load.loaded == frozenset({"tiny:latest", "big:latest"}))
        assert type(load.loaded) is frozenset  # the stubs take a frozenset with keys of a dict for one; it is a set
        load.release("big:latest")
        await until(lambda: load.loaded == frozenset({"tiny:latest"}))
        up.route(PS, json_response({}, 500))
        asked = len(up.calls(PS))
        await until(lambda: len(up.calls(PS)) > asked + 2)
        assert load.loaded == frozenset({"tiny:latest"})


async def test_what_is_loaded_is_read_when_a_model_has_been_loaded_and_not_while_it_is(up: ScriptedUpstream) -> None:
    async with probing(ollama("a", up.url), loaded_every=3600) as registry:
        load = first(registry).load
        await until(lambda: load.loaded is not None)
        gate = Gate([json_response({"models": [{"name": "old:latest", "model": "old:latest"}]})])
        up.route(PS, gate)
        load.take("new:latest")
        load.answered("new:latest", 1.0)
        await until(lambda: len(up.calls(PS)) == 2)
        load.take("newer:latest")
        gate.open()
        await until(lambda: idle_at(first(registry)) > 0)
        assert load.loaded == frozenset({"new:latest", "newer:latest"})
        up.route(PS, json_response({"models": [{"name": "newer:latest", "model": "newer:latest"}]}))
        load.release("new:latest")
        load.release("newer:latest")
        await until(lambda: load.loaded == frozenset({"newer:latest"}))
        assert len(up.calls(PS)) == 3


async def test_only_what_its_kind_has_is_asked_for(up: ScriptedUpstream) -> None:
    async with (
        ScriptedUpstream() as provider,
        probing(UpstreamConfig("p", OPENAI, provider.url), ollama("a", up.url)) as registry,
    ):
        await until(lambda: len(up.calls(VERSION)) > 2)
        assert provider.requests == []
        assert first(registry).load.loaded is None


async def test_upstreams_come_and_go(up: ScriptedUpstream) -> None:
    async with ScriptedUpstream() as other:
        other.route(PS, json_response({"models": []}))
        async with probing() as registry:
            registry.add(ollama("a", up.url))
            await until(lambda: bool(up.calls(VERSION)))
            registry.replace(ollama("a", other.url))
            await until(lambda: bool(other.calls(VERSION)))
            asked = len(up.calls(VERSION))
            await until(lambda: len(other.calls(VERSION)) > 5)
            assert len(up.calls(VERSION)) == asked
            registry.remove("a")
            registry.add(UpstreamConfig("b", OLLAMA, up.url, state="disabled"))
            registry.add(ollama("c", up.url))
            await until(lambda: len(up.calls(VERSION)) > asked)
            disabled, _ = registry
            assert disabled.health.alive is None
