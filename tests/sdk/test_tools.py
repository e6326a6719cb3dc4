"""A tool call that is forced, so that its shape can be told, if not its words."""

from __future__ import annotations

import json
from typing import Any

from tests.ollama.test_rig import FORCED_CALL
from tests.sdk.person import Person, Sdk

ASKED: Any = FORCED_CALL


def test_whole_and_then_its_result(client: Sdk, person: Person):
    answer = client.chat.completions.create(**ASKED)
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    (call,) = choice.message.tool_calls
    assert (call.type, call.function.name) == ("function", "get_weather")
    assert list(json.loads(call.function.arguments)) == ["city"]
    record = person.record()
    assert (record["finish_reason"], record["completion_tokens"]) == ("tool_calls", answer.usage.completion_tokens)
    result = {"role": "tool", "tool_call_id": call.id, "content": "18 °C, sunny"}
    messages = [*ASKED["messages"], choice.message.model_dump(exclude_none=True), result]
    answer = client.chat.completions.create(model=ASKED["model"], messages=messages, tools=ASKED["tools"], max_tokens=5)
    assert 0 < answer.usage.completion_tokens <= 5


def test_streamed(client: Sdk, person: Person):
    chunks = list(client.chat.completions.create(**ASKED, stream=True))
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
    assert [call.function.name for call in calls] == ["get_weather"]
    assert list(json.loads(calls[0].function.arguments)) == ["city"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert {chunk.id for chunk in chunks} == {person.record()["request_id"].replace("req_", "chatcmpl-")}
