"""The tools of a chat request, and which of them the model should call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.strict_json import Members, names, read_object, read_objects, read_string
from tollkeeper.wire.translate.chat.fields import boolean, given, is_object, required, string, wrong
from tollkeeper.wire.translate.conversation import Tool, ToolChoice

_TOOL = names("custom function type")
_FUNCTION = names("description name parameters strict")
_CHOICE = names("allowed_tools function name type")
_ALLOWED = names("mode tools")
_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


def read_tools(members: Members) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """The tools, and the choice of them. Raises BadRequest."""
    tools = _tools(members)
    raw = given(members, "tool_choice")
    if raw is not None:
        return _choice(raw, tools)
    raw = given(members, "function_call")
    return tools, None if raw is None else _legacy_choice(raw, tools)


def _tools(members: Members) -> tuple[Tool, ...]:
    raw = given(members, "tools")
    if raw is not None:
        items = read_objects(raw, _TOOL, "tools")
        return tuple(_tool(item, f"tools[{place}]") for place, item in enumerate(items))
    raw = given(members, "functions")
    if raw is None:
        return ()
    functions = read_objects(raw, _FUNCTION, "functions")
    return tuple(_function(item, f"functions[{place}]", None) for place, item in enumerate(functions))


def _tool(tool: Members, where: str) -> Tool:
    kind = string(tool, "type", where) or "function"
    if kind != "function":
        raise BadRequest(
            f"'{where}.type' is '{kind}', which this model cannot be given. Send tools of type 'function'.",
            param=f"{where}.type",
        )
    raw = given(tool, "function")
    if raw is None:
        raise wrong(f"{where}.function", "an object with a name")
    where = f"{where}.function"
    return _function(read_object(raw, _FUNCTION, where), where, given(tool, "cache_control"))


def _function(function: Members, where: str, cache: Raw | None) -> Tool:
    schema = given(function, "parameters")
    if schema is not None and not is_object(schema):
        raise wrong(f"{where}.parameters", "a JSON Schema, an object")
    return Tool(
        required(function, "name", where),
        string(function, "description", where),
        schema,
        boolean(function, "strict", where),
        cache=cache,
    )


def _choice(raw: Raw, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    where = "tool_choice"
    mode = read_string(raw)
    if mode is not None:
        if mode not in _MODES:
            raise wrong(where, "'none', 'auto', 'required', or an object that names a function")
        return tools, ToolChoice(_MODES[mode])
    if not is_object(raw):
        raise wrong(where, "a string or an object")
    choice = read_object(raw, _CHOICE, where)
    kind = required(choice, "type", where)
    if kind == "function":
        return tools, ToolChoice("tool", _name(choice, where, tools))
    if kind == "allowed_tools":
        return _allowed(choice, tools)
    raise BadRequest(
        f"'{where}.type' is '{kind}', which cannot be sent to this model. Name a function, or send 'auto', 'none' or "
        "'required'.",
        param=f"{where}.type",
    )


def _allowed(choice: Members, tools: Sequence[Tool]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that may be called, alone: other APIs have no list of them beside that of the tools."""
    where = "tool_choice.allowed_tools"
    raw = given(choice, "allowed_tools")
    if raw is None or not is_object(raw):
        raise wrong(where, "an object with 'mode' and 'tools'")
    allowed = read_object(raw, _ALLOWED, where)
    mode = required(allowed, "mode", where)
    if mode not in ("auto", "required"):
        raise wrong(f"{where}.mode", "'auto' or 'required'")
    raw = given(allowed, "tools")
    if raw is None:
        raise wrong(f"{where}.tools", "an array of tools")
    items = read_objects(raw, _CHOICE, f"{where}.tools")
    kept = {_name(item, f"{where}.tools[{place}]", tools) for place, item in enumerate(items)}
    return tuple(tool for tool in tools if tool.name in kept), ToolChoice(_MODES[mode])


def _name(choice: Members, where: str, tools: Sequence[Tool]) -> str:
    """The name of a function, which may stand in an object of its own."""
    raw = given(choice, "function")
    if raw is not None:
        where = f"{where}.function"
        choice = read_object(raw, _FUNCTION, where)
    return _known(required(choice, "name", where), f"{where}.name", tools)


def _known(name: str, where: str, tools: Sequence[Tool]) -> str:
    if all(tool.name != name for tool in tools):
        raise BadRequest(f"'{where}' names '{name}', which is none of the tools. Name one of them.", param=where)
    return name


def _legacy_choice(raw: Raw, tools: Sequence[Tool]) -> ToolChoice:
    where = "function_call"
    mode = read_string(raw)
    if mode in ("none", "auto"):
        return ToolChoice(_MODES[mode])
    if mode is not None or not is_object(raw):
        raise wrong(where, "'none', 'auto', or an object that names a function")
    return ToolChoice(
        "tool", _known(required(read_object(raw, _FUNCTION, where), "name", where), f"{where}.name", tools)
    )
