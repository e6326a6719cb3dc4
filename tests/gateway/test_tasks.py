"""Moderation, speech, transcription, images and reranking, through the whole gateway: what passes, what it costs, what
the record says, and what a budget refuses."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN
from tests.gateway.provider_shapes import openai_models
from tests.gateway.test_limits import limit
from tests.scripted import ScriptedUpstream, json_response, response, sse, streamed
from tests.shapes import chunked, head
from tollkeeper.rules.kinds import OPENAI, OPENAI_COMPATIBLE, SPOKEN, Kind
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}
AUDIO_HEAD = head(200, "Content-Type: audio/mpeg", "Transfer-Encoding: chunked")
TEXT_PRICE = {"input_usd_per_mtok": "2", "output_usd_per_mtok": "8"}
FREE = {"input_usd_per_mtok": "0", "output_usd_per_mtok": "0"}
EVERYTHING = tuple(path for paths in SPOKEN.values() for path in paths)
IMAGES = {"created": 1, "data": [{"b64_json": "aGk="}, {"b64_json": "aG8="}]}


def config(kind: Kind, at: ScriptedUpstream, **more: Any) -> UpstreamConfig:
    at.route("GET /v1/models", json_response(openai_models("Tasks-1")))
    return UpstreamConfig("up", kind, f"{at.url}/v1", secret=Secret("sk-of-the-upstream"), open=True, **more)


@asynccontextmanager
async def serving(start, up, kind=OPENAI, price: dict[str, str] | None = None, speaks=EVERYTHING, **settings: Any):
    async with start(upstreams=[config(kind, up, speaks=speaks)], **settings) as gateway:
        await gateway.context.catalog.refresh()
        if price is not None:
            put = await gateway.client.put("/admin/prices", json={"model": "tasks-1", **price}, headers=AS_ADMIN)
            assert put.status_code == 200, put.text
        yield gateway


def form(**fields: str) -> dict[str, Any]:
    return {
        "data": {"model": "tasks-1", **fields},
        "files": {"file": ("a.wav", b"RIFF\r\n--x\x00\xff" * 9, "audio/wav")},
    }


async def post(gateway, path: str, **fields: Any):
    return await gateway.client.post(f"/v1/{path}", json={"model": "tasks-1"} | fields)


async def test_a_moderation_passes_and_has_no_tokens(start, up):
    answer = {"id": "modr-1", "model": "Tasks-1", "results": [{"flagged": False}]}
    async with serving(start, up, price=FREE | {"usd_per_request": "0.001"}) as gateway:
        up.answer(json_response(answer))
        got = await post(gateway, "moderations", input=["hi", "ho"])
        assert (got.status_code, got.json()) == (200, answer | {"model": "tasks-1"})
        assert got.headers["x-cost-usd"] == "0.001"
        (call,) = up.calls("POST /v1/moderations")
        assert call.json == {"model": "Tasks-1", "input": ["hi", "ho"]}
        record = await gateway.record()
        assert (record.endpoint, record.status, record.stream) == ("/v1/moderations", "completed", False)
        assert (record.usage.total_tokens, record.usage.estimated, record.cost_pico) == (0, False, 10**9)


async def test_a_moderation_without_a_model_asks_for_openais_own(start, up):
    async with serving(start, up, price=FREE) as gateway:
        got = await gateway.client.post("/v1/moderations", json={"input": "hi"})
        assert (got.status_code, got.json()["error"]["code"]) == (404, "model_not_found")
        assert "omni-moderation-latest" in got.json()["error"]["message"]
        put = {"omni-moderation-latest": ["tasks-1"]}
        assert (await gateway.client.put("/admin/aliases", json=put, headers=AS_ADMIN)).status_code == 200
        up.answer(json_response({"results": []}))
        assert (await gateway.client.post("/v1/moderations", json={"input": "hi"})).status_code == 200
        assert up.calls("POST /v1/moderations")[0].json == {"model": "Tasks-1", "input": "hi"}


async def test_speech_passes_byte_by_byte_as_it_is_made(start, up):
    arrived = asyncio.Event()

    async def script(conn, request):
        assert request.json == {"model": "Tasks-1", "input": "grüß dich", "voice": "alloy"}
        await conn.send(AUDIO_HEAD)
        await conn.send_chunk(b"\xff\xfb first")
        await arrived.wait()
        await conn.send_chunk(b'"model":"Tasks-1"')
        await conn.end_chunks()

    async with serving(start, up, price=FREE | {"speech_usd_per_mchar": "15"}) as gateway:
        up.answer(script)
        body = {"model": "tasks-1", "input": "grüß dich", "voice": "alloy"}
        async with gateway.client.stream("POST", "/v1/audio/speech", json=body) as got:
            assert (got.status_code, got.headers["content-type"]) == (200, "audio/mpeg")
            pieces = got.aiter_raw()
            assert await anext(pieces) == b"\xff\xfb first"
            arrived.set()
            assert b"".join([piece async for piece in pieces]) == b'"model":"Tasks-1"', "audio is never edited"
        record = await gateway.record()
        assert (record.usage.characters, record.usage.total_tokens, record.usage.estimated) == (9, 0, False)
        assert (record.status, record.cost_pico) == ("completed", 9 * 15_000_000)
        assert record.first_token_ms is not None


async def test_speech_that_breaks_off_is_a_broken_connection_and_costs_its_characters(start, up):
    async with serving(start, up, price=FREE | {"speech_usd_per_mchar": "15"}) as gateway:
        up.answer(AUDIO_HEAD + chunked(b"\xff\xfb first", end=False) + b"zz")
        with pytest.raises(Exception, match="peer closed"):
            await post(gateway, "audio/speech", input="hello")
        record = await gateway.record()
        assert (record.status, record.usage.characters, record.cost_pico) == ("failed", 5, 5 * 15_000_000)


async def test_speech_that_is_cancelled_before_it_begins_costs_its_characters(start, up):
    sent = asyncio.Event()

    async def script(conn, _):
        sent.set()
        await conn.hang()

    async with serving(start, up, price=FREE | {"speech_usd_per_mchar": "15"}) as gateway:
        up.answer(script)
        task = asyncio.create_task(post(gateway, "audio/speech", input="hello"))
        await sent.wait()
        task.cancel()
        record = await gateway.record()
        assert (record.status, record.usage.characters, record.cost_pico) == ("cancelled", 5, 5 * 15_000_000)
        assert not gateway.context.requests.active


async def test_a_page_is_no_speech(start, up):
    async with serving(start, up, price=FREE) as gateway:
        up.answer(response(b"<html>", content_type="text/html"))
        got = await post(gateway, "audio/speech", input="hello")
        assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_unavailable")
        assert (await gateway.record()).cost_pico == 0


async def test_speech_in_events_is_metered_by_its_last(start, up):
    usage = {"input_tokens": 14, "output_tokens": 101, "total_tokens": 115}
    events = sse(
        {"type": "speech.audio.delta", "audio": "aGk="}, {"type": "speech.audio.done", "usage": usage}, done=False
    )
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        up.answer(streamed(*events))
        got = await post(gateway, "audio/speech", input="hello", stream_format="sse")
        assert (got.status_code, got.headers["content-type"]) == (200, "text/event-stream")
        assert got.content == b"".join(events)
        record = await gateway.record()
        assert (record.usage.prompt_tokens, record.usage.completion_tokens, record.usage.characters) == (14, 101, 5)
        assert record.cost_pico == (14 * 2 + 101 * 8) * 10**6


async def test_speech_that_no_price_can_count_is_refused_where_it_is_paid(start, up):
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        got = await post(gateway, "audio/speech", input="hello")
        assert (got.status_code, got.json()["error"]["code"]) == (403, "model_not_priced")
        assert "speech_usd_per_mchar" in got.json()["error"]["message"]
    assert not up.calls("POST /v1/audio/speech")


@pytest.mark.parametrize(
    ("report", "audio_ms", "tokens", "cost"),
    [
        ({"usage": {"type": "duration", "seconds": 3}}, 3000, 0, 300_000_000),
        ({"duration": 8.47, "segments": []}, 8470, 0, 847_000_000),
        (
            {"usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59}},
            0,
            59,
            388_000_000,
        ),
    ],
)
async def test_a_transcription_is_metered_by_what_it_reports(start, up, report, audio_ms, tokens, cost):
    async with serving(start, up, price=TEXT_PRICE | {"audio_usd_per_minute": "0.006"}) as gateway:
        up.answer(json_response({"text": "hello"} | report))
        sent = form(response_format="verbose_json", user="me@here")
        got = await gateway.client.post("/v1/audio/transcriptions", **sent)
        assert (got.status_code, got.json()) == (200, {"text": "hello"} | report)
        record = await gateway.record()
        assert (record.usage.audio_ms, record.usage.total_tokens, record.cost_pico) == (audio_ms, tokens, cost)
        assert not record.usage.estimated
        assert Decimal(got.headers["x-cost-usd"]) == Decimal(cost) / 10**12
        (call,) = up.calls("POST /v1/audio/transcriptions")
        assert b'name="model"\r\n\r\nTasks-1\r\n' in call.body
        assert sent["files"]["file"][1] in call.body
        assert b"me@here" not in call.body, "names of the client's users stay here"
        boundary = call.body.split(b"\r\n", 1)[0].removeprefix(b"--")
        assert call.header("content-type") == b"multipart/form-data; boundary=" + boundary


async def test_a_transcript_as_text_is_metered_too(start, up):
    async with serving(start, up, price=FREE | {"audio_usd_per_minute": "0.006"}) as gateway:
        up.answer(json_response({"text": "hello\nyou", "usage": {"type": "duration", "seconds": 60}}))
        got = await gateway.client.post("/v1/audio/transcriptions", **form(response_format="text"))
        assert (got.text, got.headers["content-type"]) == ("hello\nyou\n", "text/plain; charset=utf-8")
        assert b'name="response_format"\r\n\r\njson\r\n' in up.calls("POST /v1/audio/transcriptions")[0].body
        assert got.headers["x-cost-usd"] == "0.006"


async def test_a_translation_is_metered_by_verbose_json_where_minutes_are_priced(start, up):
    async with serving(start, up, price=FREE | {"audio_usd_per_minute": "0.006"}) as gateway:
        up.answer(json_response({"text": "hello", "duration": 30.0, "segments": [{"id": 0}]}))
        got = await gateway.client.post("/v1/audio/translations", **form())
        assert got.json() == {"text": "hello"}
        assert b'name="response_format"\r\n\r\nverbose_json\r\n' in up.calls("POST /v1/audio/translations")[0].body
        assert got.headers["x-cost-usd"] == "0.003"


async def test_subtitles_are_metered_by_their_last_time(start, up):
    subtitles = "1\n00:00:00,000 --> 00:00:02,500\nhello\n\n2\n00:00:02,500 --> 00:01:00,250\nyou\n"
    async with serving(start, up, price=FREE | {"audio_usd_per_minute": "0.006"}) as gateway:
        up.answer(response(subtitles.encode(), content_type="text/plain"))
        got = await gateway.client.post("/v1/audio/transcriptions", **form(response_format="srt"))
        assert (got.text, got.headers["content-type"]) == (subtitles, "text/plain; charset=utf-8")
        record = await gateway.record()
        assert (record.usage.audio_ms, record.usage.estimated, record.cost_pico) == (60_250, True, 6_025_000_000)


async def test_a_streamed_transcription_ends_once_it_is_durable(start, up):
    usage = {"type": "tokens", "input_tokens": 7, "output_tokens": 2, "total_tokens": 9}
    events = sse(
        {"type": "transcript.text.delta", "delta": "hel"},
        {"type": "transcript.text.done", "text": "hello", "usage": usage},
    )
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        up.answer(streamed(*events))
        got = await gateway.client.post("/v1/audio/transcriptions", **form(stream="true"))
        assert got.content == b"".join(events)
        record = await gateway.record()
        assert (record.stream, record.usage.prompt_tokens, record.usage.completion_tokens) == (True, 7, 2)


async def test_a_stream_of_events_that_breaks_off_ends_with_an_error_event(start, up):
    events = sse({"type": "transcript.text.delta", "delta": "hel"}, done=False)
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        up.answer(streamed(*events, end=True))
        got = await gateway.client.post("/v1/audio/transcriptions", **form(stream="true"))
        assert got.content.startswith(events[0])
        assert json.loads(got.content.removeprefix(events[0] + b"data: "))["error"]["code"] == "upstream_unavailable"
        assert (await gateway.record()).status == "failed"


async def test_images_are_counted_and_priced(start, up):
    async with serving(start, up, price=FREE | {"usd_per_image": "0.04"}) as gateway:
        up.answer(json_response(IMAGES))
        got = await post(gateway, "images/generations", prompt="a cat", n=2, user="me")
        assert got.json() == IMAGES
        (call,) = up.calls("POST /v1/images/generations")
        assert (call.json["model"], call.json["n"]) == ("Tasks-1", 2)
        assert call.json["user"] not in ("me", "alice")
        record = await gateway.record()
        assert (record.usage.images, record.usage.estimated, record.cost_pico) == (2, False, 80_000_000_000)


async def test_an_image_of_megabytes_is_counted_in_steps(start, up):
    usage = {"input_tokens": 50, "output_tokens": 1056, "total_tokens": 1106}
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        up.answer(json_response({"data": [{"b64_json": "A" * 3_000_000}], "usage": usage}))
        got = await post(gateway, "images/generations", prompt="a cat")
        assert len(got.json()["data"][0]["b64_json"]) == 3_000_000
        record = await gateway.record()
        assert (record.usage.images, record.usage.prompt_tokens, record.usage.completion_tokens) == (1, 50, 1056)


async def test_streamed_images_are_counted(start, up):
    usage = {"input_tokens": 50, "output_tokens": 1056, "total_tokens": 1106}
    partial = {"type": "image_generation.partial_image", "b64_json": "A" * 600_000, "partial_image_index": 0}
    events = sse(partial, {"type": "image_generation.completed", "b64_json": "B" * 600_000, "usage": usage}, done=False)
    async with serving(start, up, price=TEXT_PRICE) as gateway:
        up.answer(streamed(*events))
        got = await post(gateway, "images/generations", prompt="a cat", stream=True, partial_images=1)
        assert got.content == b"".join(events)
        record = await gateway.record()
        assert (record.usage.images, record.usage.prompt_tokens, record.usage.completion_tokens) == (1, 50, 1056)


@pytest.mark.parametrize("path", ["images/edits", "images/variations"])
async def test_edits_and_variations_are_forms(start, up, path):
    async with serving(start, up, price=FREE | {"usd_per_image": "0.04"}) as gateway:
        up.answer(json_response(IMAGES))
        files = [
            ("image[]", ("a.png", b"\x89PNG\r\n\x1a\n", "image/png")),
            ("image[]", ("b.png", b"\x89PNG", "image/png")),
        ]
        got = await gateway.client.post(f"/v1/{path}", data={"model": "tasks-1", "n": "2"}, files=files)
        assert (got.status_code, got.json()) == (200, IMAGES)
        assert (await gateway.record()).usage.images == 2


async def test_reranking_is_metered_by_its_tokens(start, up):
    answer = {"model": "Tasks-1", "results": [{"index": 0, "relevance_score": 0.9}], "usage": {"total_tokens": 12}}
    async with serving(start, up, OPENAI_COMPATIBLE, TEXT_PRICE) as gateway:
        up.answer(json_response(answer))
        got = await post(gateway, "rerank", query="q", documents=["a", "b"])
        assert got.json() == answer | {"model": "tasks-1"}
        record = await gateway.record()
        assert (record.usage.prompt_tokens, record.cost_pico) == (12, 24_000_000)


async def test_what_no_upstream_declares_is_not_found(start, up):
    async with serving(start, up, OPENAI_COMPATIBLE, speaks=()) as gateway:
        got = await post(gateway, "rerank", query="q", documents=["a"])
        error = got.json()["error"]
        assert (got.status_code, error["code"], error["param"]) == (404, "unsupported_by_upstream", "model")
        assert "'up' serves /v1/chat/completions, /v1/completions, /v1/embeddings" in error["message"]
        assert await gateway.records() == []


async def test_openai_serves_all_of_them_but_reranking(start, up):
    async with serving(start, up, OPENAI, FREE, speaks=()) as gateway:
        up.answer(json_response({"results": []}))
        assert (await post(gateway, "moderations", input="hi")).status_code == 200
        assert (await post(gateway, "rerank", query="q", documents=["a"])).status_code == 404


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("audio/transcriptions", form()),
        ("images/generations", {"json": {"model": "tasks-1", "prompt": "a cat"}}),
        ("audio/speech", {"json": {"model": "tasks-1", "input": "hi", "stream_format": "sse"}}),
    ],
)
@pytest.mark.parametrize(("limits", "of"), [({"cost_usd_per_day": "5"}, "cost"), ({"tokens_per_day": 10**6}, "tokens")])
async def test_a_budget_refuses_what_nothing_bounds(start, up, path, sent, limits, of):
    price = (TEXT_PRICE if of == "cost" else FREE) | {"speech_usd_per_mchar": "15"}
    async with serving(start, up, price=price) as gateway:
        await limit(gateway, **limits)
        got = await gateway.client.post(f"/v1/{path}", **sent)
        error = got.json()["error"]
        assert (got.status_code, error["type"], error["param"]) == (400, "invalid_request_error", "model")
        assert f"your budget of {of}" in error["message"]
        assert await gateway.records() == []


async def test_a_budget_of_cost_allows_what_a_price_bounds_and_not_a_cent_more(start, up):
    price = FREE | {"usd_per_image": "0.04", "speech_usd_per_mchar": "15", "usd_per_request": "0.001"}
    async with serving(start, up, price=price) as gateway:
        await limit(gateway, cost_usd_per_day="0.1")
        up.answer(json_response(IMAGES))
        assert (await post(gateway, "images/generations", prompt="a cat", n=2)).status_code == 200
        got = await post(gateway, "images/generations", prompt="a cat")
        assert (got.status_code, got.json()["error"]["code"]) == (429, "insufficient_quota")  # 0.081 are spent
        assert (await post(gateway, "audio/speech", input="x" * 1201)).status_code == 429
        up.answer(response(b"mp3", content_type="audio/mpeg"))
        assert (await post(gateway, "audio/speech", input="x" * 1200)).status_code == 200  # 0.018 + 0.001
        assert (await gateway.client.get("/me")).json()["usage"]["cost_usd_per_day"]["remaining"] == 0


async def test_a_free_task_is_allowed_with_a_budget_of_cost(start, up):
    async with serving(start, up, OPENAI_COMPATIBLE) as gateway:
        await limit(gateway, cost_usd_per_day="5", requests_per_day=1)
        up.answer(json_response({"text": "hello", "usage": {"type": "duration", "seconds": 3}}))
        assert (await gateway.client.post("/v1/audio/transcriptions", **form())).status_code == 200
        got = await gateway.client.post("/v1/audio/transcriptions", **form())
        assert got.json()["error"]["code"] == "insufficient_quota"


async def test_a_price_by_request_counts_for_chats_too(start, up):
    async with serving(start, up, OPENAI_COMPATIBLE, FREE | {"usd_per_request": "0.002"}) as gateway:
        up.answer(json_response({"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}))
        got = await post(gateway, "chat/completions", messages=[{"role": "user", "content": "hi"}])
        assert got.headers["x-cost-usd"] == "0.002"


async def test_the_next_upstream_serves_what_the_first_cannot(start, up):
    async with ScriptedUpstream() as other:
        other.route("GET /v1/models", json_response(openai_models("tasks-1")))
        other.route("POST /v1/audio/transcriptions", json_response({"text": "hello"}))
        second = UpstreamConfig(
            "other", OPENAI_COMPATIBLE, f"{other.url}/v1", speaks=SPOKEN["audio"], priority=1, open=True
        )
        first = config(OPENAI_COMPATIBLE, up, speaks=SPOKEN["audio"])
        async with start(upstreams=[first, second]) as gateway:
            await gateway.context.catalog.refresh()
            up.route("POST /v1/audio/transcriptions", json_response({"error": {"message": "busy"}}, 503))
            got = await gateway.client.post("/v1/audio/transcriptions", **form())
            assert (got.status_code, got.json()) == (200, {"text": "hello"})
            assert b'name="model"\r\n\r\ntasks-1\r\n' in other.calls("POST /v1/audio/transcriptions")[0].body
            assert (await gateway.record()).attempts == 2


async def test_what_others_have_stored_is_out_of_reach(start, up):
    async with serving(start, up, price=FREE) as gateway:
        for path, fields, param in (
            ("images/edits", {"images": [{"file_id": "file-1"}], "prompt": "x"}, "images[0].file_id"),
            ("audio/speech", {"input": "hi", "voice": {"id": "voice_1"}}, "voice.id"),
        ):
            got = await post(gateway, path, **fields)
            assert (got.status_code, got.json()["error"]["param"]) == (400, param)


async def test_a_budget_refuses_images_by_url(start, up):
    async with serving(start, up, price=FREE) as gateway:
        await limit(gateway, cost_usd_per_day="5")
        image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
        got = await post(gateway, "moderations", input=[image])
        assert (got.status_code, got.json()["error"]["param"]) == (400, "input[0].image_url.url")


async def test_a_form_over_the_bound_is_refused_before_anything_is_sent(start, up):
    async with serving(start, up, price=FREE, max_body_bytes=100_000) as gateway:
        big = {"data": {"model": "tasks-1"}, "files": {"file": ("a.wav", b"x" * 200_000, "audio/wav")}}
        got = await gateway.client.post("/v1/audio/transcriptions", **big)
        assert (got.status_code, got.json()["error"]["code"]) == (413, "request_too_large")


async def test_a_form_of_megabytes_passes_unchanged_but_for_its_model(start, up):
    async with serving(start, up, price=FREE) as gateway:
        up.answer(json_response({"text": "hello"}))
        content = bytes(range(256)) * 20_000
        big = {"data": {"model": "tasks-1"}, "files": {"file": ("a.wav", content, "audio/wav")}}
        assert (await gateway.client.post("/v1/audio/transcriptions", **big)).status_code == 200
        (call,) = up.calls("POST /v1/audio/transcriptions")
        assert content in call.body
