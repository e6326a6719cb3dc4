"""Turns as messages of a chat, byte for byte."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import OPENAI, OPENROUTER, Kind
from tollkeeper.wire.translate.chat.write_message import write_turn
from tollkeeper.wire.translate.conversation import (
    FilePart,
    ImagePart,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

MARK = Raw(b'{"type":"ephemeral"}')
PDF = "data:application/pdf;base64,JVBE"


def written(role: Role, *parts: Part, name: str | None = None, kind: Kind = OPENAI) -> list[bytes]:
    return [b"".join(message) for message in write_turn(Turn(role, parts, name), kind)]


def test_one_text_is_a_plain_string() -> None:
    assert written("system", Text('a"é')) == ['{"role":"system","content":"a\\"é"}'.encode()]
    assert written("user", Text("a"), name="joe") == [b'{"role":"user","name":"joe","content":"a"}']
    assert written("user") == [b'{"role":"user","content":""}']


def test_several_parts_are_an_array_in_order() -> None:
    assert written("user", Text("a"), ImagePart("data:1"), FilePart(PDF, "a.pdf"), FilePart(PDF)) == [
        b'{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:1"}},'
        b'{"type":"file","file":{"filename":"a.pdf","file_data":"' + PDF.encode() + b'"}},'
        b'{"type":"file","file":{"file_data":"' + PDF.encode() + b'"}}]}'
    ]


@pytest.mark.parametrize("url", ["data:text/plain;base64,w6k=", "data:text/plain,%C3%A9"])
def test_a_document_of_text_is_text(url: str) -> None:
    assert written("user", FilePart(url, "a.txt")) == ['{"role":"user","content":"é"}'.encode()]


def test_a_document_that_is_not_what_it_says_is_refused() -> None:
    with pytest.raises(BadRequest):
        written("user", FilePart("data:text/plain;base64,w6"))


def test_calls_stand_beside_what_the_model_said_and_not_what_it_thought() -> None:
    call = ToolCall("c1", "f", '{"a":1}', namespace="n")
    assert written("assistant", Thinking("hm"), Text("a"), call, ToolCall("c2", "g", "")) == [
        (
            b'{"role":"assistant","content":"a","tool_calls":['
            b'{"id":"c1","type":"function","function":{"name":"n__f","arguments":"{\\"a\\":1}"}},'
            b'{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}'
        )
    ]
    assert written("assistant", ToolCall("c2", "g", "{}")) == [
        (
            b'{"role":"assistant","content":null,"tool_calls":['
            b'{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]}'
        )
    ]
    assert written("assistant", Thinking("hm")) == []
    assert written("assistant", Text("no", refusal=True)) == [b'{"role":"assistant","content":"no"}']
    assert written("assistant") == [b'{"role":"assistant","content":""}']


def test_results_come_first_then_their_images_then_the_rest() -> None:
    assert written(
        "user",
        Text("look"),
        ToolResult("c1", (Text("1"), ImagePart("data:1"))),
        ToolResult("c2", (Text("2"), Text("3"))),
        ToolResult("c3", ()),
    ) == [
        b'{"role":"tool","tool_call_id":"c1","content":"1"}',
        b'{"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"2"},{"type":"text","text":"3"}]}',
        b'{"role":"tool","tool_call_id":"c3","content":""}',
        b'{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:1"}},{"type":"text","text":"look"}]}',
    ]
    assert written("user", ToolResult("c", (FilePart("data:text/plain,a"),))) == [
        b'{"role":"tool","tool_call_id":"c","content":"a"}'
    ]


def test_marks_for_the_cache_go_where_they_are_understood() -> None:
    parts = (Text("a", MARK), ImagePart("data:1", MARK))
    [plain] = written("user", *parts)
    assert b"cache_control" not in plain
    [marked] = written("user", *parts, kind=OPENROUTER)
    assert [part["cache_control"] for part in json.loads(marked)["content"]] == [{"type": "ephemeral"}] * 2
    assert written("system", Text("a", MARK), kind=OPENROUTER) == [
        b'{"role":"system","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}'
    ]
    assert written("user", ToolResult("c", (Text("a"),), cache=MARK), kind=OPENROUTER) == [
        (
            b'{"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"a","cache_control":'
            b'{"type":"ephemeral"}}]}'
        )
    ]
