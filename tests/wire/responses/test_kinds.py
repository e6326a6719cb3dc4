"""Hosted tools go to kinds of upstream that run them, and reach nothing that others stored there."""

import pytest

from tests.wire.responses.test_request import read
from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import KINDS, OLLAMA, OPENAI
from tollkeeper.wire.responses.kinds import charged_fields, check_kind

SEARCH = {"type": "web_search"}


@pytest.mark.parametrize("kind", KINDS.values(), ids=repr)
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [SEARCH]}, "tools[0].type"),
        ({"input": [{"type": "additional_tools", "role": "developer", "tools": [SEARCH]}]}, "input[0].tools[0].type"),
    ],
)
def test_a_hosted_tool_goes_where_it_runs(kind, fields, param):
    if kind.hosts_tools:
        check_kind(read(**fields), kind)
        return
    with pytest.raises(BadRequest, match="runs at the provider") as caught:
        check_kind(read(**fields), kind)
    assert caught.value.param == param


def test_none_reaches_what_others_stored():
    with pytest.raises(BadRequest, match="others have stored") as caught:
        check_kind(read(tools=[SEARCH, {"type": "file_search", "vector_store_ids": ["v"]}]), OPENAI)
    assert caught.value.param == "tools[1].vector_store_ids"


@pytest.mark.parametrize("kind", KINDS.values(), ids=repr)
def test_tools_of_the_client_go_everywhere(kind):
    tools = [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}, {"type": "custom"}]
    check_kind(read(tools=tools), kind)


@pytest.mark.parametrize(
    ("fields", "charged"),
    [
        ({"service_tier": "flex"}, [("service_tier", "flex")]),
        ({"tools": [{"type": "web_search_preview"}]}, [("tools[0].type", "web_search")]),
        ({"tools": [{"type": "tool_search"}, {"type": "mcp"}]}, [("tools[1].type", "mcp")]),
        (
            {"tools": [SEARCH, {"type": "image_generation"}, SEARCH], "tool_choice": SEARCH},
            [("tools[2].type", "web_search"), ("tools[1].type", "image_generation")],
        ),
        ({"tools": [{"type": "function", "name": "web_search"}]}, []),
    ],
)
def test_tools_that_are_charged_beside_tokens_need_a_price(fields, charged):
    assert charged_fields(read(**fields), OPENAI) == charged
    assert charged_fields(read(**fields), OLLAMA) == []
