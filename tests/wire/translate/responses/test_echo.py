"""The response object, and what it repeats of the request."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from tests.wire.translate.responses.asking import FUNCTION, REQUEST_ID, SCHEMA, asking
from tollkeeper.wire.translate.responses.echo import response_object, usage_object
from tollkeeper.wire.usage import NO_REPORT, UsageReport


def echoed(**fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(msgspec.json.encode(response_object(asking(**fields), REQUEST_ID, "M")))
    return made


def test_what_was_given_is_repeated() -> None:
    given: dict[str, Any] = {
        "instructions": "Be brief.",
        "max_output_tokens": 9,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "tool_choice": {"type": "function", "name": "f"},
        "truncation": "auto",
        "prompt_cache_key": "k",
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}, "verbosity": "low"},
        "tools": [FUNCTION, {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION]}],
    }
    made = echoed(**given)
    assert {name: made[name] for name in given} == given
    assert (made["id"], made["created_at"], made["model"]) == (REQUEST_ID.replace("req_", "resp_"), 1795183175, "M")


def test_what_a_function_leaves_out_is_null() -> None:
    (tool,) = echoed(tools=[{"type": "function", "name": "g"}])["tools"]
    assert tool == {"type": "function", "name": "g", "description": None, "parameters": None, "strict": None}
    assert echoed(reasoning={"effort": "low"})["reasoning"] == {"effort": "low", "summary": None}


def test_what_is_very_long_is_not_repeated() -> None:
    made = echoed(instructions="a" * 200_000, tools=[FUNCTION | {"description": "a" * 200_000}])
    assert (made["instructions"], made["tools"]) == (None, [])


def test_usage() -> None:
    assert usage_object(NO_REPORT) is None
    assert usage_object(UsageReport(7, 3, 2, 1, 4)) == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 4},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 10,
    }
