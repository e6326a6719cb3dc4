"""The conversation of a request: the same for all of its turns, and another for another's."""

import pytest

from tests.wire.responses.test_request import read
from tollkeeper.wire.responses.conversation import conversation


def turns(*texts, **fields):
    roles = ["user", "assistant"] * len(texts)
    items = [{"type": "message", "role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    return conversation(read(**{"instructions": "Be brief.", "input": items} | fields))


def test_a_conversation_goes_on_under_one_name():
    first = turns("hi")
    assert turns("hi", "hello", "and you?") == turns("hi", temperature=0) == first
    assert len({first, turns("ho"), turns("hi", instructions="Be long."), conversation(read(input="hi"))}) == 4


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_a_long_conversation_goes_on_under_one_name(size):
    assert turns("a" * size, "b") == turns("a" * size, "b", "c" * size)


def test_a_cache_key_is_the_name():
    assert turns("hi", prompt_cache_key="k") == turns("ho", prompt_cache_key="k") == "key k"


def test_nothing_belongs_to_none():
    assert conversation(read(input=None)) != ""
    assert turns("hi") != turns("hi", instructions=None)
