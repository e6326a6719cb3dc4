"""The tools of a Responses request, and which of them the model should call.

A custom tool takes free text, which other APIs do not have: it becomes a function with one argument, `input`, and its
calls become custom calls again. A grammar for that text is told to the model in the description, as clients check what
they get.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.wire.responses.fields import TOOL
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.strict_json import Members, names, read_object, read_objects, read_string
from tollkeeper.wire.translate.chat.fields import boolean, given, is_object, required, string, wrong
from tollkeeper.wire.translate.conversation import Tool, ToolChoice

INPUT = "input"
"""The argument of the function that stands for a custom tool."""
_FREE_TEXT = Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
_LONGEST_NAMESPACE = 128
_CHOICE = names("mode name namespace tools type")
_FORMAT = names("definition syntax type")
_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


class Tools(Struct, frozen=True):
    """The tools of a request. `custom` are the flat names of custom ones."""

    tools: tuple[Tool, ...]
    choice: ToolChoice | None
    custom: frozenset[str]


def read_tools(request: ResponsesRequest) -> Tools:
    """The tools but for the spare ones, and the choice of them. Raises BadRequest."""
    members = request.members
    raw = given(members, "tools")
    found = [] if raw is None else [*_tools(raw, "tools", None, request.spare)]
    tools = tuple(tool for tool, _ in found)
    custom = frozenset(tool.flat_name for tool, is_custom in found if is_custom)
    raw = given(members, "tool_choice")
    if raw is None:
        return Tools(tools, None, custom)
    kept, choice = _choice(raw, tools)
    return Tools(kept, choice, custom)


def _tools(raw: Raw, where: str, namespace: str | None, spare: Collection[int] = ()) -> Iterator[tuple[Tool, bool]]:
    for place, tool in enumerate(read_objects(raw, TOOL, where)):
        at = f"{where}[{place}]"
        kind = required(tool, "type", at)
        if kind == "function":
            yield _function(tool, at, namespace), False
        elif kind == "custom":
            yield _custom(tool, at, namespace), True
        elif place in spare:
            continue
        elif kind == "namespace" and namespace is None:
            inside = given(tool, "tools")
            if inside is not None:
                yield from _tools(inside, f"{at}.tools", _namespace(tool, at))
        else:
            raise UnsupportedByUpstream(
                f"'{at}.type' is '{kind}', which this model cannot be given. Send tools of the types 'function', "
                "'custom' and 'namespace', or use another model.",
                param=f"{at}.type",
            )


def _namespace(tool: Members, where: str) -> str:
    name = required(tool, "name", where)
    if len(name) > _LONGEST_NAMESPACE:  # each of its tools gets it as part of its name
        raise wrong(f"{where}.name", f"a string of at most {_LONGEST_NAMESPACE} characters")
    return name


def _function(tool: Members, where: str, namespace: str | None) -> Tool:
    schema = given(tool, "parameters")
    if schema is not None and not is_object(schema):
        raise wrong(f"{where}.parameters", "a JSON Schema, an object")
    return Tool(
        required(tool, "name", where),
        string(tool, "description", where),
        schema,
        boolean(tool, "strict", where),
        namespace,
    )


def _custom(tool: Members, where: str, namespace: str | None) -> Tool:
    description = string(tool, "description", where)
    raw = given(tool, "format")
    if raw is not None:
        if not is_object(raw):
            raise wrong(f"{where}.format", "an object with a type")
        form = read_object(raw, _FORMAT, f"{where}.format")
        kind = required(form, "type", f"{where}.format")
        if kind == "grammar":
            syntax = string(form, "syntax", f"{where}.format") or "lark"
            grammar = required(form, "definition", f"{where}.format")
            told = f"The input must follow this grammar ({syntax}):\n{grammar}"
            description = f"{description}\n\n{told}" if description else told
        elif kind != "text":
            raise wrong(f"{where}.format.type", "'text' or 'grammar'")
    return Tool(required(tool, "name", where), description, _FREE_TEXT, None, namespace)


def _choice(raw: Raw, tools: tuple[Tool, ...]) -> tuple[tuple[Tool, ...], ToolChoice]:
    where = "tool_choice"
    mode = read_string(raw)
    if mode is not None:
        if mode not in _MODES:
            raise wrong(where, "'none', 'auto', 'required', or an object that names a tool")
        return tools, ToolChoice(_MODES[mode])
    if not is_object(raw):
        raise wrong(where, "a string or an object")
    choice = read_object(raw, _CHOICE, where)
    kind = required(choice, "type", where)
    if kind == "allowed_tools":
        return _allowed(choice, tools)
    tool = _named(choice, where, tools)
    return tools, ToolChoice("tool", tool.name, tool.namespace)


def _allowed(choice: Members, tools: Sequence[Tool]) -> tuple[tuple[Tool, ...], ToolChoice]:
    """The tools that may be called, alone: other APIs have no list of them beside that of the tools."""
    mode = string(choice, "mode", "tool_choice") or "auto"
    if mode not in ("auto", "required"):
        raise wrong("tool_choice.mode", "'auto' or 'required'")
    raw = given(choice, "tools")
    if raw is None:
        raise wrong("tool_choice.tools", "an array of tools")
    places = enumerate(read_objects(raw, _CHOICE, "tool_choice.tools"))
    kept = [_named(item, f"tool_choice.tools[{place}]", tools) for place, item in places]
    return tuple(tool for tool in tools if tool in kept), ToolChoice(_MODES[mode])


def _named(choice: Members, where: str, tools: Sequence[Tool]) -> Tool:
    """The tool that a choice names; one in a namespace may be named without that, where no other has its name."""
    kind = required(choice, "type", where)
    if kind not in ("function", "custom"):
        raise UnsupportedByUpstream(
            f"'{where}.type' is '{kind}', which cannot be sent to this model. Name a function, or send 'auto', 'none' "
            "or 'required'.",
            param=f"{where}.type",
        )
    name, namespace = required(choice, "name", where), string(choice, "namespace", where)
    found = [tool for tool in tools if tool.name == name and namespace in (None, tool.namespace)]
    found = [tool for tool in found if tool.namespace == namespace] or found
    if not found:
        raise BadRequest(
            f"'{where}.name' names '{name}', which is none of the tools. Name one of them.", param=f"{where}.name"
        )
    return found[0]


def arguments_of(text: str) -> str:
    """The arguments of the function that stands for a custom tool."""
    return msgspec.json.encode({INPUT: text}).decode()


class _Input(Struct):
    input: str


_read_input = msgspec.json.Decoder(_Input).decode


def input_of(arguments: str) -> str:
    """The text for a custom tool in the arguments of its function; the arguments themselves where the model gave
    others."""
    try:
        return _read_input(arguments).input
    except (msgspec.DecodeError, UnicodeEncodeError):
        return arguments
