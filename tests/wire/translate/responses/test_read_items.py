"""Items, as turns."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.translate.responses.asking import PNG, conversation
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.conversation import (
    FilePart,
    ImagePart,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from tollkeeper.wire.translate.responses.thoughts import seal

CALL: dict[str, Any] = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'}
RESULT: dict[str, Any] = {"type": "function_call_output", "call_id": "c1", "output": "done"}
SAID: dict[str, Any] = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Let me see.", "annotations": []}],
}
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]}
F = ToolCall("c1", "f", '{"a": 1}')


def turns(*items: dict[str, Any]) -> tuple[Turn, ...]:
    return conversation(input=list(items)).turns


def content(*parts: dict[str, Any]) -> tuple[Part, ...]:
    (turn,) = turns({"role": "user", "content": list(parts)})
    return turn.parts


@pytest.mark.parametrize(
    ("role", "read"), [("system", "system"), ("developer", "system"), ("user", "user"), ("assistant", "assistant")]
)
@pytest.mark.parametrize("kind", [{}, {"type": "message"}, {"type": None}])
def test_messages_of_each_role(role: str, read: Any, kind: dict[str, Any]) -> None:
    assert turns(kind | {"role": role, "content": "hi"}) == (Turn(read, (Text("hi"),)),)


def test_what_one_response_made_is_one_turn() -> None:
    made = turns({"role": "user", "content": "go"}, THOUGHT, SAID, CALL, CALL | {"call_id": "c2", "name": "g"})
    assert made[1:] == (Turn("assistant", (Text("Let me see."), F, ToolCall("c2", "g", '{"a": 1}'))),)


def test_results_that_follow_each_other_are_one_turn_and_messages_are_not() -> None:
    second = RESULT | {"call_id": "c2", "output": [{"type": "input_text", "text": "x"}]}
    said = {"role": "user", "content": "and?"}
    assert turns(CALL, RESULT, second, said, said) == (
        Turn("assistant", (F,)),
        Turn("user", (ToolResult("c1", (Text("done"),)), ToolResult("c2", (Text("x"),)))),
        Turn("user", (Text("and?"),)),
        Turn("user", (Text("and?"),)),
    )


def test_calls_between_results_stay_in_their_order() -> None:
    roles = [turn.role for turn in turns(CALL, RESULT, CALL, RESULT, SAID)]
    assert roles == ["assistant", "user", "assistant", "user", "assistant"]


def test_a_call_keeps_its_namespace_and_its_arguments() -> None:
    assert turns(CALL | {"namespace": "mcp", "arguments": "not json"})[0].parts == (
        ToolCall("c1", "f", "not json", "mcp"),
    )


def test_a_custom_call_is_one_of_a_function_with_its_input() -> None:
    call = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": 'a "b"\nü'}
    result = {"type": "custom_tool_call_output", "call_id": "c", "output": "ok"}
    assert turns(call, result) == (
        Turn("assistant", (ToolCall("c", "patch", '{"input":"a \\"b\\"\\nü"}'),)),
        Turn("user", (ToolResult("c", (Text("ok"),)),)),
    )


def test_thoughts_that_another_made_are_left_out() -> None:
    assert turns(THOUGHT | {"encrypted_content": "gAAA"}, SAID) == (Turn("assistant", (Text("Let me see."),)),)
    assert turns({"role": "user", "content": "x"}, THOUGHT)[1:] == ()


def test_a_thought_that_was_sealed_here_comes_back() -> None:
    thought = Thinking("hm", "sig")
    (turn,) = turns(THOUGHT | {"encrypted_content": seal(thought)}, CALL)
    assert turn.parts == (thought, F)


def test_parts_of_content() -> None:
    assert content(
        {"type": "input_text", "text": "a"},
        {"type": "output_text", "text": "b"},
        {"type": "refusal", "refusal": "c"},
        {"type": "input_image", "image_url": PNG, "detail": "low"},
        {"type": "input_file", "file_data": PNG, "filename": "a.png"},
        {"type": "input_file", "file_data": "JVBE"},
    ) == (
        Text("a"),
        Text("b"),
        Text("c", refusal=True),
        ImagePart(PNG),
        FilePart(PNG, "a.png"),
        FilePart("data:application/pdf;base64,JVBE"),
    )


def test_images_of_messages_and_results_keep_their_places() -> None:
    first, second = ({"type": "input_image", "image_url": PNG + letter} for letter in "BC")
    read = turns({"role": "user", "content": [first]}, CALL, RESULT | {"output": [second]})
    assert read[0].parts == (ImagePart(PNG + "B"),)
    assert read[2].parts == (ToolResult("c1", (ImagePart(PNG + "C"),)),)


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({"role": "tool", "content": "x"}, "input[0].role"),
        ({"type": "message", "content": "x"}, "input[0].role"),
        ({"role": "user", "content": {"text": "x"}}, "input[0].content"),
        ({"role": "user", "content": [{"text": "x"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_text"}]}, "input[0].content[0].text"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "input[0].content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].type"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "input[0].content[0].file_data"),
        (
            {"role": "user", "content": [{"type": "input_file", "file_url": "http://a"}]},
            "input[0].content[0].file_url",
        ),
        ({"type": "function_call", "name": "f"}, "input[0].call_id"),
        ({"type": "function_call", "call_id": "c"}, "input[0].name"),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id"),
        ({"type": "custom_tool_call", "call_id": "c", "name": "f"}, "input[0].input"),
        ({"type": "web_search_call", "id": "ws"}, "input[0].type"),
        ({"type": "local_shell_call", "call_id": "c"}, "input[0].type"),
        ({"type": "what_comes_next"}, "input[0].type"),
    ],
)
def test_what_cannot_be_carried_is_refused_and_named(item: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        turns(item)
    assert caught.value.param == param
