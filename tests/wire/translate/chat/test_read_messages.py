"""The messages of a chat, as turns: in order, with nothing lost, and an error that names what no turn can have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from tests.wire.translate.chat.asking import asking, parts
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.openai.request import CHAT
from tollkeeper.wire.openai.request import read_request as read_body
from tollkeeper.wire.translate.chat.read_request import read_request
from tollkeeper.wire.translate.conversation import FilePart, ImagePart, Text, Thinking, ToolCall, ToolResult

PNG = "data:image/png;base64,AAAA"


def test_system_and_developer_messages_stand_where_they_stood() -> None:
    assert parts(
        {"role": "system", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
        {"role": "developer", "content": "d"},
        {"role": "user", "content": "e"},
    ) == [
        ("system", (Text("a"),)),
        ("user", (Text("b"), Text("c"))),
        ("system", (Text("d"),)),
        ("user", (Text("e"),)),
    ]


@pytest.mark.parametrize("content", [None, "", [], ...])
def test_a_message_without_content_has_its_calls(content: Any) -> None:
    message = {
        "role": "assistant",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
            {"function": {"name": "g", "arguments": {"b": 2}}},
        ],
    } | ({} if content is ... else {"content": content})
    assert parts(message) == [("assistant", (ToolCall("c1", "f", '{"a": 1}'), ToolCall("call_0_1", "g", '{"b": 2}')))]


def test_results_that_follow_each_other_are_one_turn() -> None:
    assert parts(
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "2"}]},
        {"role": "user", "content": "go on"},
        {"role": "tool", "tool_call_id": "c3", "content": None},
    ) == [
        ("user", (ToolResult("c1", (Text("1"),)), ToolResult("c2", (Text("2"),)))),
        ("user", (Text("go on"),)),
        ("user", (ToolResult("c3", ()),)),
    ]


def test_functions_of_old_are_calls_with_ids_that_match() -> None:
    assert parts(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "1"},
    ) == [("assistant", (ToolCall("call_0", "f", "{}"),)), ("user", (ToolResult("call_0", (Text("1"),)),))]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_come_first_and_refusals_after_the_text(name: str) -> None:
    assert parts({"role": "assistant", "content": "a", name: "hm", "refusal": "no"}) == [
        ("assistant", (Thinking("hm"), Text("a"), Text("no", refusal=True)))
    ]
    assert parts({"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}) == [
        ("assistant", (Text("no", refusal=True),))
    ]
    assert parts({"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}) == [
        ("assistant", (Thinking("hm", "s"),))
    ]


def test_images_are_those_that_are_given_in_order() -> None:
    content = [
        {"type": "image_url", "image_url": {"url": "http://a/1.png"}},
        {"type": "text", "text": "and"},
        {"type": "image_url", "image_url": "http://a/2.png"},
    ]
    request = asking(messages=[{"role": "user", "content": content}])
    [turn] = read_request(request, ["data:1", "data:2"], None).turns
    assert turn.parts == (ImagePart("data:1"), Text("and"), ImagePart("data:2"))


def test_files() -> None:
    def file(**fields: str) -> dict[str, Any]:
        return {"role": "user", "content": [{"type": "file", "file": fields}]}

    pdf = "data:application/pdf;base64,JVBE"
    assert parts(file(file_data=pdf, filename="a.pdf"), file(file_data="JVBE")) == [
        ("user", (FilePart(pdf, "a.pdf"),)),
        ("user", (FilePart(pdf),)),
    ]


def test_a_mark_for_the_cache_stays_at_its_part() -> None:
    mark = {"type": "ephemeral"}
    raw = Raw(b'{"type": "ephemeral"}')
    calls = [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]
    assert parts(
        {"role": "system", "content": [{"type": "text", "text": "a", "cache_control": mark}]},
        {"role": "user", "content": "b", "cache_control": mark},
        {"role": "assistant", "tool_calls": calls, "cache_control": mark},
        {"role": "tool", "tool_call_id": "c", "content": "d", "cache_control": mark},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PNG}, "cache_control": mark}]},
    ) == [
        ("system", (Text("a", raw),)),
        ("user", (Text("b", raw),)),
        ("assistant", (ToolCall("c", "f", "{}", cache=raw),)),
        ("user", (ToolResult("c", (Text("d"),), cache=raw),)),
        ("user", (ImagePart(PNG, raw),)),
    ]


@pytest.mark.parametrize(
    ("message", "param"),
    [
        ({"content": "a"}, "messages[0].role"),
        ({"role": "critic", "content": "a"}, "messages[0].role"),
        ({"role": "user", "content": 5}, "messages[0].content"),
        ({"role": "user", "content": {"type": "text"}}, "messages[0].content"),
        ({"role": "user", "content": ["a"]}, "messages[0].content"),
        ({"role": "user", "content": [{"type": "text"}]}, "messages[0].content[0].text"),
        ({"role": "user", "content": [{"type": "text", "text": 1}]}, "messages[0].content[0].text"),
        ({"role": "user", "content": [{"type": "video", "video": "x"}]}, "messages[0].content[0].type"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "messages[0].content[0].image_url"),
        (
            {"role": "user", "content": [{"type": "text", "text": "a", "image_url": PNG}]},
            "messages[0].content[0].image_url",
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}]},
            "messages[0].content[0].type",
        ),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
            "messages[0].content[0].file.file_id",
        ),
        ({"role": "user", "content": [{"type": "file", "file": {}}]}, "messages[0].content[0].file.file_data"),
        ({"role": "user", "content": [{"type": "file"}]}, "messages[0].content[0].file"),
        (
            {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://a/b.pdf"}}]},
            "messages[0].content[0].file.file_data",
        ),
        ({"role": "tool", "content": "a"}, "messages[0].tool_call_id"),
        (
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "thinking", "thinking": "a"}]},
            "messages[0].content",
        ),
        ({"role": "function", "name": "f", "content": "a"}, "messages[0].name"),
        ({"role": "assistant", "tool_calls": {}}, "messages[0].tool_calls"),
        ({"role": "assistant", "tool_calls": [{"id": "c"}]}, "messages[0].tool_calls[0].function"),
        ({"role": "assistant", "tool_calls": [{"type": "custom", "custom": {}}]}, "messages[0].tool_calls[0].type"),
        (
            {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 5}}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"role": "assistant", "tool_calls": [{"function": {}}]}, "messages[0].tool_calls[0].function.name"),
        ({"role": "assistant", "content": "a", "refusal": True}, "messages[0].refusal"),
    ],
)
def test_what_no_turn_can_have_is_named(message: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        parts(message)
    assert error.value.param == param


@pytest.mark.parametrize("messages", [None, []])
def test_there_must_be_messages(messages: Any) -> None:
    request = read_body(json.dumps({"model": "m", "messages": messages}).encode(), CHAT)
    with pytest.raises(BadRequest) as error:
        read_request(request, (), None)
    assert error.value.param == "messages"
