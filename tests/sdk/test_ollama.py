"""The stock `ollama` package, as its users set it up: the gateway's address, and a key in a header or in the path."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from ollama import AsyncClient, Client, ResponseError
from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE, TINY_WIDTH
from tests.sdk.person import Person

SAY: Any = [{"role": "user", "content": "Say"}]


@pytest.fixture(params=["header", "path"])
def client(request: pytest.FixtureRequest, person: Person) -> Iterator[Client]:
    if request.param == "path":
        made = Client(f"{person.gateway.url}/k/{person.key}")
    else:
        made = Client(person.gateway.url, headers={"Authorization": f"Bearer {person.key}"})
    with made as open_client:
        yield open_client


@pytest.fixture
def picture() -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(content, "WEBP")
    return content.getvalue()


def test_chat(client: Client, person: Person) -> None:
    answer = client.chat(model="tiny", messages=SAY)
    assert (answer.message.content, answer.done_reason, answer.eval_count) == (SENTENCE, "stop", ANSWER_TOKENS)
    record = person.record()
    assert (record["endpoint"], record["stream"], record["completion_tokens"]) == ("/api/chat", False, ANSWER_TOKENS)
    assert (record["prompt_tokens"], record["estimated"]) == (answer.prompt_eval_count, False)


def test_a_stream(client: Client, person: Person) -> None:
    *parts, last = client.chat(model="tiny", messages=SAY, stream=True)
    assert "".join(part.message.content or "" for part in parts) == SENTENCE
    assert (last.done, last.eval_count, last.model) == (True, ANSWER_TOKENS, "tiny:latest")
    record = person.record()
    assert (record["stream"], record["completion_tokens"], record["finish_reason"]) == (True, ANSWER_TOKENS, "stop")


def test_generate(client: Client, person: Person) -> None:
    whole = client.generate(model="tiny", prompt="Say", options={"num_predict": 3, "num_gpu": 0}, keep_alive="1h")
    parts = list(client.generate(model="tiny", prompt="Say", options={"num_predict": 3}, stream=True))
    assert "".join(part.response or "" for part in parts) == whole.response != ""
    assert [record["completion_tokens"] for record in person.records(2)] == [3, 3]
    assert {record["finish_reason"] for record in person.records(2)} == {"length"}


def test_an_image(client: Client, person: Person, picture: bytes) -> None:
    messages = [{"role": "user", "content": "What is it?", "images": [picture]}]
    client.chat(model="tiny-vision", messages=messages)
    client.generate(model="tiny-vision", prompt="What is it?", images=[base64.b64encode(picture).decode()])
    assert len({record["prompt_tokens"] for record in person.records(2)} - {0}) >= 1
    with pytest.raises(ResponseError, match="takes no images"):
        client.chat(model="tiny", messages=messages)


def test_json(client: Client) -> None:
    schema = {"type": "object", "properties": {"mood": {"enum": ["happy", "sad"]}}, "required": ["mood"]}
    answer = client.chat(model="llama3.2:1b", messages=SAY, format=schema, options={"temperature": 0})
    assert (answer.message.content or "").lstrip().startswith("{")


def test_vectors(client: Client, person: Person) -> None:
    answer = client.embed(model="tiny", input=["Say", "two words"])
    assert [len(vector) for vector in answer.embeddings] == [TINY_WIDTH] * 2
    record = person.record()
    assert (record["endpoint"], record["prompt_tokens"]) == ("/api/embed", answer.prompt_eval_count)
    assert len(client.embeddings(model="tiny", prompt="Say").embedding) == TINY_WIDTH


def test_models(client: Client, person: Person, ollama: Ollama) -> None:
    listed = {model["name"]: model for model in ollama.ask("/api/tags").json()["models"]}
    found = {model.model: model for model in client.list().models}
    assert found.keys() == listed.keys()
    tiny = found["tiny:latest"]
    assert tiny.details is not None
    assert (tiny.size, tiny.digest) == (listed["tiny:latest"]["size"], listed["tiny:latest"]["digest"])
    assert tiny.details.model_dump() == listed["tiny:latest"]["details"]
    told = client.show("tiny")
    assert told.capabilities == ["completion"]
    assert told.modelinfo
    client.generate(model="tiny", prompt="Say")
    assert {model.model for model in client.ps().models} <= listed.keys()
    assert len(person.records(1)) == 1, "what tells of models is not on record"


def test_loading_a_model_is_answered_by_the_gateway(client: Client, person: Person) -> None:
    assert client.generate(model="tiny").done_reason == "load"
    assert client.generate(model="tiny", keep_alive=0).done_reason == "unload"
    assert client.chat(model="tiny", messages=[]).done_reason == "load"
    assert person.records(0) == []


def test_errors_are_told(client: Client) -> None:
    for stream in (False, True):
        with pytest.raises(ResponseError, match="does not exist here") as failed:
            list(client.chat(model="nothing", messages=SAY, stream=stream))
        assert failed.value.status_code == 404
    with pytest.raises(ResponseError, match="does not support thinking") as failed:
        client.chat(model="tiny", messages=SAY, think=True)
    assert failed.value.status_code == 400
    with pytest.raises(ResponseError, match="for admins"):
        client.pull("tiny")
    with pytest.raises(ResponseError, match="for admins"):
        client.delete("tiny")


def test_a_wrong_key_says_so(person: Person) -> None:
    client = Client(f"{person.gateway.url}/k/sk-mallory-0123456789abcdef")
    with client, pytest.raises(ResponseError, match="Incorrect API key provided") as failed:
        client.chat(model="tiny", messages=SAY)
    assert failed.value.status_code == 401


async def test_without_blocking(person: Person) -> None:
    async with AsyncClient(person.gateway.url, headers={"Authorization": f"Bearer {person.key}"}) as client:
        parts = [part async for part in await client.chat(model="tiny", messages=SAY, stream=True)]
    assert "".join(part.message.content or "" for part in parts) == SENTENCE


def test_leaving_a_stream_ends_it(client: Client, person: Person) -> None:
    stream: Any = client.chat(model="tiny-loop", messages=SAY, stream=True)
    for _ in range(5):
        next(stream)
    stream.close()
    record = person.record()
    assert record["status"] == "cancelled"
    assert record["completion_tokens"] >= 5
