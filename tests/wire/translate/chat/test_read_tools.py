"""The tools of a chat request, and the choice of them in all of OpenAI's forms."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Raw

from tests.wire.translate.chat.asking import conversation
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.conversation import Tool, ToolChoice


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name} | more}


TOOLS = [tool("f"), tool("g")]
F, G = Tool("f"), Tool("g")


def test_tools_keep_their_schemas_as_they_were_written() -> None:
    full = tool("f", description="does", parameters={"type": "object", "maximum": -9007199254740991}, strict=True)
    assert conversation(tools=[full | {"cache_control": {}}, tool("g", parameters=None)]).tools == (
        Tool("f", "does", Raw(b'{"type": "object", "maximum": -9007199254740991}'), True, cache=Raw(b"{}")),
        G,
    )
    assert conversation(functions=[{"name": "f", "parameters": {}}]).tools == (Tool("f", schema=Raw(b"{}")),)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("none", ToolChoice("none")),
        ("auto", ToolChoice("auto")),
        ("required", ToolChoice("required")),
        ({"type": "function", "function": {"name": "g"}}, ToolChoice("tool", "g")),
        ({"type": "function", "name": "g"}, ToolChoice("tool", "g")),
    ],
)
def test_choices(choice: Any, expected: ToolChoice | None) -> None:
    read = conversation(tools=TOOLS, tool_choice=choice)
    assert (read.tools, read.tool_choice) == ((F, G), expected)


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_allowed_tools_are_the_only_ones(mode: str) -> None:
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "g"}}]}
    read = conversation(tools=TOOLS, tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert read.tools == (G,)
    assert read.tool_choice is not None
    assert read.tool_choice.mode == mode


@pytest.mark.parametrize(
    ("call", "expected"),
    [("none", ToolChoice("none")), ("auto", ToolChoice("auto")), ({"name": "f"}, ToolChoice("tool", "f"))],
)
def test_functions_of_old_are_called_one_at_a_time(call: Any, expected: ToolChoice) -> None:
    read = conversation(functions=[{"name": "f"}], function_call=call)
    assert (read.tool_choice, read.parallel) == (expected, False)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [tool("f"), {"type": "function", "function": {}}]}, "tools[1].function.name"),
        ({"tools": [tool("f", parameters="x")]}, "tools[0].function.parameters"),
        ({"tools": [tool("f", strict="yes")]}, "tools[0].function.strict"),
        ({"functions": [{"name": 5}]}, "functions[0].name"),
        ({"tools": TOOLS, "tool_choice": "maybe"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": 5}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "custom", "custom": {"name": "f"}}}, "tool_choice.type"),
        ({"tools": TOOLS, "tool_choice": {"type": "function"}}, "tool_choice.name"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "h"}}}, "tool_choice.function.name"),
        ({"tools": TOOLS, "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
        (
            {"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "x", "tools": []}}},
            "tool_choice.allowed_tools.mode",
        ),
        (
            {"tools": TOOLS, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}},
            "tool_choice.allowed_tools.tools",
        ),
        (
            {
                "tools": TOOLS,
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [tool("h")]}},
            },
            "tool_choice.allowed_tools.tools[0].function.name",
        ),
        ({"functions": [{"name": "f"}], "function_call": "required"}, "function_call"),
        ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call.name"),
    ],
)
def test_what_cannot_be_carried_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as error:
        conversation(**fields)
    assert error.value.param == param
