"""The conversation of a request: the same for all of its turns, and another for another's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollkeeper.wire.openai.conversation import conversation
from tollkeeper.wire.openai.request import CHAT, COMPLETIONS, EMBEDDINGS, OpenAIEndpoint, read_request


def name(endpoint: OpenAIEndpoint = CHAT, **fields: Any) -> str:
    return conversation(read_request(json.dumps({"model": "m"} | fields).encode(), endpoint))


def chat(*texts: str, system: str = "Be brief.", **fields: Any) -> str:
    roles = ["user", "assistant"] * len(texts)
    messages = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return name(messages=[{"role": "system", "content": system}, *messages], **fields)


def test_a_conversation_goes_on_under_one_name() -> None:
    first = chat("hi")
    assert chat("hi", "hello", "and you?") == first
    assert chat("hi", temperature=0) == first
    assert len({first, chat("ho"), chat("hi", system="Be long.")}) == 3


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_a_long_conversation_goes_on_under_one_name(size: int) -> None:
    assert chat("a" * size, "b") == chat("a" * size, "b", "c" * size)


def test_a_cache_key_is_the_name() -> None:
    assert chat("hi", prompt_cache_key="k") == chat("ho", prompt_cache_key="k") != chat("hi", prompt_cache_key="l")
    assert chat("hi", prompt_cache_key=7) == chat("hi"), "which is for the upstream to refuse"


def test_a_prompt_and_what_has_no_conversation() -> None:
    assert name(COMPLETIONS, prompt="Once") == name(COMPLETIONS, prompt="Once") != name(COMPLETIONS, prompt="Twice")
    assert name(EMBEDDINGS, input="text") == ""
