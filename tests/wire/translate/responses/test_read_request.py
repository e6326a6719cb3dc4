"""A Responses request, as a conversation."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from tests.wire.translate.responses.asking import SCHEMA, asking, conversation
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.conversation import Conversation, OutputFormat, Reasoning, Text, Turn
from tollkeeper.wire.translate.responses.read_request import read_request


def test_a_text_is_what_the_user_says() -> None:
    assert conversation() == Conversation(turns=(Turn("user", (Text("hi"),)),))


def test_instructions_come_first() -> None:
    turns = conversation(instructions="Be brief.", input=[{"role": "developer", "content": "And kind."}]).turns
    assert turns == (Turn("system", (Text("Be brief."),)), Turn("system", (Text("And kind."),)))


def test_numbers_stay_as_they_were_written() -> None:
    read = conversation(temperature=1.50, top_p=0.9, frequency_penalty=0.1, presence_penalty=-1)
    assert (read.temperature, read.top_p) == (Raw(b"1.5"), Raw(b"0.9"))
    assert (read.frequency_penalty, read.presence_penalty) == (Raw(b"0.1"), Raw(b"-1"))


def test_the_stream_the_cap_and_the_user() -> None:
    read = read_request(asking(stream=True, max_output_tokens=9, safety_identifier="ann"), [], 5)
    assert (read.stream, read.output_cap, read.names_user) == (True, 5, True)
    assert conversation(parallel_tool_calls=False).parallel is False


@pytest.mark.parametrize(
    ("text", "output"),
    [
        (None, None),
        ({}, None),
        ({"verbosity": "low"}, None),
        ({"format": {"type": "text"}}, None),
        ({"format": {"type": "json_object"}}, OutputFormat()),
        (
            {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": "d"}},
            OutputFormat(Raw(json.dumps(SCHEMA).encode()), "n", "d", strict=True),
        ),
    ],
)
def test_the_form_of_the_output(text: object, output: OutputFormat | None) -> None:
    assert conversation(text=text).output == output


@pytest.mark.parametrize(
    ("reasoning", "wanted"),
    [
        (None, None),
        ({}, None),
        ({"effort": None, "summary": None}, None),
        ({"effort": "low"}, Reasoning("low", shown=False)),
        ({"summary": "auto"}, Reasoning(None, shown=True)),
        ({"effort": "high", "generate_summary": "concise"}, Reasoning("high", shown=True)),
        ({"summary": "none"}, Reasoning(None, shown=False)),
    ],
)
def test_how_much_to_think(reasoning: object, wanted: Reasoning | None) -> None:
    assert conversation(reasoning=reasoning).reasoning == wanted


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"instructions": ["x"]}, "instructions"),
        ({"temperature": "hot"}, "temperature"),
        ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
        ({"text": "json"}, "text"),
        ({"text": {"format": "json"}}, "text.format"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema"),
        ({"reasoning": "much"}, "reasoning"),
        ({"reasoning": {"effort": 5}}, "reasoning.effort"),
    ],
)
def test_what_cannot_be_right_is_refused_and_named(fields: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        conversation(**fields)
    assert caught.value.param == param


def test_half_a_character_is_read_as_one_odd_one() -> None:
    (turn,) = conversation(input=[{"role": "user", "content": "cut \ud83d"}]).turns
    assert turn.parts == (Text("cut \ufffd"),)
