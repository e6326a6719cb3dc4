"""Two upstreams that have the same model, one that comes and goes, and one of a new kind."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_limits import limit
from tests.scripted import Gate, ScriptedUpstream, chat_answer, chat_chunks, json_response, sse
from tests.services.upstreams.http.helpers import until
from tests.shapes import STREAM_HEAD, chunked
from tollkeeper.rules.kinds import OLLAMA, Kind
from tollkeeper.services.upstreams.config import UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
CHAT = "POST /v1/chat/completions"


@pytest.fixture
async def second():
    async with ScriptedUpstream({"tiny:latest": ("completion",)}) as upstream:
        upstream.always(json_response(chat_answer("second", usage=(5, 2))))
        yield upstream


@pytest.fixture
async def both(start, up, second):
    """Two upstreams, of which both have `tiny`."""
    up.always(json_response(chat_answer("first", usage=(5, 2))))
    upstreams = [UpstreamConfig("z-first", OLLAMA, up.url), UpstreamConfig("a-second", OLLAMA, second.url)]
    async with start(upstreams=upstreams) as gateway:
        await gateway.context.catalog.refresh()
        yield gateway


async def said(gateway) -> str:
    answer = await gateway.chat()
    assert answer.status_code == 200, answer.text
    text: str = answer.json()["choices"][0]["message"]["content"]
    return text


async def test_a_model_shows_every_place_and_is_one_model(both):
    shown = (await both.client.get("/admin/models", headers=AS_ADMIN)).json()["data"]
    assert [(model["name"], model["upstream"], model["upstreams"]) for model in shown] == [
        ("eye:latest", "z-first", ["z-first"]),
        ("tiny:latest", "z-first", ["z-first", "a-second"]),
    ]
    counts = (await both.client.get("/admin/upstreams", headers=AS_ADMIN)).json()["data"]
    assert [(upstream["id"], upstream["model_count"]) for upstream in counts] == [("z-first", 2), ("a-second", 1)]
    assert [model["id"] for model in (await both.client.get("/v1/models")).json()["data"]] == [
        "eye:latest",
        "tiny:latest",
    ]


async def test_the_first_that_was_registered_answers_every_time(both, up, second):
    assert [await said(both) for _ in range(3)] == ["first"] * 3
    assert (len(up.calls(CHAT)), len(second.calls(CHAT))) == (3, 0)
    assert {record.upstream for record in await both.records()} == {"z-first"}


async def test_requests_move_when_one_is_removed_and_back_when_it_returns(both, up):
    registry = both.context.registry
    assert await said(both) == "first"
    registry.remove("z-first")
    assert await said(both) == "second"
    assert [record.upstream for record in await both.records()] == ["a-second", "z-first"]
    registry.remove("a-second")
    assert (await both.chat()).status_code == 503
    registry.add(UpstreamConfig("z-first", OLLAMA, up.url))
    assert await said(both) == "first"


async def test_one_that_is_replaced_answers_from_its_new_address(both, up, second):
    both.context.registry.remove("a-second")
    assert await said(both) == "first"
    both.context.registry.replace(UpstreamConfig("z-first", OLLAMA, second.url))
    assert await said(both) == "second"
    assert {record.upstream for record in await both.records()} == {"z-first"}


async def test_a_request_that_waits_while_its_upstream_is_saved_is_served_by_it(start, up, second):
    """Later ones wait for what the upstream is by then, and those before them get that, too."""
    gates = [Gate([json_response(chat_answer(name, usage=(5, 2)))]) for name in "abc"]
    up.answer(*gates)
    first, other = (UpstreamConfig(name, OLLAMA, of.url, slots=1) for name, of in (("first", up), ("second", second)))
    await second.stop_listening()
    async with start(upstreams=[first, other]) as gateway:
        line, registry = gateway.context.selection.line, gateway.context.registry
        second.models = up.models
        async with ScriptedUpstream({"tiny:latest": ("completion",)}, port=second.port) as back:
            busy = Gate([json_response(chat_answer("d", usage=(5, 2)))])
            back.answer(busy)
            await gateway.context.catalog.refresh()
            running = [asyncio.create_task(said(gateway)) for _ in range(2)]
            await until(lambda: bool(up.calls(CHAT)) and bool(back.calls(CHAT)))
            early = asyncio.create_task(said(gateway))
            await until(lambda: len(line) == 1)
            registry.replace(first)
            await gateway.context.catalog.refresh()
            late = asyncio.create_task(said(gateway))
            await until(lambda: len(line) == 2)
            for gate in gates:
                gate.open()
            assert list(await asyncio.gather(early, late)) == ["b", "c"]
            busy.open()
            assert sorted(await asyncio.gather(*running)) == ["a", "d"]


@pytest.mark.parametrize("change", ["remove", "replace"])
async def test_requests_in_flight_end_well(both, up, second, change):
    events = sse(*chat_chunks(["a", "b"]))
    gate = Gate([STREAM_HEAD + chunked(events[0], end=False), chunked(b"".join(events[1:]))])
    up.always(gate)
    client = next(iter(both.context.registry)).client
    streaming = asyncio.create_task(both.client.post("/v1/chat/completions", json=ask(stream=True)))
    gate.open()
    await until(lambda: bool(up.calls(CHAT)))
    if change == "remove":
        both.context.registry.remove("z-first")
    else:
        both.context.registry.replace(UpstreamConfig("z-first", OLLAMA, second.url))
    assert await said(both) == "second"
    gate.open()
    answer = await streaming
    assert answer.text.endswith("data: [DONE]\n\n")
    newest, oldest = await both.records()
    assert (oldest.upstream, oldest.status, newest.status) == ("z-first", "completed", "completed")
    await until(lambda: not client.statistics().open)  # nothing of it is kept alive


async def test_a_request_that_had_found_its_upstream_goes_elsewhere_if_that_is_removed_before_it_is_sent(both, up):
    """Its facts are asked for in between, which takes as long as the upstream likes."""
    shown = Gate([json_response({"capabilities": ["completion"]})])
    up.route("POST /api/show", shown)
    await limit(both, tokens_per_day=100_000)
    asking = asyncio.create_task(said(both))
    await until(lambda: bool(up.calls("POST /api/show")))
    both.context.registry.remove("z-first")
    shown.open()
    assert await asking == "second"
    assert (await both.record()).upstream == "a-second"


async def test_a_new_kind_is_one_more_entry_of_the_table(start, up):
    """No line of code knows it: it lists as Ollama does, costs money, and takes caps by their newer name."""
    made_up = Kind(name="made-up", lists_by="/api/tags", newer_cap=True, default_tag=":best", name_prefix="shop/")
    up.models = {"tiny:best": ("completion",)}
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start(upstreams=[UpstreamConfig("new", made_up, up.url, open=True)]) as gateway:
        assert (await gateway.chat(model="Shop/Tiny")).json()["error"]["code"] == "model_not_priced"
        price = {"model": "tiny:best", "input_usd_per_mtok": "1", "output_usd_per_mtok": "10"}
        assert (await gateway.client.put("/admin/prices", json=price, headers=AS_ADMIN)).status_code == 200
        await limit(gateway, max_tokens_per_request=7)
        answer = await gateway.chat(model="Shop/Tiny")
        assert (answer.status_code, answer.headers["x-cost-usd"]) == (200, "0.000025")
        (sent,) = up.calls(CHAT)
        assert json.loads(sent.body) | {"messages": None} == {
            "model": "tiny:best",
            "messages": None,
            "max_completion_tokens": 7,
        }
        record = await gateway.record()
        assert (record.upstream, record.model, record.requested_model) == ("new", "tiny:best", "Shop/Tiny")
        (shown,) = (await gateway.client.get("/admin/upstreams", headers=AS_ADMIN)).json()["data"]
        assert (shown["kind"], shown["model_count"]) == ("made-up", 1)
