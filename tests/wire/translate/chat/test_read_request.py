"""A chat request as a conversation: its fields beside the messages and tools."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Raw

from tests.wire.translate.chat.asking import asking, conversation
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.chat.read_request import read_request
from tollkeeper.wire.translate.conversation import Conversation, OutputFormat, Reasoning, Text, Turn


def test_fields_that_are_missing_or_null_say_nothing() -> None:
    plain = Conversation(turns=(Turn("user", (Text("Hello"),)),))
    assert conversation() == plain
    names = "tools tool_choice stop response_format reasoning_effort reasoning parallel_tool_calls user seed top_p"
    assert conversation(**dict.fromkeys(names.split())) == plain


def test_fields_are_carried() -> None:
    read = conversation(
        stream=True, temperature=0.70, top_p=1, top_k=40, seed=7, frequency_penalty=-1.5, presence_penalty=2,
        parallel_tool_calls=True, user="joe", max_tokens=9,
    )  # fmt: skip
    assert read == Conversation(
        turns=(Turn("user", (Text("Hello"),)),),
        stream=True,
        output_cap=9,
        temperature=Raw(b"0.7"),
        top_p=Raw(b"1"),
        top_k=Raw(b"40"),
        seed=Raw(b"7"),
        frequency_penalty=Raw(b"-1.5"),
        presence_penalty=Raw(b"2"),
        parallel=True,
        names_user=True,
    )
    assert conversation(safety_identifier="x").names_user
    assert read_request(asking(max_tokens=9), (), 5).output_cap == 5


def test_the_name_of_a_participant() -> None:
    [turn] = conversation(messages=[{"role": "user", "name": "joe", "content": "a"}]).turns
    assert turn.name == "joe"


@pytest.mark.parametrize(("stop", "expected"), [("a", ("a",)), (["a", "b"], ("a", "b")), ([], ())])
def test_stop_is_a_text_or_several(stop: Any, expected: tuple[str, ...]) -> None:
    assert conversation(stop=stop).stop == expected


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputFormat()),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "schema": {}, "strict": True}},
            OutputFormat(Raw(b"{}"), "n", "d", True),
        ),
        ({"type": "json_schema", "json_schema": {}}, OutputFormat()),
    ],
)
def test_the_form_of_the_output(wanted: Any, expected: OutputFormat | None) -> None:
    assert conversation(response_format=wanted).output == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reasoning_effort": "xhigh"}, Reasoning("xhigh")),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning("low", shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning(None, 2000)),
        ({"reasoning": {"enabled": False}}, Reasoning("none")),
        ({"reasoning": {}, "reasoning_effort": "high"}, Reasoning("high")),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, Reasoning(None, 9)),
        ({"thinking": {"type": "disabled"}}, Reasoning("none")),
        ({"think": True}, Reasoning()),
        ({"think": False}, Reasoning("none")),
        ({"think": "high"}, Reasoning("high")),
    ],
)
def test_how_much_to_think(fields: dict[str, Any], expected: Reasoning) -> None:
    assert conversation(**fields).reasoning == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"reasoning_effort": 5}, "reasoning_effort"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"max_tokens": 1.5}}, "reasoning.max_tokens"),
        ({"think": 1}, "think"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {}}, "response_format.type"),
        ({"response_format": {"type": "grammar"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": []}}},
            "response_format.json_schema.schema",
        ),
    ],
)
def test_what_is_of_another_type_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        conversation(**fields)
    assert error.value.param == param


def test_a_large_request_is_read_as_a_small_one() -> None:
    long = 'é\\"' * 100_000
    schema = {"type": "object", "description": "d" * 200_000}
    read = conversation(
        messages=[
            {"role": "user", "content": [{"type": "text", "text": long}]},
            {"role": "assistant", "content": long},
        ],
        tools=[{"type": "function", "function": {"name": "f", "parameters": schema}}],
    )
    assert [turn.parts for turn in read.turns] == [(Text(long),), (Text(long),)]
    assert read.tools[0].schema is not None
    assert len(read.tools[0].schema) > 200_000
