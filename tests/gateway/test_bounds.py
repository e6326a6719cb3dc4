"""What a budget holds for a request is never less than what it uses; what cannot be bounded does not go out."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.gateway.conftest import ask, running
from tests.gateway.test_bad_input import check
from tests.gateway.test_limits import BEARER, limit, usage
from tests.scripted import chat_answer, json_response
from tollkeeper.rules.image_tokens import DEAREST
from tollkeeper.rules.kinds import OPENAI, OPENAI_COMPATIBLE
from tollkeeper.services.upstreams.config import UpstreamConfig

PNG = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Erk"
    "Jggg=="
)
CHAT = "POST /v1/chat/completions"
PRICE = {"input_usd_per_mtok": "1", "output_usd_per_mtok": "10", "cache_write_usd_per_mtok": "1.25"}


def image(**fields):
    content = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": PNG}}]
    return ask(messages=[{"role": "user", "content": content}], **fields)


def user_says(*parts):
    return {"messages": [{"role": "user", "content": [*parts]}]}


@pytest.fixture
async def provider(tmp_path, up):
    """With two models, both priced, of a provider."""
    up.always(json_response(chat_answer(usage=(5, 2))))
    models = ("gpt-4o-mini", "gpt-4o", "gpt-x")
    config = UpstreamConfig("p", OPENAI, up.url, models=models, open=True)
    up.route("GET /v1/models", json_response({"data": []}))
    async with running(tmp_path, up.url, upstreams=[config]) as gateway:
        for model in models:
            await gateway.client.put("/admin/prices", json={"model": model, **PRICE}, headers=BEARER)
        yield gateway


@pytest.fixture
async def server(tmp_path, up):
    """A server of one's own, with one model."""
    up.always(json_response(chat_answer(usage=(5, 2))))
    up.route("GET /v1/models", json_response({"data": [{"id": "gpt-x"}]}))
    async with running(
        tmp_path, up.url, upstreams=[UpstreamConfig("s", OPENAI_COMPATIBLE, up.url, open=True)]
    ) as gateway:
        yield gateway


@pytest.mark.parametrize(("model", "most"), [("gpt-4o-mini", 48_169), ("gpt-4o", 1_445), ("gpt-x", DEAREST)])
async def test_an_image_of_a_provider_is_held_as_its_model_may_count_it(provider, up, model, most):
    body = image(model=model, max_tokens=20)
    text = len(json.dumps(body).encode()) - len(PNG)
    await limit(provider, tokens_total=most + text)
    check(await provider.client.post("/v1/chat/completions", json=body), 400, "limit_too_small")
    await limit(provider, tokens_total=most + 64 + text + 20)
    up.answer(json_response(chat_answer(usage=(most, 20))))
    assert (await provider.client.post("/v1/chat/completions", json=body)).status_code == 200
    reading = (await usage(provider))["tokens_total"]
    assert reading["used"] <= reading["limit"]


async def test_an_image_of_ollama_is_held_as_its_projector_tells(gateway, up):
    shown = {"capabilities": ["completion", "vision"], "projector_info": {
        "general.architecture": "clip", "clip.vision.image_size": 336, "clip.vision.patch_size": 14}}  # fmt: skip
    up.route("POST /api/show", json_response(shown))
    await limit(gateway, tokens_total=5 * 576)
    check(await gateway.client.post("/v1/chat/completions", json=image(max_tokens=9)), 400, "limit_too_small")
    await limit(gateway, tokens_total=5 * 576 + 600)
    assert (await gateway.client.post("/v1/chat/completions", json=image(max_tokens=9))).status_code == 200


async def test_a_bill_that_must_be_estimated_takes_a_typical_image_and_not_the_bound(provider, up):
    body = image(model="gpt-4o-mini", max_tokens=20)
    await limit(provider, tokens_total=100_000)
    silent = {name: value for name, value in chat_answer().items() if name != "usage"}
    up.answer(json_response(silent))
    assert (await provider.client.post("/v1/chat/completions", json=body)).status_code == 200
    record = await provider.record()
    assert record.usage.estimated
    assert 1_000 < record.usage.prompt_tokens < 1_200


FILE = {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}}
OUTSIDE = [
    ({"web_search_options": {}}, "web_search_options"),
    ({"plugins": [{"id": "web"}]}, "plugins"),
    ({"search_parameters": {"mode": "on"}}, "search_parameters"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp"}]}, "tools[1].type"),
    ({"tools": [{"google_search": {}}]}, "tools[0].type"),
    ({"tools": [{"name": "f", "server_url": "https://a.example/"}]}, "tools[0].server_url"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}]}, "tools[0].tools[0].type"),
    ({"messages": [{"role": "assistant", "audio": {"url": "x"}}]}, "messages[0].audio"),
    ({"messages": [{"role": "user", "content": "x", "urls": ["u"]}]}, "messages[0].urls"),
    ({"messages": [{"role": "user", "content": {"url": "https://a.example/"}}]}, "messages[0].content"),
    (user_says({"type": "file", "file": {"file_url": "f"}}), "messages[0].content[0].file.file_url"),
    (user_says(FILE, {"type": "file", "file": {"file_data": "https://a.example/b.pdf"}}),
     "messages[0].content[1].file.file_data"),
    (user_says({"type": "input_audio", "input_audio": {"data": "https://a.example/b.mp3", "format": "mp3"}}),
     "messages[0].content[0].input_audio.data"),
    (user_says({"type": "video_url", "video_url": {"url": "https://a.example/b.mp4"}}), "messages[0].content[0].type"),
    (user_says({"type": "text", "text": "x", "video_url": {"url": "https://a.example/b.mp4"}}),
     "messages[0].content[0].video_url"),
    (user_says({"video": "https://a.example/b.mp4"}), "messages[0].content[0].video"),
    (user_says({"type": ["text"], "text": "x"}), "messages[0].content[0].type"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "param"), OUTSIDE)
async def test_input_from_elsewhere_has_no_bound_for_a_budget(provider, up, fields, param):
    assert (await provider.chat(model="gpt-x", max_tokens=20, **fields)).status_code == 200
    await limit(provider, requests_per_minute=100, tokens_per_minute=100_000)
    assert (await provider.chat(model="gpt-x", max_tokens=20, **fields)).status_code == 200
    await limit(provider, tokens_per_month=1_000_000)
    sent = len(up.calls(CHAT))
    check(await provider.chat(model="gpt-x", max_tokens=20, **fields), 400, None, param)
    assert len(up.calls(CHAT)) == sent
    await limit(provider, tokens_per_month=None, cost_usd_total=1)
    check(await provider.chat(model="gpt-x", max_tokens=20, **fields), 400, None, param)


@pytest.mark.parametrize(("key", "param"), [("file_\\u0069d", "file.file_id"), ("file_ID", "file.file_ID")])
async def test_a_key_may_be_written_in_any_way(provider, key, param):
    await limit(provider, tokens_total=1_000_000)
    part = f'{{"type":"file","file":{{"{key}":"f"}}}}'
    body = f'{{"model":"gpt-x","max_tokens":9,"messages":[{{"role":"user","content":[{part}]}}]}}'
    answer = await provider.client.post("/v1/chat/completions", content=body)
    check(answer, 400, None, f"messages[0].content[0].{param}")


async def test_what_stays_within_the_body_goes_out_with_a_budget(provider):
    await limit(provider, tokens_total=1_000_000)
    fields = {
        "messages": [
            {"role": "system", "content": "x"},
            {"role": "assistant", "content": None, "audio": None, "annotations": [], "tool_calls": []},
            {"role": "user", "content": [
                {"type": "text", "text": "see https://a.example/", "cache_control": {"type": "ephemeral"}},
                FILE,
                {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                {"type": "image_url", "image_url": {"url": PNG}},
            ]},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "custom", "custom": {"name": "g"}}],
        "top_k": 5, "prompt_cache_key": "k", "temperature": 0.5, "plugins": None,
    }  # fmt: skip
    answer = await provider.chat(model="gpt-4o", max_tokens=20, **fields)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("field", ["prompt", "input"])
async def test_prompts_kept_elsewhere(provider, field):
    await limit(provider, tokens_total=1_000_000)
    path = "/v1/completions" if field == "prompt" else "/v1/embeddings"
    for value in ({"id": "pmpt_1"}, ["x", {"image": "https://a.example/b.png"}]):
        check(await provider.client.post(path, json={"model": "gpt-x", field: value}), 400, None, field)


@pytest.mark.parametrize("fields", [
    {"session_thing": 1, "options": {"num_ctx": 100, "num_predict": 5}},
    *(fields for fields, param in OUTSIDE if param != "messages[0].content"),
    *({name: 5} for name in ("n_predict", "num_predict", "max_output_tokens", "min_tokens", "best_of")),
])  # fmt: skip
async def test_ollama_passes_over_fields_it_does_not_know_at_every_level(gateway, up, fields):
    up.always(json_response(chat_answer(usage=(5, 2))))
    await limit(gateway, tokens_total=1_000_000, max_tokens_per_request=50)
    answer = await gateway.chat(**fields)
    assert answer.status_code == 200, answer.text


NEUTRAL = [
    *({name: 0} for name in ("min_tokens", "best_of", "n_predict", "ignore_eos")),
    *({name: 1} for name in ("best_of", "min_tokens", "num_beams")),
    {"ignore_eos": False},
    {"plugins": []},
    {"conversation": ""},
    {"previous_response_id": None},
    {"search_parameters": {}},
    {"search_parameters": { }, "google": False, "hops": 0.0},
    {"options": {}},
    {"messages": [{"role": "user", "content": "x", "file_ids": [], "videos": False, "audio": {}}]},
    user_says({"type": "text", "text": "x", "id": "a", "annotations": [], "providerOptions": {}, "video_url": ""}),
]  # fmt: skip


@pytest.mark.parametrize("fields", NEUTRAL)
async def test_a_value_that_asks_for_nothing_is_no_request(server, fields):
    await limit(server, tokens_total=1_000_000)
    answer = await server.chat(model="gpt-x", max_tokens=20, **fields)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        *(({name: 5}, name) for name in (
            "n_predict", "num_predict", "max_output_tokens", "max_new_tokens", "max_length", "min_tokens", "best_of")),
        ({"options": {"num_predict": -1}}, "options.num_predict"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("limits", [{"tokens_total": 100_000}, {"max_tokens_per_request": 9}])
async def test_other_ways_to_ask_for_output_are_refused_where_output_is_limited(server, fields, param, limits):
    assert (await server.chat(model="gpt-x", max_tokens=20, **fields)).status_code == 200
    await limit(server, **limits)
    refused = await server.chat(model="gpt-x", max_tokens=20, **fields)
    # A server that takes no `options` is sent none by those with a budget, whatever they hold.
    check(refused, 400, None, "options" if "options" in fields and "tokens_total" in limits else param)
    nothing = {param.partition(".")[0]: None}
    assert (await server.chat(model="gpt-x", max_tokens=20, **nothing)).status_code == 200


async def test_best_of_counts_where_it_has_a_meaning(gateway, up):
    await limit(gateway, max_tokens_per_request=9)
    body = {"model": "tiny", "prompt": "x", "best_of": 3}
    assert (await gateway.client.post("/v1/completions", json=body)).status_code == 200
    assert up.requests[-1].json["max_tokens"] == 9


async def test_messages_that_a_model_begins_with_are_held(gateway, up):
    preset = [{"role": "user", "content": "lorem " * 2000}]
    up.route("POST /api/show", json_response({"capabilities": ["completion"], "messages": preset}))
    await limit(gateway, tokens_total=300)
    check(await gateway.chat(max_tokens=16), 400, "limit_too_small")


async def test_a_budget_needs_to_know_what_its_model_adds(gateway, up):
    up.always(json_response(chat_answer(usage=(5, 2))))
    up.route("POST /api/show", json_response({"error": "x"}, 500))
    await limit(gateway, tokens_per_minute=1000, max_tokens_per_request=5)
    assert (await gateway.chat()).status_code == 200
    await limit(gateway, tokens_total=300)
    refused = await gateway.chat(max_tokens=16)
    assert "tiny:latest" in check(refused, 503, "upstream_unavailable", kind="server_error")
    assert refused.headers["retry-after"]
    up.route("POST /api/show", json_response({"capabilities": ["completion"]}))
    assert (await gateway.chat(max_tokens=16)).status_code == 200


async def test_an_upstream_that_does_not_describe_its_model_is_not_waited_for_for_ever(gateway, up):
    async def hang(conn, _):
        await conn.hang()

    up.route("POST /api/show", hang)
    gateway.context.facts._patience = 0.05
    await limit(gateway, tokens_total=300)
    async with asyncio.timeout(60):
        check(await gateway.chat(max_tokens=16), 503, "upstream_unavailable", kind="server_error")


async def test_a_budget_set_while_a_model_is_asked_for_is_no_hole(gateway, up):
    """What was not looked through for it does not go out."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def late(conn, _):
        asked.set()
        await answer.wait()
        await conn.send(json_response({"capabilities": ["completion"]}))

    up.route("POST /api/show", late)
    await limit(gateway, tokens_per_minute=1000)
    waiting = asyncio.create_task(gateway.chat(max_tokens=16))
    await asked.wait()
    await limit(gateway, tokens_total=300)
    answer.set()
    refused = await waiting
    check(refused, 503, "server_overloaded", kind="server_error")
    assert refused.headers["retry-after"] == "1"
    assert not up.calls(CHAT)


async def test_a_request_counts_from_the_moment_it_is_admitted_at(gateway, up, monkeypatch):
    """Not from before its model was asked for: its window would have moved on."""
    asked, answer = asyncio.Event(), asyncio.Event()

    async def late(conn, _):
        asked.set()
        await answer.wait()
        await conn.send(json_response({"capabilities": ["completion"]}))

    up.route("POST /api/show", late)
    await limit(gateway, tokens_per_minute=1000, requests_per_minute=5)
    admission = gateway.context.admission
    moments = []
    admit = admission.counters.admit

    async def watched(asked_for, at):
        moments.append(at)
        return await admit(asked_for, at)

    monkeypatch.setattr(admission.counters, "admit", watched)
    waiting = asyncio.create_task(gateway.chat(max_tokens=16))
    await asked.wait()
    told = gateway.context.now()
    while gateway.context.now() <= told + 20:  # the clock goes on while it waits
        await asyncio.sleep(0)
    answer.set()
    assert (await waiting).status_code == 200
    [at] = moments
    assert at > told + 20
    assert (await gateway.record()).created_at == at


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({}, {"max_completion_tokens": 9}),
        ({"max_tokens": None}, {"max_tokens": None, "max_completion_tokens": 9}),
        ({"max_tokens": 50}, {"max_tokens": 9}),
        ({"max_completion_tokens": 50}, {"max_completion_tokens": 9}),
    ],
)
async def test_openai_gets_a_cap_by_the_name_that_its_reasoning_models_take(provider, up, fields, sent):
    await limit(provider, max_tokens_per_request=9)
    assert (await provider.chat(model="gpt-x", **fields)).status_code == 200
    assert {name: value for name, value in up.requests[-1].json.items() if name.startswith("max_")} == sent


async def test_openais_completions_know_only_the_older_name(provider, up):
    await limit(provider, max_tokens_per_request=9)
    await provider.client.post("/v1/completions", json={"model": "gpt-x", "prompt": "x"})
    assert up.requests[-1].json == {"model": "gpt-x", "prompt": "x", "max_tokens": 9}


async def test_what_is_written_to_a_cache_is_recorded_and_priced(provider, up):
    answer = chat_answer(usage=(1000, 10))
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": 200, "cache_write_tokens": 500}
    up.answer(json_response(answer))
    response = await provider.chat(model="gpt-x")
    record = await provider.record()
    assert (record.usage.cached_tokens, record.usage.cache_write_tokens) == (200, 500)
    assert record.cost_pico == 500 * 1_000_000 + 500 * 1_250_000 + 10 * 10_000_000
    assert response.headers["x-cost-usd"] == "0.001225"
    listed = (await provider.client.get("/v1/usage")).json()["data"][0]
    assert listed["cache_write_tokens"] == 500


async def test_what_is_kept_in_a_cache_for_an_hour_is_recorded_and_priced_by_itself(provider, up):
    price = {"model": "gpt-x", **PRICE, "cache_write_1h_usd_per_mtok": "2"}
    assert (await provider.client.put("/admin/prices", json=price, headers=BEARER)).status_code == 200
    answer = chat_answer(usage=(1000, 10))
    answer["usage"] |= {"cache_creation_input_tokens": 500, "cache_creation": {"ephemeral_1h_input_tokens": 300}}
    up.answer(json_response(answer))
    response = await provider.chat(model="gpt-x")
    record = await provider.record()
    assert (record.usage.cache_write_tokens, record.usage.cache_write_1h_tokens) == (500, 300)
    assert record.cost_pico == 500 * 1_000_000 + 200 * 1_250_000 + 300 * 2_000_000 + 10 * 10_000_000
    assert response.headers["x-cost-usd"] == "0.00145"
    listed = (await provider.client.get("/v1/usage")).json()["data"][0]
    assert (listed["cache_write_tokens"], listed["cache_write_1h_tokens"]) == (500, 300)


@pytest.mark.parametrize(("said", "counts"), [(2**40, True), (2**40 + 1, False), (2**60, False)])
async def test_an_absurd_count_is_the_same_in_the_record_and_in_the_counters(gateway, up, said, counts):
    await limit(gateway, tokens_total=1000)
    up.answer(json_response(chat_answer(usage=(said, 1))))
    assert (await gateway.chat(max_tokens=5)).status_code == 200
    record = await gateway.record()
    assert (await usage(gateway))["tokens_total"]["used"] == record.usage.total_tokens
    assert (record.usage.prompt_tokens == said, record.usage.estimated) == (counts, not counts)


async def test_more_output_than_was_allowed_is_shown(gateway, up):
    async def shown():
        text = (await gateway.client.get("/metrics", headers=BEARER)).text
        return 'tollkeeper_overshoots_total{upstream="default"} 1.0' in text

    up.always(json_response(chat_answer(usage=(5, 10))))
    await limit(gateway, tokens_total=1000)
    await gateway.chat(max_tokens=5, n=2)
    assert not await shown()
    await gateway.chat(max_tokens=5)
    assert await shown()


@pytest.mark.parametrize("name", ["tiny", "Tiny", "library/tiny", "tiny:latest"])
async def test_a_price_may_name_its_model_as_people_write_it(gateway, up, name):
    up.always(json_response(chat_answer(usage=(1_000_000, 0))))
    price = {"model": name, "input_usd_per_mtok": "2", "output_usd_per_mtok": "0"}
    assert (await gateway.client.put("/admin/prices", json=price, headers=BEARER)).status_code == 200
    assert (await gateway.chat()).headers["x-cost-usd"] == "2"
    listed = (await gateway.client.get("/v1/models/tiny")).json()
    assert listed["pricing"]["input_usd_per_mtok"] == "2"
