"""What Ollama takes, the gateway takes: asked of the real one, by users with a budget."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest
from openai import BadRequestError, OpenAI

from tests.sdk.person import Person
from tests.sdk.test_limits import limit

SAY: Any = [{"role": "user", "content": "Say"}]


@pytest.fixture
def client_with_budget(person: Person) -> Iterator[OpenAI]:
    limit(person, tokens_total=1_000_000)
    with OpenAI(base_url=person.gateway.url + "/v1", api_key=person.key, max_retries=0) as client:
        yield client


def test_half_a_character(person: Person):
    """As JSON.stringify writes it; the SDK for Python cannot."""
    limit(person, tokens_total=1_000_000)
    messages = [{"role": "user", "content": "cut \ud83d"}]
    body = {"model": "tiny", "messages": messages, "max_tokens": 3, "metadata": {"a": "\ud83d"}}
    headers = {"authorization": f"Bearer {person.key}"}
    url = person.gateway.url + "/v1/chat/completions"
    answer = httpx.post(url, content=json.dumps(body), headers=headers, timeout=60, verify=False)
    assert answer.json()["usage"]["completion_tokens"] == 3
    assert person.records(1)[0]["metadata"] == {"a": "\ufffd"}


@pytest.mark.parametrize("cap", [-2, 0])
def test_a_cap_below_one_that_means_nothing_is_refused(client: OpenAI, cap: int):
    with pytest.raises(BadRequestError, match="max_tokens"):
        client.completions.create(model="tiny", prompt="a", max_tokens=cap)


@pytest.mark.parametrize("cap", [-1, None])
def test_a_cap_that_means_none(client_with_budget: OpenAI, client: OpenAI, person: Person, cap: Any):
    free = client.completions.create(model="tiny", prompt="a", max_tokens=cap)
    assert free.choices[0].finish_reason == "stop"
    limit(person, max_tokens_per_request=4)
    capped = client_with_budget.completions.create(model="tiny", prompt="a", max_tokens=cap)
    assert capped.choices[0].finish_reason == "length"
    assert capped.usage
    assert capped.usage.completion_tokens == 4


def test_a_prompt_in_a_list_of_one(client_with_budget: OpenAI):
    answer = client_with_budget.completions.create(model="tiny", prompt=["a"], max_tokens=2, n=1, best_of=1)
    assert answer.choices[0].finish_reason == "length"
    with pytest.raises(BadRequestError, match="prompt"):
        client_with_budget.completions.create(model="tiny", prompt=["a", "b"], max_tokens=2)


def test_embeddings_as_base64_are_those_as_numbers(client: OpenAI):
    asked: Any = {"model": "tiny", "input": ["a", "some words"]}
    numbers = client.embeddings.create(**asked, encoding_format="float")
    default = client.embeddings.create(**asked)  # the SDK asks for base64
    for one, other in zip(numbers.data, default.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, rel=1e-6)
        assert any(one.embedding)
    with pytest.raises(BadRequestError, match="dimensions"):
        client.embeddings.create(**asked, dimensions=2)


def test_fields_that_it_passes_over(client_with_budget: OpenAI):
    tools: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    parts: Any = [{"type": "text", "text": "hi", "id": "a", "annotations": [], "providerOptions": {"x": 1}}]
    answer = client_with_budget.chat.completions.create(
        model="llama3.2:1b",
        messages=[{"role": "user", "content": parts}],
        tools=[tools[0] | {"eager_input_streaming": True}],
        max_tokens=5,
        extra_body={"min_tokens": 50, "n_predict": 50, "options": {"num_predict": 50}, "plugins": [{"id": "web"}]},
    )
    assert answer.usage
    assert answer.usage.completion_tokens <= 5
