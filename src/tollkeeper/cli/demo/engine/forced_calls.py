"""Requests that force the call of a tool, as llama.cpp can keep to it.

llama.cpp passes over a `tool_choice` that names a function, and with `required` lets the model talk before it calls,
which a small one does until it has no tokens left. Both are mended in the request: it holds the named function only,
and the answer has begun with what a call begins with. The grammar of calls does the rest.
"""

from __future__ import annotations

from typing import Any

from msgspec import DecodeError, json

from tollkeeper.cli.demo.engine.chat_template import CALL


def force_calls(body: bytes) -> bytes:
    """The body for llama.cpp of a chat request: as it came, unless it forces a call."""
    if b'"tool_choice"' not in body:
        return body
    try:
        request = json.decode(body)
    except DecodeError:
        return body
    match request:
        case {"tool_choice": choice, "tools": [*tools], "messages": [*messages]} if tools:
            allowed = _allowed(choice, tools)
        case _:
            return body
    if not allowed:
        return body
    begun = {"role": "assistant", "content": CALL}
    # One call, unless more are asked for: a small model goes on as it began.
    parallel = request.get("parallel_tool_calls", False)
    return json.encode(
        request
        | {"tools": allowed, "tool_choice": "required", "parallel_tool_calls": parallel, "messages": [*messages, begun]}
    )


def _allowed(choice: object, tools: list[Any]) -> list[Any]:
    """Those of the tools of which one must be called; none if the model may choose not to."""
    match choice:
        case "required":
            return tools
        case {"type": "function", "function": {"name": name}}:
            return [tool for tool in tools if _name(tool) == name]
    return []


def _name(tool: object) -> object:
    match tool:
        case {"function": {"name": name}}:
            return name
    return None
