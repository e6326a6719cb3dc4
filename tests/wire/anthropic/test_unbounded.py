"""What no budget can bound in the Messages dialect, and what passes."""

import json

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import ANTHROPIC, OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.wire.anthropic.request import MESSAGES, read_request
from tollkeeper.wire.anthropic.unbounded import external_input_field, extra_output_field

AT = "messages[0].content[0]"


def read(*blocks, **fields):
    messages = [{"role": "user", "content": list(blocks) or "hi"}]
    return read_request(json.dumps({"model": "m", "messages": messages} | fields).encode(), MESSAGES)


def document(**source):
    return {"type": "document", "source": source, "title": "t", "citations": {"enabled": True}}


TEXT = {"type": "text", "text": "a"}
NESTED = {"type": "tool_result", "content": []}
IMAGE = {"type": "image", "source": {"type": "url", "url": "https://a.example/x.png"}}


@pytest.mark.parametrize(
    ("blocks", "fields", "found"),
    [
        ([document(type="url", url="https://a.example/x.pdf")], {}, f"{AT}.source.type"),
        ([{"type": "document"}], {}, f"{AT}.source"),
        ([document(type="content", content=[TEXT, IMAGE])], {}, f"{AT}.source.content[1].type"),
        ([{"type": "tool_result", "content": [document(type="url", url="x")]}], {}, f"{AT}.content[0].source.type"),
        ([{"type": "tool_result", "content": [NESTED]}], {}, f"{AT}.content[0].content"),
        ([{"type": "search_result", "source": "s", "content": [IMAGE]}], {}, f"{AT}.content[0].type"),
        ([{"type": "video", "url": "x"}], {}, f"{AT}.type"),
        ([TEXT | {"fetch": "x"}], {}, f"{AT}.fetch"),
        ([], {"system": [IMAGE]}, "system[0].type"),
        ([], {"fallbacks": [{"model": "other"}]}, "fallbacks"),
        ([], {"mcp_servers": [{"url": "x"}]}, "mcp_servers"),
        ([], {"plugins": [1]}, "plugins"),
        ([], {"tools": [{"name": "a"}, {"type": "computer_20250124", "name": "c"}]}, "tools[1].type"),
        ([], {"tools": [{"type": "web_fetch_20260318"}]}, "tools[0].type"),
        ([], {"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}, "tools[0].type"),
        ([], {"tools": [{"name": "a", "url": "x"}]}, "tools[0].url"),
    ],
)  # fmt: skip
def test_what_may_bring_input_from_outside_is_named(blocks, fields, found):
    request = read(*blocks, **fields)
    assert external_input_field(request, ANTHROPIC) == found
    assert external_input_field(request, OPENAI_COMPATIBLE) == found


def test_a_field_of_a_message_that_is_unknown_is_named():
    body = {"model": "m", "messages": [{"role": "user", "content": "hi", "attachments": ["x"]}]}
    assert (
        external_input_field(read_request(json.dumps(body).encode(), MESSAGES), ANTHROPIC) == "messages[0].attachments"
    )


def test_what_stays_within_the_body_passes():
    result = {"type": "tool_result", "tool_use_id": "t", "content": [TEXT, IMAGE], "is_error": False}
    request = read(
        TEXT | {"cache_control": {"type": "ephemeral"}, "citations": None},
        IMAGE,
        document(type="base64", media_type="application/pdf", data="AAAA"),
        document(type="text", media_type="text/plain", data="a"),
        document(type="content", content=[TEXT]),
        document(type="content", content="a"),
        {"type": "search_result", "source": "https://a.example", "title": "t", "content": [TEXT]},
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "AAAA"},
        {"type": "tool_use", "id": "t", "name": "n", "input": {"url": "https://a.example"}},
        result,
        system=[TEXT],
        tools=[{"name": "n", "input_schema": {"type": "object"}, "strict": True}, {"type": "custom", "name": "c"}],
        tool_choice={"type": "auto"},
        thinking={"type": "adaptive"},
        output_config={"effort": "low"},
        context_management={"edits": [{"type": "clear_tool_uses_20250919"}]},
        metadata={"user_id": "u"},
        stop_sequences=["x"],
        temperature=1,
        service_tier="auto",
        unknown=None,
    )
    assert external_input_field(request, ANTHROPIC) is None
    assert extra_output_field(request, ANTHROPIC) is None


def test_ollama_brings_pages_and_passes_over_the_rest():
    outside = read(document(type="url", url="x"), plugins=[1], tools=[{"type": "computer_20250124", "name": "c"}])
    assert external_input_field(outside, OLLAMA) is None
    searching = read(tools=[{"name": "a"}, {"type": "web_search_20250305", "name": "web_search"}])
    assert external_input_field(searching, OLLAMA) == "tools[1].type"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"compaction": {"trigger": 1}}, "compaction"),
        (
            {"context_management": {"edits": [{"type": "clear_thinking_20251015"}, {"type": "compact_20260112"}]}},
            "context_management.edits[1].type",
        ),
        ({"min_tokens": 900}, "min_tokens"),
        ({"context_management": {"edits": None}}, None),
        ({"context_management": None, "compaction": None}, None),
        ({}, None),
    ],
)
def test_what_may_bring_more_output_is_named(fields, found):
    assert extra_output_field(read(**fields), ANTHROPIC) == found
    assert extra_output_field(read(**fields), OLLAMA) is None


def test_a_field_that_is_given_twice_is_refused():
    body = b'{"model":"m","messages":[{"role":"user","content":[{"type":"text","type":"document"}]}]}'
    with pytest.raises(BadRequest):
        external_input_field(read_request(body, MESSAGES), ANTHROPIC)
