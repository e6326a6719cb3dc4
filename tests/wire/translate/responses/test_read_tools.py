"""Tools, and the choice of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tests.wire.translate.responses.asking import FUNCTION, SCHEMA, asking
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.conversation import Tool, ToolChoice
from tollkeeper.wire.translate.responses.read_tools import Tools, arguments_of, input_of, read_tools

PARAMETERS = Raw(json.dumps(SCHEMA).encode())
NAMESPACE = {
    "type": "namespace",
    "name": "mcp",
    "description": "d",
    "tools": [FUNCTION, {"type": "custom", "name": "c"}],
}


def read(*tools: dict[str, Any], **fields: Any) -> Tools:
    return read_tools(asking(tools=list(tools), **fields))


def test_functions_in_and_out_of_namespaces() -> None:
    plain, inside, custom = read(FUNCTION, NAMESPACE).tools
    assert plain == Tool("f", "d", PARAMETERS, strict=True)
    assert inside == Tool("f", "d", PARAMETERS, strict=True, namespace="mcp")
    assert (custom.flat_name, custom.description) == ("mcp__c", None)
    assert read({"type": "function", "name": "g"}).tools == (Tool("g"),)
    assert read_tools(asking()) == Tools((), None, frozenset())


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    tools = read({"type": "custom", "name": "p", "description": "d", "format": {"type": "text"}}, NAMESPACE)
    schema = json.loads(bytes(tools.tools[0].schema or b""))
    assert (schema["required"], schema["properties"]) == (["input"], {"input": {"type": "string"}})
    assert tools.custom == {"p", "mcp__c"}


@pytest.mark.parametrize("description", [None, "d"])
def test_a_grammar_is_told_to_the_model(description: str | None) -> None:
    form = {"type": "grammar", "syntax": "lark", "definition": 'start: "x"'}
    (tool,) = read({"type": "custom", "name": "p", "description": description, "format": form}).tools
    assert tool.description is not None
    assert tool.description.endswith('The input must follow this grammar (lark):\nstart: "x"')
    assert tool.description.startswith(description or "The input")


@pytest.mark.parametrize(
    ("choice", "read_as"),
    [
        (None, None),
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ({"type": "function", "name": "f"}, ToolChoice("tool", "f")),
        ({"type": "function", "name": "f", "namespace": "mcp"}, ToolChoice("tool", "f", "mcp")),
        ({"type": "custom", "name": "c"}, ToolChoice("tool", "c", "mcp")),
    ],
)
def test_each_choice(choice: object, read_as: ToolChoice | None) -> None:
    assert read(FUNCTION, NAMESPACE, tool_choice=choice).choice == read_as


def test_allowed_tools_are_the_only_ones() -> None:
    other = {"type": "function", "name": "g"}
    choice = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]}
    tools = read(FUNCTION, other, tool_choice=choice)
    assert (tools.tools, tools.choice) == ((Tool("g"),), ToolChoice("required"))
    assert read(other, tool_choice=choice | {"mode": "auto"}).choice == ToolChoice("auto")


@pytest.mark.parametrize(
    ("tools", "choice", "param"),
    [
        ([{"type": "web_search"}], None, "tools[0].type"),
        ([{"type": "local_shell"}], None, "tools[0].type"),
        ([{"type": "namespace", "name": "a", "tools": [{"type": "mcp"}]}], None, "tools[0].tools[0].type"),
        ([{"type": "namespace", "name": "a", "tools": [NAMESPACE]}], None, "tools[0].tools[0].type"),
        ([{"type": "namespace", "tools": [FUNCTION]}], None, "tools[0].name"),
        ([{"type": "namespace", "name": "n" * 129, "tools": [FUNCTION]}], None, "tools[0].name"),
        ([{"type": "function"}], None, "tools[0].name"),
        ([FUNCTION | {"parameters": []}], None, "tools[0].parameters"),
        ([FUNCTION | {"strict": "yes"}], None, "tools[0].strict"),
        ([{"type": "custom", "name": "p", "format": "text"}], None, "tools[0].format"),
        ([{"type": "custom", "name": "p", "format": {"type": "xml"}}], None, "tools[0].format.type"),
        ([{"type": "custom", "name": "p", "format": {"type": "grammar"}}], None, "tools[0].format.definition"),
        ([FUNCTION], "any", "tool_choice"),
        ([FUNCTION], 5, "tool_choice"),
        ([FUNCTION], {"type": "web_search"}, "tool_choice.type"),
        ([FUNCTION], {"type": "function", "name": "g"}, "tool_choice.name"),
        ([FUNCTION], {"type": "function", "name": "f", "namespace": "x"}, "tool_choice.name"),
        ([FUNCTION], {"type": "allowed_tools", "mode": "none", "tools": []}, "tool_choice.mode"),
        ([FUNCTION], {"type": "allowed_tools", "mode": "auto"}, "tool_choice.tools"),
        (
            [FUNCTION],
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "x"}]},
            "tool_choice.tools[0].type",
        ),
    ],
)
def test_what_cannot_be_carried_is_refused_and_named(tools: Any, choice: object, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read(*tools, tool_choice=choice)
    assert caught.value.param == param


@given(st.text())
def test_the_input_of_a_custom_tool_comes_back(text: str) -> None:
    assert input_of(arguments_of(text)) == text


@pytest.mark.parametrize("arguments", ["", "*** Begin Patch", '{"text":"x"}', '{"input":5}', "[]", '{"input":"x'])
def test_other_arguments_are_the_input(arguments: str) -> None:
    assert input_of(arguments) == arguments
