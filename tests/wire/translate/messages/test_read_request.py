"""The fields of a request beside its messages."""

import pytest
from msgspec import Raw

from tests.wire.translate.messages.requests import conversation_of, request_of
from tollkeeper.rules.errors import BadRequest, UnsupportedByUpstream
from tollkeeper.wire.translate.conversation import OutputFormat, Reasoning, Text, Tool, ToolChoice
from tollkeeper.wire.translate.messages.read_request import shows_thinking

SCHEMA = {"type": "object"}
RAW = Raw(b'{"type": "object"}')


def test_numbers_stay_as_they_were_written():
    read = conversation_of(temperature=0.70, top_p=1, top_k=5, stop_sequences=["a", "\n"], stream=True)
    assert (read.temperature, read.top_p, read.top_k) == (Raw(b"0.7"), Raw(b"1"), Raw(b"5"))
    assert (read.stop, read.stream, read.output_cap) == (("a", "\n"), True, 9)


def test_what_is_not_given_stays_open():
    read = conversation_of(temperature=None, tools=None, tool_choice=None, thinking=None, output_config=None)
    assert (read.temperature, read.tools, read.tool_choice, read.parallel) == (None, (), None, None)
    assert (read.reasoning, read.output, read.stop) == (None, None, ())


def test_tools():
    tools = [
        {"name": "f", "description": "d", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "name": "g", "strict": True, "input_examples": [{}], "eager_input_streaming": True},
    ]
    assert conversation_of(tools=tools).tools == (
        Tool("f", "d", RAW, cache=Raw(b'{"type": "ephemeral"}')),
        Tool("g", strict=True),
    )


@pytest.mark.parametrize(
    ("given", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice("auto"), None),
        ({"type": "auto", "disable_parallel_tool_use": True}, ToolChoice("auto"), False),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice("required"), None),
        ({"type": "tool", "name": "f"}, ToolChoice("tool", "f"), None),
        ({"type": "none"}, ToolChoice("none"), None),
    ],
)
def test_tool_choice(given, choice, parallel):
    read = conversation_of(tool_choice=given)
    assert (read.tool_choice, read.parallel) == (choice, parallel)


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(budget=2000)),
        ({"thinking": {"type": "adaptive"}}, Reasoning()),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Reasoning(shown=False)),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, Reasoning("xhigh")),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Reasoning("none", shown=False)),
        ({"output_config": {"effort": "medium"}}, Reasoning("medium", shown=False)),
        ({"thinking": {"type": "between_tools"}, "output_config": {"effort": "utmost"}}, Reasoning()),
    ],
)
def test_reasoning(fields, reasoning):
    assert conversation_of(**fields).reasoning == reasoning


def test_structured_output_by_its_name_of_today_and_that_of_betas():
    wanted = {"type": "json_schema", "schema": SCHEMA}
    for fields in ({"output_config": {"format": wanted}}, {"output_format": wanted}):
        assert conversation_of(**fields).output == OutputFormat(RAW)


@pytest.mark.parametrize("thinking", [{"type": "enabled", "budget_tokens": 2000}, {"type": "adaptive"}])
def test_thoughts_are_shown_to_who_turns_them_on(thinking):
    assert shows_thinking(request_of(thinking=thinking))
    assert not shows_thinking(request_of())
    assert not shows_thinking(request_of(thinking={"type": "disabled"}))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [{"name": "f"}, {"type": "bash_20250124", "name": "bash"}]}, "tools[1].type"),
        ({"tools": [{"type": 5, "name": "f"}]}, "tools[0].type"),
        ({"tools": [{"description": "d"}]}, "tools[0].name"),
        ({"tools": [{"name": "f", "input_schema": []}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "f", "description": 5}]}, "tools[0].description"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"tool_choice": {"type": "all"}}, "tool_choice.type"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": ["a", 5]}, "stop_sequences[1]"),
        ({"temperature": "1"}, "temperature"),
        ({"top_k": []}, "top_k"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1.5}}, "thinking.budget_tokens"),
        ({"thinking": {"type": 5}}, "thinking.type"),
        ({"thinking": {}}, "thinking.type"),
        ({"thinking": True}, "thinking"),
        ({"output_config": {"effort": 5}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "grammar"}}}, "output_config.format"),
        ({"output_format": {"type": "json_schema"}}, "output_format"),
        ({"system": 5}, "system"),
        ({"metadata": 5}, "metadata"),
        ({"system": [{"type": "image"}]}, "system[0].type"),
    ],
)
def test_bad_input_is_refused_by_name(fields, param):
    with pytest.raises(BadRequest) as caught:
        conversation_of(**fields)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("metadata", "named"), [({"user_id": "u"}, True), ({"user_id": None}, False), ({}, False), (None, False)]
)
def test_the_users_name(metadata, named):
    assert conversation_of(metadata=metadata).names_user is named


def test_tools_of_anthropics_own_may_work_elsewhere():
    with pytest.raises(UnsupportedByUpstream):
        conversation_of(tools=[{"type": "bash_20250124", "name": "bash"}])


def test_a_long_request_is_read_as_a_short_one():
    words = "é\n" * 150_000
    assert conversation_of(system=words).turns[0].parts == (Text(words),)


def test_a_huge_value_of_thinking_is_not_read_when_a_response_begins():
    assert not shows_thinking(request_of(thinking={"type": "adaptive", "x": "y" * 1024}))
