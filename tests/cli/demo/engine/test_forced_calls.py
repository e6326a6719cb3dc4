"""Requests that force a call, and those that stay as they came."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import json

from tollkeeper.cli.demo.engine.chat_template import CALL
from tollkeeper.cli.demo.engine.forced_calls import force_calls

MESSAGES = [{"role": "user", "content": "Add 1 and 2."}]
ADD, NAME = ({"type": "function", "function": {"name": name, "parameters": {}}} for name in ("add", "name"))


def chat(**fields: Any) -> dict[str, Any]:
    return {"model": "some-model", "messages": MESSAGES, "tools": [ADD, NAME]} | fields


def forced(**fields: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.decode(force_calls(json.encode(chat(**fields))))
    return decoded


def test_required_is_a_call_that_has_begun():
    assert forced(tool_choice="required", stream=True) == chat(
        tool_choice="required",
        stream=True,
        parallel_tool_calls=False,
        messages=[*MESSAGES, {"role": "assistant", "content": CALL}],
    )


def test_a_named_function_is_the_only_one():
    sent = forced(tool_choice={"type": "function", "function": {"name": "name"}})
    assert (sent["tools"], sent["tool_choice"]) == ([NAME], "required")
    assert sent["messages"][-1] == {"role": "assistant", "content": CALL}


def test_several_calls_where_they_are_asked_for():
    assert forced(tool_choice="required", parallel_tool_calls=True)["parallel_tool_calls"] is True


@pytest.mark.parametrize(
    "body",
    [
        json.encode(chat()),
        json.encode(chat(tool_choice="auto")),
        json.encode(chat(tool_choice="none")),
        json.encode(chat(tool_choice=None)),
        json.encode(chat(tool_choice="required", tools=[])),
        json.encode(chat(tool_choice="required", tools=None)),
        json.encode(chat(tool_choice="required", messages="Hello")),
        json.encode(chat(tool_choice={"type": "function", "function": {"name": "other"}})),
        json.encode(chat(tool_choice={"type": "function"}, tools=[5])),
        json.encode(chat(messages=[{"role": "user", "content": 'What is "tool_choice"?'}])),
        b'["tool_choice"]',
        b'{"tool_choice": ',
        b"",
    ],
)
def test_anything_else_stays_as_it_came(body: bytes):
    assert force_calls(body) == body
