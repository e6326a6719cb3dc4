"""The response object: what it says of the request, and of itself before there is any output.

OpenAI repeats most fields of a request in its response, with its defaults for those that were not given.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

from tollkeeper.rules.ids import made_at
from tollkeeper.wire.json_slices import LARGE
from tollkeeper.wire.responses.request import ResponsesRequest
from tollkeeper.wire.strict_json import Members
from tollkeeper.wire.translate.chat.fields import given, is_object
from tollkeeper.wire.usage import UsageReport

_DEFAULTS: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1,
    "tool_choice": "auto",
    "top_p": 1,
    "truncation": "disabled",
}
"""What stands for a field that a request does not give. A very long one is not repeated, either: it would be sent three
times."""
_PLAIN = {"type": "text"}
_read = msgspec.json.Decoder(dict[str, Raw]).decode
_read_list = msgspec.json.Decoder(list[dict[str, Raw]]).decode


def response_object(request: ResponsesRequest, request_id: str, model: str) -> dict[str, Any]:
    """The response as it begins. `model` is the name that the upstream gave."""
    members = request.members
    echoed = {name: _short(members, name) for name in _DEFAULTS}
    return {
        "id": request.response_id(request_id),
        "object": "response",
        "created_at": made_at(request_id) // 1000,
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "reasoning": _reasoning(members),
        "service_tier": "default",
        "store": False,
        "text": _text(members),
        "tools": _tools(members),
        "top_logprobs": 0,
        "usage": None,
        **{name: _DEFAULTS[name] if raw is None else raw for name, raw in echoed.items()},
    }


def usage_object(report: UsageReport) -> dict[str, Any] | None:
    """The usage as OpenAI reports it; None where nothing is known."""
    if report.prompt_tokens is None and report.completion_tokens is None:
        return None
    prompt, output = report.prompt_tokens or 0, report.completion_tokens or 0
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": report.cached_tokens,
            "cache_write_tokens": report.cache_write_tokens,
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": report.reasoning_tokens},
        "total_tokens": prompt + output,
    }


def _short(members: Members, name: str) -> Raw | None:
    raw = given(members, name)
    return None if raw is None or len(raw) > LARGE else raw


def _reasoning(members: Members) -> dict[str, Any] | None:
    raw = _short(members, "reasoning")
    return None if raw is None or not is_object(raw) else {"effort": None, "summary": None, **_read(raw)}


def _text(members: Members) -> dict[str, Any]:
    raw = _short(members, "text")
    text: dict[str, Any] = {} if raw is None or not is_object(raw) else dict(_read(raw))
    if text.get("format") in (None, Raw(b"null")):
        text["format"] = _PLAIN
    return text


def _tools(members: Members) -> list[dict[str, Any]]:
    """The tools; of functions also the fields that they may leave out."""
    raw = _short(members, "tools")
    tools: list[dict[str, Any]] = [] if raw is None else [*_read_list(raw)]
    missing = {"description": None, "parameters": None, "strict": None}
    return [missing | tool if tool.get("type") == Raw(b'"function"') else tool for tool in tools]
