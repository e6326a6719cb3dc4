"""Chats, completions, embeddings and models, by either base URL."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openai.types.chat import ChatCompletionChunk

from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, TINY_WIDTH
from tests.sdk.person import Person, Sdk, figures

SAY: Any = [{"role": "user", "content": "Say"}]
CHAT_ID = re.compile(r"chatcmpl-[0-9a-f]{28}")


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_chat(either: Sdk, person: Person):
    answer = either.chat.completions.create(model="tiny", messages=SAY)
    (choice,) = answer.choices
    assert (choice.message.content, choice.message.role, choice.finish_reason) == (SENTENCE, "assistant", "stop")
    assert answer.usage.completion_tokens == ANSWER_TOKENS
    assert CHAT_ID.fullmatch(answer.id)
    record = person.record()
    assert record["request_id"] == answer._request_id == answer.id.replace("chatcmpl-", "req_")
    assert (record["status"], record["stream"], record["estimated"]) == ("completed", False, False)
    assert (record["endpoint"], record["finish_reason"]) == ("/v1/chat/completions", "stop")


def test_stream(either: Sdk, person: Person):
    chunks = list(either.chat.completions.create(model="tiny", messages=SAY, stream=True))
    assert text_of(chunks) == SENTENCE
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None and chunk.choices for chunk in chunks), "nobody asked for usage"
    (answer_id,) = {chunk.id for chunk in chunks}
    record = person.record()
    assert record["request_id"] == answer_id.replace("chatcmpl-", "req_")
    assert (record["status"], record["stream"], record["completion_tokens"]) == ("completed", True, ANSWER_TOKENS)
    assert record["first_token_ms"] <= record["latency_ms"]


def test_stream_with_usage(either: Sdk, person: Person):
    *chunks, last = either.chat.completions.create(
        model="tiny", messages=SAY, stream=True, stream_options={"include_usage": True}
    )
    assert text_of(chunks) == SENTENCE
    assert all(chunk.usage is None for chunk in chunks)
    assert (last.choices, last.usage.completion_tokens) == ([], ANSWER_TOKENS)
    assert figures(person.record()) == last.usage.model_dump(include=set(figures(person.record())))


async def test_chat_and_stream_without_blocking(either_async: Sdk, person: Person):
    answer = await either_async.chat.completions.create(model="tiny", messages=SAY)
    assert answer.choices[0].message.content == SENTENCE
    stream = await either_async.chat.completions.create(model="tiny", messages=SAY, stream=True)
    assert text_of([chunk async for chunk in stream]) == SENTENCE
    assert [record["stream"] for record in person.records(2)] == [True, False]


def test_completions(either: Sdk, person: Person):
    answer = either.completions.create(model="tiny", prompt="Say", max_tokens=3)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 3)
    assert answer.id.startswith("cmpl-")
    chunks = list(either.completions.create(model="tiny", prompt="Say", max_tokens=3, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text
    assert all(chunk.usage is None for chunk in chunks)
    assert [record["completion_tokens"] for record in person.records(2)] == [3, 3]


async def test_embeddings(either_async: Sdk, person: Person):
    answer = await either_async.embeddings.create(model="tiny", input=["Say", "two words"], encoding_format="float")
    assert [len(item.embedding) for item in answer.data] == [TINY_WIDTH] * 2
    record = person.record()
    assert (record["endpoint"], record["estimated"], record["completion_tokens"]) == ("/v1/embeddings", False, 0)
    assert record["prompt_tokens"] == answer.usage.prompt_tokens > 0


def test_models(either: Sdk, person: Person, ollama: Ollama):
    there = ollama.ask("/api/tags").json()["models"]
    assert {model.id for model in either.models.list()} == {model["name"] for model in there}
    for spelling in ("tiny", "TINY:latest", "library/tiny"):
        assert either.models.retrieve(spelling).id == "tiny:latest"
    assert person.records(0) == []


@pytest.mark.parametrize("spelling", ["TINY", "tiny:latest", "library/tiny"])
def test_the_canonical_name_is_answered_and_recorded(client: Sdk, person: Person, spelling: str):
    whole = client.chat.completions.create(model=spelling, messages=SAY)
    stream = client.chat.completions.create(model=spelling, messages=SAY, stream=True)
    assert {whole.model, *(chunk.model for chunk in stream)} == {"tiny:latest"}
    for record in person.records(2):
        assert (record["model"], record["requested_model"]) == ("tiny:latest", spelling)


def test_json_mode(client: Sdk):
    answer = client.chat.completions.create(
        model="llama3.2:1b",
        messages=[{"role": "user", "content": "Give me a JSON object with one name"}],
        response_format={"type": "json_object"},
        max_tokens=40,
        temperature=0,
        seed=1,
    )
    content = answer.choices[0].message.content
    assert content.lstrip().startswith("{")
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(content), dict)


def test_max_completion_tokens_is_heeded(client: Sdk, person: Person):
    answer = client.chat.completions.create(model="tiny-loop", messages=SAY, max_completion_tokens=5)
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 5)
    record = person.record()
    assert (record["completion_tokens"], record["finish_reason"]) == (5, "length")


def test_metadata_is_kept_for_the_one_who_pays(client: Sdk, person: Person):
    client.chat.completions.create(model="tiny", messages=SAY, metadata={"team": "blue"})
    assert person.record()["metadata"] == {"team": "blue"}


def test_the_cost_is_told_exactly(client: Sdk, person: Person):
    price = {"model": "tiny-loop:latest", "input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.6"}
    person.gateway.admin("PUT", "/admin/prices", price)
    raw = client.chat.completions.with_raw_response.create(model="tiny-loop", messages=SAY, max_tokens=7)
    usage = raw.parse().usage
    micro = usage.prompt_tokens * 15 + usage.completion_tokens * 60
    assert usage.completion_tokens == 7
    told = raw.headers["x-cost-usd"]
    assert told == f"0.{micro:08d}".rstrip("0")
    assert (person.record()["cost_usd"], person.ask("/v1/usage/summary")["total"]["cost_usd"]) == (told, told)
