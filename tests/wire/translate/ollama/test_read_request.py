"""What a chat or a prompt in Ollama's own API says, as a conversation."""

import json

import pytest
from msgspec import Raw

from tests.wire.ollama.test_request import JPEG, PNG, SAY, body
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.ollama.request import CHAT, GENERATE
from tollkeeper.wire.ollama.request import read_request as read_body
from tollkeeper.wire.translate.conversation import (
    ImagePart,
    OutputFormat,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from tollkeeper.wire.translate.ollama.read_request import read_request

CALL = "messages[0].tool_calls[0].function"


def read(endpoint=CHAT, urls=None, cap=None, **fields):
    request = read_body(body(**fields), endpoint)
    return read_request(request, [image.url for image in request.images] if urls is None else urls, cap)


def turns(*messages):
    return read(messages=messages).turns


def refused(endpoint=CHAT, **fields):
    with pytest.raises(BadRequest) as error:
        read(endpoint, **fields)
    return error.value.param


def call(name="f", arguments=..., **more):
    return {"function": {"name": name, **({} if arguments is ... else {"arguments": arguments})}, **more}


def test_texts_keep_their_roles_and_order():
    said = [("system", "a"), ("user", "b"), ("assistant", "c"), ("system", "d"), ("USER", "e")]
    found = turns(*({"role": role, "content": text} for role, text in said))
    assert [(turn.role, turn.parts) for turn in found] == [(role.lower(), (Text(text),)) for role, text in said]


def test_images_come_before_the_text_in_order():
    found = read(
        messages=[{"role": "user", "content": "?", "images": [PNG, JPEG]}, {"role": "user", "images": [PNG]}],
        urls=["data:1", "data:2", "data:3"],
    ).turns
    assert found == (
        Turn("user", (ImagePart("data:1"), ImagePart("data:2"), Text("?"))),
        Turn("user", (ImagePart("data:3"),)),
    )


def test_a_prompt_is_what_a_user_says():
    found = read(GENERATE, prompt="hi", system="be brief", images=[PNG], urls=["data:1"])
    assert found.turns == (Turn("system", (Text("be brief"),)), Turn("user", (ImagePart("data:1"), Text("hi"))))
    assert read(GENERATE, prompt="hi", system="").turns == (Turn("user", (Text("hi"),)),)


def test_calls_get_ids_by_their_order_and_results_follow_them():
    arguments = {"city": "Paris", "n": 1.50}
    found = turns(
        *SAY,
        {"role": "assistant", "content": "", "tool_calls": [call("f", arguments), call("g"), call("f", {})]},
        {"role": "tool", "content": "1", "tool_name": "g"},
        {"role": "tool", "content": "2", "tool_name": "f"},
        {"role": "tool", "content": "3"},
        {"role": "assistant", "content": "so", "thinking": "hm", "tool_calls": [call("f")]},
        {"role": "tool", "content": "4", "tool_name": ""},
    )
    assert found[1:] == (
        Turn(
            "assistant",
            (
                ToolCall("call_1", "f", json.dumps(arguments)),
                ToolCall("call_2", "g", "{}"),
                ToolCall("call_3", "f", "{}"),
            ),
        ),
        Turn(
            "user",
            (
                ToolResult("call_2", (Text("1"),)),
                ToolResult("call_1", (Text("2"),)),
                ToolResult("call_3", (Text("3"),)),
            ),
        ),
        Turn("assistant", (Thinking("hm"), Text("so"), ToolCall("call_4", "f", "{}"))),
        Turn("user", (ToolResult("call_4", (Text("4"),)),)),
    )


def test_ids_of_newer_clients_are_kept():
    found = turns(
        {"role": "assistant", "tool_calls": [call("f", id="x1"), call("f", '{"a":1}', id="x2")]},
        {"role": "tool", "content": "2", "tool_call_id": "x2"},
        {"role": "tool", "content": "1", "tool_call_id": "x1"},
    )
    assert found[0].parts == (ToolCall("x1", "f", "{}"), ToolCall("x2", "f", '{"a":1}'))
    assert [part.call_id for part in found[1].parts] == ["x2", "x1"]


@pytest.mark.parametrize(
    "after",
    [
        [{"role": "tool", "content": "1", "tool_name": "g"}],
        [{"role": "tool", "content": "1", "tool_call_id": "other"}],
        [{"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}],
    ],
)
def test_a_result_without_a_call_is_refused(after):
    messages = [{"role": "assistant", "tool_calls": [call("f")]}, *after]
    assert refused(messages=messages) == f"messages[{len(messages) - 1}]"
    assert refused(messages=after) == "messages[0]"


def test_tools():
    schema = {"type": "object", "properties": {}}
    tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}}, call("g")]
    assert read(messages=SAY, tools=tools).tools == (
        Tool("f", "d", Raw(json.dumps(schema).encode())),
        Tool("g"),
    )
    assert read(messages=SAY, tools=None).tools == ()


def test_what_samples_is_read_from_the_options():
    options = {
        "temperature": 0.5,
        "top_p": 1,
        "top_k": 4,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "stop": ["a", ""],
        "num_thread": 9,
        "repeat_penalty": 1.1,
    }
    found = read(messages=SAY, options=options, cap=9, stream=False)
    assert (found.temperature, found.top_p, found.top_k, found.seed) == (Raw(b"0.5"), Raw(b"1"), Raw(b"4"), Raw(b"7"))
    assert (found.frequency_penalty, found.presence_penalty) == (Raw(b"0.1"), Raw(b"0.2"))
    assert (found.stop, found.output_cap, found.stream) == (("a",), 9, False)
    assert read(messages=SAY, options={"stop": "x"}).stop == ("x",)
    assert read(messages=SAY).stream


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("", None),
        ("json", OutputFormat()),
        ({"type": "object"}, OutputFormat(Raw(b'{"type": "object"}'))),
    ],
)
def test_the_form_of_the_output(given, expected):
    assert read(messages=SAY, format=given).output == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        (True, Reasoning()),
        (False, Reasoning(effort="none", shown=False)),
        ("low", Reasoning(effort="low")),
        ("high", Reasoning(effort="high")),
    ],
)
def test_how_much_to_think(given, expected):
    assert read(messages=SAY, think=given).reasoning == expected


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "bot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, CALL),
        ({"messages": [{"role": "assistant", "tool_calls": [call(7)]}]}, f"{CALL}.name"),
        ({"messages": [{"role": "assistant", "tool_calls": [call("f", [])]}]}, f"{CALL}.arguments"),
        ({"messages": SAY, "tools": [{}]}, "tools[0].function"),
        ({"messages": SAY, "tools": [{"function": {"name": "g", "parameters": []}}]}, "tools[0].function.parameters"),
        ({"messages": SAY, "format": "yaml"}, "format"),
        ({"messages": SAY, "format": 7}, "format"),
        ({"messages": SAY, "think": "deeply"}, "think"),
        ({"messages": SAY, "think": 1}, "think"),
        ({"messages": SAY, "options": {"temperature": "hot"}}, "options.temperature"),
        ({"messages": SAY, "options": {"stop": [7]}}, "options.stop"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_field(fields, param):
    assert refused(**fields) == param


def test_a_prompt_of_another_type_too():
    assert refused(GENERATE, prompt=["a"]) == "prompt"
