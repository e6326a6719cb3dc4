"""What a single model is: as the upstream describes it that does, else as its list says."""

import asyncio

import pytest

from tests.gateway.conftest import TEST
from tests.gateway.test_limits import limit
from tests.scripted import json_response
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA
from tollkeeper.services.upstreams.config import UpstreamConfig

SHOWN = {"modelfile": "FROM /x", "details": {"family": "llama"}, "capabilities": ["completion"], "model_info": {"a": 1}}


async def show(gateway, **fields):
    return await gateway.client.post("/api/show", json=fields)


@pytest.mark.parametrize("fields", [{"model": "tiny"}, {"name": "TINY:latest"}, {"model": "best"}])
async def test_it_is_what_the_ollama_says_by_any_name(gateway, up, fields):
    await gateway.context.aliases.replace({"best": ["tiny"]}, TEST)
    up.route("POST /api/show", json_response(SHOWN))
    answer = await show(gateway, **fields, verbose=True)
    assert (answer.status_code, answer.json()) == (200, SHOWN)
    assert up.requests[-1].json == {"model": "tiny:latest", "verbose": True}
    assert await gateway.records() == []


async def test_a_model_of_a_provider_is_described_by_what_is_known_of_it(start, up):
    up.route("GET /v1/models", json_response({"data": [{"id": "claude"}]}))
    provider = UpstreamConfig("a", ANTHROPIC, up.url, open=True)
    async with start(upstreams=[provider]) as gateway:
        told = (await show(gateway, model="claude")).json()
        assert (told["details"]["family"], told["capabilities"][0]) == ("anthropic", "completion")
    assert not up.calls("POST /api/show")


async def test_an_unknown_one_and_one_that_is_not_allowed(gateway):
    assert (await show(gateway, model="none")).status_code == 404
    assert "'model' is missing" in (await show(gateway)).json()["error"]
    await limit(gateway, allowed_models=["eye"])
    assert (await show(gateway, model="tiny")).status_code == 403


async def test_another_upstream_is_asked_where_the_first_fails(start, up):
    pool = [UpstreamConfig(name, OLLAMA, up.url) for name in ("a", "b")]
    async with start(upstreams=pool) as gateway:
        await gateway.context.facts.fetch_missing()
        answers = [json_response({"error": "no"}, 500), json_response(SHOWN)]

        async def script(conn, request):
            await conn.send(answers.pop(0))

        up.route("POST /api/show", script)
        assert (await show(gateway, model="tiny")).json() == SHOWN
        up.route("POST /api/show", json_response({"error": "a secret"}, 500))
        failed = await show(gateway, model="tiny")
        assert (failed.status_code, "secret" in failed.text) == (502, False)
        assert "does not describe 'tiny:latest'" in failed.json()["error"]


async def test_who_asks_for_the_same_at_once_shares_one_request(gateway, up):
    await gateway.context.facts.fetch_missing()
    asked, go = asyncio.Event(), asyncio.Event()

    async def script(conn, request):
        asked.set()
        await go.wait()
        await conn.send(json_response(SHOWN))

    up.route("POST /api/show", script)
    before = len(up.calls("POST /api/show"))
    first = asyncio.create_task(show(gateway, model="tiny"))
    await asked.wait()
    rest = [asyncio.create_task(show(gateway, model=name)) for name in ("tiny", "TINY", "tiny:latest")]
    while len(gateway.server.state.running) < 4:
        await asyncio.sleep(0.005)
    first.cancel()  # whose leaving changes nothing for the others
    go.set()
    assert [(await each).json() for each in rest] == [SHOWN] * 3
    assert len(up.calls("POST /api/show")) == before + 1


async def test_a_long_request_is_refused(gateway):
    answer = await show(gateway, model="tiny", system="x" * 100_000)
    assert answer.status_code == 413
