"""Bodies for upstreams that speak Messages."""

import json

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.rules.kinds import ANTHROPIC
from tollkeeper.wire.translate.conversation import (
    Conversation,
    OutputFormat,
    Reasoning,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tollkeeper.wire.translate.messages.write_request import check_supported, write_request

HI = Turn("user", (Text("hi"),))
SYSTEM = Turn("system", (Text("be kind"),))
OLD, NEW = "claude-haiku-4-5", "claude-opus-5"
LOOP = (HI, Turn("assistant", (ToolCall("t", "f", "{}"),)), Turn("user", (ToolResult("t", (Text("r"),)),)))
SAMPLING = {"temperature", "top_p", "top_k"}
TOOL = Tool("f", "does f", Raw(b'{"type":"object"}'), strict=True)


def text_of(*turns, model=OLD, **fields):
    conversation = Conversation(turns=turns or (HI,), **fields)
    check_supported(conversation, ANTHROPIC)
    return write_request(conversation, model=model, opaque_user=lambda: "u_1", kind=ANTHROPIC, price=None)


def body(*turns, **fields):
    return json.loads(text_of(*turns, **fields))


def test_byte_for_byte():
    sent = text_of(
        SYSTEM,
        HI,
        tools=(TOOL,),
        tool_choice=ToolChoice("auto"),
        output_cap=100,
        stop=("END",),
        temperature=Raw(b"0.70"),
        top_k=Raw(b"5"),
        stream=True,
        names_user=True,
    )
    assert sent == (
        b'{"model":"claude-haiku-4-5","max_tokens":100,"system":"be kind","messages":[{"role":"user","content":"hi"}],'
        b'"tools":[{"name":"f","description":"does f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"},'
        b'"stop_sequences":["END"],"temperature":0.70,"top_k":5,"stream":true,"metadata":{"user_id":"u_1"}}'
    )


def test_a_user_is_named_only_where_the_client_names_one():
    assert "metadata" not in body()


def test_a_cap_is_required():
    assert body()["max_tokens"] == 4096
    assert body(output_cap=7)["max_tokens"] == 7


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("tool", "f"), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice("tool", "f", "mcp"), None, {"type": "tool", "name": "mcp__f"}),
        (ToolChoice("none"), False, {"type": "none"}),
    ],
)
def test_tool_choice(choice, parallel, sent):
    assert body(tools=(TOOL,), tool_choice=choice, parallel=parallel).get("tool_choice") == sent
    assert "tool_choice" not in body(tool_choice=choice, parallel=parallel)


def test_tools_in_other_forms():
    tools = (Tool("g"), Tool("h", namespace="mcp", cache=Raw(b'{"type":"ephemeral"}')))
    assert body(tools=tools)["tools"] == [
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {
            "name": "mcp__h",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": {"type": "ephemeral"},
        },
    ]


def test_tools_that_were_called_are_defined_even_where_none_may_be_called():
    sent = body(*LOOP)
    assert sent["tools"] == [{"name": "f", "input_schema": {"type": "object"}}]
    assert sent["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"temperature": Raw(b"1.5")}, {"temperature": 1}),
        ({"temperature": Raw(b"0")}, {"temperature": 0}),
        ({"temperature": Raw(b"0.2"), "top_p": Raw(b"1.0")}, {"temperature": 0.2}),
        ({"top_p": Raw(b"0.9")}, {"top_p": 0.9}),
        ({"seed": Raw(b"1"), "frequency_penalty": Raw(b"1"), "presence_penalty": Raw(b"1")}, {}),
    ],
)
def test_sampling(fields, sent):
    names = ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty")
    written = body(**fields)
    assert {name: written[name] for name in names if name in written} == sent


def test_a_model_that_thinks_takes_little_of_it():
    sampling = {"temperature": Raw(b"0"), "top_k": Raw(b"5"), "reasoning": Reasoning("high")}
    assert not {"temperature", "top_k", "top_p"} & body(top_p=Raw(b"0.5"), **sampling).keys()
    assert body(top_p=Raw(b"0.97"), **sampling)["top_p"] == 0.97


@pytest.mark.parametrize(("model", "names"), [(NEW, set()), (OLD, {"temperature", "top_k"}), ("kimi-k2", SAMPLING)])
def test_models_get_what_they_take_of_it(model, names):
    given = {"temperature": Raw(b"0"), "top_p": Raw(b"0.5"), "top_k": Raw(b"5")}
    assert SAMPLING & body(model=model, **given).keys() == names


def test_reasoning_as_the_model_knows_it():
    assert body(reasoning=Reasoning("high"), output_cap=10_000)["thinking"] == {
        "type": "enabled",
        "budget_tokens": 8000,
    }
    written = body(model=NEW, reasoning=Reasoning("low"))
    assert written["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert written["output_config"] == {"effort": "low"}
    assert not {"thinking", "output_config"} & body().keys()


@pytest.mark.parametrize("choice", [ToolChoice("required"), ToolChoice("tool", "f")])
def test_a_forced_call_is_made_without_thinking(choice):
    fields = {"reasoning": Reasoning("high"), "tools": (TOOL,), "tool_choice": choice}
    assert "thinking" not in body(**fields)
    assert body(model=NEW, **fields)["thinking"] == {"type": "disabled"}


def test_thinking_is_not_turned_on_within_a_loop_that_lacks_its_thought():
    assert "thinking" not in body(*LOOP, reasoning=Reasoning("high"), tools=(TOOL,))
    assert body(*LOOP, model=NEW, tools=(TOOL,))["thinking"] == {"type": "disabled"}
    thought = (Thinking("hm", "EqQB"), *LOOP[1].parts)
    whole = (LOOP[0], Turn("assistant", thought), LOOP[2])
    assert body(*whole, reasoning=Reasoning("high"), tools=(TOOL,))["thinking"]["type"] == "enabled"


def test_structured_output():
    schema = {"type": "object", "additionalProperties": False}
    written = body(output=OutputFormat(Raw(json.dumps(schema).encode())), model=NEW, reasoning=Reasoning("low"))
    assert written["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": schema}}


def test_json_without_a_schema_is_asked_for_in_words():
    assert "JSON" in body(output=OutputFormat())["system"]
    first, second = body(SYSTEM, HI, output=OutputFormat())["system"]
    assert (first["text"], "JSON" in second["text"]) == ("be kind", True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [({"stop": ("END", "\n")}, "stop"), ({"tools": (Tool("a b"),)}, "tools"), ({"tools": (Tool("x" * 129),)}, "tools")],
)
def test_what_anthropic_would_refuse(fields, param):
    with pytest.raises(UnsupportedByUpstream) as caught:
        body(**fields)
    assert caught.value.param == param


def test_a_long_body_is_joined_in_slices():
    words = "é" * 300_000
    assert body(Turn("user", (Text(words),)))["messages"][0]["content"] == words
