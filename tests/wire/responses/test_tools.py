"""Which tools run at the upstream, and what of it they reach."""

import json

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.responses.tools import Hosted, Named, hosted_tools, named_tools, read_hosted

FUNCTION = {"type": "function", "name": "f", "parameters": {"properties": {"file_id": {"type": "string"}}}}


def found(*tools):
    return [*hosted_tools(Raw(json.dumps(tools).encode()), "tools")]


@pytest.mark.parametrize(
    "tool",
    [
        FUNCTION,
        {"type": "custom", "name": "c", "format": {"type": "grammar"}},
        {"type": "local_shell"},
        {"type": "apply_patch"},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "tool_search", "execution": "client"},
        {"type": "namespace", "name": "n", "description": "d", "tools": [FUNCTION, {"type": "custom", "name": "c"}]},
        {"type": "namespace", "name": "n"},
    ],
)
def test_what_the_client_runs_is_none(tool):
    assert found(tool) == []


@pytest.mark.parametrize(
    ("tool", "stored"),
    [
        ({"type": "web_search"}, None),
        ({"type": "image_generation", "input_image_mask": {"file_id": "file_1"}}, "tools[0].input_image_mask.file_id"),
        ({"type": "file_search", "vector_store_ids": ["vs_1"]}, "tools[0].vector_store_ids"),
        ({"type": "code_interpreter", "container": {"type": "auto"}}, None),
        ({"type": "code_interpreter", "container": "cntr_1"}, "tools[0].container"),
        ({"type": "code_interpreter", "container": {"type": "auto", "file_ids": ["f"]}}, "tools[0].container.file_ids"),
        ({"type": "mcp", "server_label": "a", "server_url": "https://a"}, None),
        ({"type": "mcp", "server_label": "a", "connector_id": "connector_gmail"}, "tools[0].connector_id"),
        ({"type": "shell"}, None),
        ({"type": "shell", "environment": {"type": "container_reference", "container_id": "c"}},
         "tools[0].environment.container_id"),
        ({"type": "shell", "environment": {"type": "container_auto", "skills": [{"skill_id": "s"}]}},
         "tools[0].environment.skills[0].skill_id"),
        ({"type": "tool_search"}, None),
        ({"type": "computer"}, None),
        ({"type": "what_comes_next"}, None),
    ],
)  # fmt: skip
def test_everything_else_runs_there(tool, stored):
    assert found(tool) == [Hosted("tools[0]", tool["type"], stored)]


def test_one_in_a_namespace_is_found():
    tools = FUNCTION, {"type": "namespace", "tools": [FUNCTION, {"type": "mcp"}]}
    assert found(*tools) == [Hosted("tools[1].tools[1]", "mcp")]


@pytest.mark.parametrize("version", ["", "_2025_08_26", "_preview", "_preview_2025_03_11"])
def test_versions_of_one_tool_have_one_type(version):
    assert found({"type": f"web_search{version}"}) == [Hosted("tools[0]", "web_search")]


def test_a_field_that_is_given_twice_hides_nothing():
    """Which of the two counts is the server's affair."""
    tool = b'{"type":"code_interpreter","container":{"file_ids":["f"],"file_ids":[],"memory":1%b}}' % (b"0" * 5000)
    [hosted] = hosted_tools(Raw(b"[%b]" % tool), "tools")
    assert hosted.stored == "tools[0].container.file_ids"


@pytest.mark.parametrize(
    ("tools", "choice", "spare"),
    [
        ([FUNCTION, {"type": "web_search"}], "auto", (1,)),
        ([{"type": "web_search_preview"}, FUNCTION, {"type": "web_search"}], None, (0, 2)),
        ([FUNCTION, {"type": "web_search"}], {"type": "function", "name": "f"}, (1,)),
        ([FUNCTION, {"type": "web_search"}], {"type": "web_search"}, ()),
        ([FUNCTION, {"type": "web_search"}], {"type": "allowed_tools", "tools": [{"type": "web_search"}]}, ()),
        ([{"type": "web_search"}], "auto", ()),
        ([FUNCTION, {"type": "mcp"}], "auto", ()),
    ],
)
def test_a_search_beside_other_tools_is_spare_unless_it_is_chosen(tools, choice, spare):
    raw = Raw(json.dumps(tools).encode())
    hosted, found = read_hosted(raw, Raw(json.dumps(choice).encode()))
    assert found == {*spare}
    assert (not hosted) is bool(spare)


def test_a_huge_one_is_refused():
    with pytest.raises(BadRequest, match="too large"):
        found({"type": "mcp", "server_description": "x" * 200_000})


def test_tools_that_a_translation_names_otherwise():
    inside = [FUNCTION, {"type": "custom", "name": "c"}]
    tools = [FUNCTION, {"type": "custom", "name": "c"}, {"type": "namespace", "name": "n", "tools": inside}]
    found = named_tools(Raw(json.dumps([*tools, {"type": "namespace", "name": "m"}]).encode()), "tools")
    assert [*found] == [Named("c", custom=True), Named("f", "n"), Named("c", "n", custom=True)]
