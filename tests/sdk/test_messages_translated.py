"""The stock `anthropic` SDK, the real gateway as a process of its own, and a real Ollama that does not speak its
dialect: requests and answers are translated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from tests.ollama.tiny_models import ANSWER_TOKENS, SENTENCE
from tests.sdk.person import Person, figures

HI: Any = {"model": "tiny", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture
def messages(person: Person) -> Iterator[Anthropic]:
    with Anthropic(base_url=person.gateway.url, api_key=person.key, max_retries=0) as client:
        yield client


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_create(messages: Anthropic, person: Person):
    answer = messages.messages.create(**HI, system="Be brief.")
    assert (text_of(answer).strip(), answer.stop_reason) == (SENTENCE, "end_turn")
    record = person.record()
    assert record["endpoint"] == "/v1/messages"
    assert figures(record) == {
        "prompt_tokens": answer.usage.input_tokens,
        "completion_tokens": ANSWER_TOKENS,
        "total_tokens": answer.usage.input_tokens + ANSWER_TOKENS,
    }
    assert answer.id == "msg_" + record["request_id"].removeprefix("req_")


def test_stream_and_a_cap(messages: Anthropic, person: Person):
    with messages.messages.stream(**HI | {"max_tokens": 5}) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) > 1
    assert "".join(pieces) == text_of(final)
    assert (final.stop_reason, final.usage.output_tokens) == ("max_tokens", 5)
    record = person.record()
    assert (record["completion_tokens"], record["finish_reason"]) == (5, "length")


def test_tokens_are_estimated(messages: Anthropic, person: Person):
    raw = messages.messages.with_raw_response.count_tokens(model="tiny", messages=HI["messages"])
    assert raw.headers["x-estimated"] == "1"
    assert raw.parse().input_tokens > 0
    assert person.records(0) == []


def test_an_unknown_model(messages: Anthropic):
    with pytest.raises(anthropic.NotFoundError) as missing:
        messages.messages.create(**HI | {"model": "nothing"})
    assert missing.value.type == "not_found_error"
