"""Moderation, speech, transcription and images by the stock SDK, before one that answers as OpenAI documents."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

from tests.gateway.conftest import ADMIN, Gateway, running
from tests.gateway.provider_shapes import openai_models
from tests.scripted import ScriptedUpstream, chunked, head, json_response, response, sse, streamed
from tollkeeper.rules.kinds import OPENAI
from tollkeeper.services.upstreams.config import Secret, UpstreamConfig

MODELS = ("omni-moderation-latest", "tts-1", "whisper-1", "gpt-4o-transcribe", "gpt-image-1", "gpt-4o-mini-tts")
TOKENS: dict[str, Any] = {"input_tokens": 14, "output_tokens": 45, "total_tokens": 59}
CATEGORIES = {"hate": False, "violence": True}


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        upstream.route("GET /v1/models", json_response(openai_models(*MODELS)))
        yield upstream


@pytest.fixture
async def gateway(tmp_path: Path, up: ScriptedUpstream) -> AsyncIterator[Gateway]:
    config = UpstreamConfig("openai", OPENAI, f"{up.url}/v1", secret=Secret("sk-upstream"), open=True)
    async with running(tmp_path, up.url, upstreams=[config]) as served:
        await served.context.catalog.refresh()
        price = {"model": "*", "input_usd_per_mtok": "2", "output_usd_per_mtok": "8", "audio_usd_per_minute": "0.006"}
        price |= {"speech_usd_per_mchar": "15", "usd_per_image": "0.04"}
        as_admin = {"authorization": f"Bearer {ADMIN}"}
        for model in MODELS:
            put = await served.client.put("/admin/prices", json=price | {"model": model}, headers=as_admin)
            assert put.status_code == 200
        yield served


@pytest.fixture(params=["/v1", ""])
async def client(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[AsyncOpenAI]:
    secret = gateway.secrets["alice"]
    async with AsyncOpenAI(base_url=gateway.url + request.param, api_key=secret, max_retries=0) as sdk:
        yield sdk


async def test_a_moderation_with_the_sdks_default_model(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    result = {"flagged": True, "categories": CATEGORIES, "category_scores": {"hate": 0.1, "violence": 0.9}}
    up.answer(json_response({"id": "modr-1", "model": "omni-moderation-latest", "results": [result]}))
    answer = await client.moderations.create(input="I hit you")
    assert (answer.results[0].flagged, answer.results[0].categories.violence) == (True, True)
    assert (await gateway.record()).model == "omni-moderation-latest"


async def test_speech_whole_and_streamed(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    audio = b"\xff\xfb" + bytes(range(256)) * 500
    up.always(head(200, "Content-Type: audio/mpeg", "Transfer-Encoding: chunked") + chunked(audio, size=4000))
    whole = await client.audio.speech.create(model="tts-1", voice="alloy", input="hello")
    assert whole.content == audio
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="hello", response_format="mp3"
    ) as streaming:
        assert streaming.headers["content-type"] == "audio/mpeg"
        assert b"".join([piece async for piece in streaming.iter_bytes()]) == audio
    for record in await gateway.records():
        assert (record.usage.characters, record.cost_pico, record.status) == (5, 75_000_000, "completed")


async def test_a_transcription_of_a_file(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream, tmp_path: Path):
    file = tmp_path / "hello.wav"
    file.write_bytes(b"RIFF" + bytes(300_000))
    up.answer(json_response({"text": "hello", "usage": {"type": "duration", "seconds": 3}}))
    answer = await client.audio.transcriptions.create(model="whisper-1", file=file)
    assert answer.text == "hello"
    up.answer(json_response({"text": "hello", "usage": {"type": "duration", "seconds": 3}}))
    text = await client.audio.transcriptions.create(model="whisper-1", file=file, response_format="text")
    assert str(text) == "hello\n"
    assert all(file.read_bytes() in call.body for call in up.calls("POST /v1/audio/transcriptions"))
    assert [record.usage.audio_ms for record in await gateway.records()] == [3000, 3000]


async def test_a_translation(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    up.answer(json_response({"text": "hello", "duration": 2.5, "language": "english", "segments": []}))
    with pytest.warns(DeprecationWarning, match="deprecated"):
        answer = await client.audio.translations.create(model="whisper-1", file=("a.mp3", b"ID3"))
    assert answer.text == "hello"
    assert (await gateway.record()).usage.audio_ms == 2500


async def test_a_transcription_in_events(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    done = {"type": "transcript.text.done", "text": "hello", "usage": {"type": "tokens"} | TOKENS}
    up.answer(streamed(*sse({"type": "transcript.text.delta", "delta": "hello"}, done)))
    stream = await client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"RIFF"), stream=True)
    assert [event.type async for event in stream] == ["transcript.text.delta", "transcript.text.done"]
    record = await gateway.record()
    assert (record.usage.prompt_tokens, record.usage.completion_tokens, record.stream) == (14, 45, True)


async def test_images_whole_streamed_and_edited(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    image = base64.b64encode(b"\x89PNG" * 200_000).decode()
    up.answer(json_response({"created": 1, "data": [{"b64_json": image}], "usage": TOKENS}))
    made = await client.images.generate(model="gpt-image-1", prompt="a cat", n=1)
    assert made.data is not None
    assert made.data[0].b64_json == image
    completed = {"type": "image_generation.completed", "b64_json": image, "usage": TOKENS}
    up.answer(streamed(*sse(completed, done=False)))
    stream = await client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=0)
    assert [event.type async for event in stream] == ["image_generation.completed"]
    up.answer(json_response({"created": 1, "data": [{"b64_json": image}], "usage": TOKENS}))
    edited = await client.images.edit(model="gpt-image-1", image=[b"\x89PNG-1", b"\x89PNG-2"], prompt="a hat")
    assert edited.usage is not None
    assert edited.usage.output_tokens == 45
    for record in await gateway.records():
        assert (record.usage.images, record.usage.prompt_tokens, record.usage.completion_tokens) == (1, 14, 45)


async def test_what_is_refused_is_an_error_of_the_sdk(client: AsyncOpenAI, gateway: Gateway, up: ScriptedUpstream):
    with pytest.raises(NotFoundError, match="unknown"):
        await client.audio.speech.create(model="unknown", voice="alloy", input="hello")
    up.answer(json_response({"error": {"message": "Invalid voice", "param": "voice"}}, 400))
    with pytest.raises(BadRequestError, match="Invalid voice"):
        await client.audio.speech.create(model="tts-1", voice="nobody", input="hello")
    up.answer(response(b"<html>", 200, content_type="text/html"))
    with pytest.raises(Exception, match="502"):
        await client.audio.speech.create(model="tts-1", voice="alloy", input="hello")
    limits = {"cost_usd_per_day": "1"}
    as_admin = {"authorization": f"Bearer {ADMIN}"}
    assert (await gateway.client.put("/admin/users/alice/limits", json=limits, headers=as_admin)).status_code == 200
    with pytest.raises(BadRequestError, match="Nothing bounds the length of the audio"):
        await client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
