"""Images by base64 and by URL, in every format that clients send; and those that are refused before they do harm."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError

from tests.ollama.rig import Ollama
from tests.ollama.tiny_models import IMAGE_TOKENS, SENTENCE
from tests.sdk.person import Person, Sdk, figures
from tests.sdk.pictures import FORMATS, Pictures, inlined, red


def look(url: str) -> Any:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    return [{"role": "user", "content": parts}]


def refusal(client: Sdk, url: str, model: str = "tiny-vision") -> BadRequestError:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(model=model, messages=look(url))
    assert caught.value.param == "messages[0].content[1].image_url"
    return caught.value


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("way", ["base64", "url"])
@pytest.mark.parametrize("stream", [False, True])
def test_tiny_vision_sees_it(
    client: Sdk, person: Person, ollama: Ollama, pictures: Pictures, name: str, way: str, stream: bool
):
    url = inlined(name) if way == "base64" else pictures.url(f"red.{name.lower()}")
    asked = {"model": "tiny-vision", "max_tokens": 50}
    if stream:
        chunks = client.chat.completions.create(**asked, messages=look(url), stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SENTENCE
    else:
        assert client.chat.completions.create(**asked, messages=look(url)).choices[0].message.content == SENTENCE
    direct = ollama.ask("/v1/chat/completions", {**asked, "messages": look(inlined("PNG"))}).json()["usage"]
    assert direct["prompt_tokens"] > IMAGE_TOKENS
    assert figures(person.record()) == direct


def in_lines(url: str, end: str) -> str:
    head, _, payload = url.partition(",")
    return f"{head},{end.join(payload[start : start + 76] for start in range(0, len(payload), 76))}{end}"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_base64_in_lines_is_taken_as_ollama_takes_it(client: Sdk, ollama: Ollama, end: str):
    url = in_lines(inlined("PNG"), end)
    asked = {"model": "tiny-vision", "max_tokens": 50, "messages": look(url)}
    assert ollama.ask("/v1/chat/completions", asked).status == 200
    assert client.chat.completions.create(**asked).choices[0].message.content == SENTENCE


@pytest.mark.parametrize(
    "url",
    [
        inlined("PNG").replace("image/png", ""),
        inlined("PNG").replace("image/png", "Image/PNG"),
        inlined("PNG").replace(";base64", ";charset=utf-8;BASE64"),
        inlined("JPEG").replace("image/jpeg", "application/octet-stream"),
        in_lines(inlined("WEBP").replace("image/webp", "image/png"), "\r\n"),
    ],
    ids=["no type", "case", "parameters", "another type", "lines and a wrong type"],
)
def test_a_data_url_is_put_right_for_ollama(client: Sdk, url: str):
    answer = client.chat.completions.create(model="tiny-vision", max_tokens=50, messages=look(url))
    assert answer.choices[0].message.content == SENTENCE


def test_moondream_sees_it(client: Sdk, person: Person, pictures: Pictures):
    for url in (inlined("JPEG"), pictures.url("red.webp")):
        answer = client.chat.completions.create(model="moondream", messages=look(url), max_tokens=5)
        assert 0 < answer.usage.completion_tokens <= 5
    assert {record["model"] for record in person.records(2)} == {"moondream:latest"}


@pytest.mark.parametrize(
    "content", [b"garbage", red("PNG")[:-30], red("JPEG")[:200], red("PNG")[:8] + b"\0" * 100], ids=range(4)
)
def test_a_broken_one_never_reaches_ollama(client: Sdk, person: Person, ollama: Ollama, content: bytes):
    before = ollama.ended("/v1/chat/completions")
    error = refusal(client, inlined("PNG", content))
    assert error.code == "invalid_image"
    assert (person.records(0), ollama.ended("/v1/chat/completions")) == ([], before)
    assert client.chat.completions.create(model="tiny-vision", messages=look(inlined("PNG"))).choices, "it lives"


def test_a_page_of_text_is_no_image(client: Sdk, pictures: Pictures):
    assert refusal(client, pictures.url("words")).code == "invalid_image"


def test_our_own_network_is_not_reached(client: Sdk, person: Person, ollama: Ollama):
    before = ollama.ended("/api/version")
    assert refusal(client, ollama.url + "/api/version").code == "invalid_image"
    assert (person.records(0), ollama.ended("/api/version")) == ([], before)


@pytest.mark.parametrize("model", ["tiny", "llama3.2:1b"])
def test_a_model_without_eyes_refuses_it(client: Sdk, person: Person, model: str):
    assert "takes no images" in str(refusal(client, inlined("PNG"), model))
    assert person.records(0) == []
