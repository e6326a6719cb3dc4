"""Requests in the Messages dialect."""

import json

import pytest

from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.anthropic.request import MESSAGES, read_request

PNG = "iVBORw0KGgo="


def body(**fields):
    return json.dumps({"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]} | fields)


def read(**fields):
    return read_request(body(**fields).encode(), MESSAGES)


def refused(**fields):
    with pytest.raises(BadRequest) as caught:
        read(**fields)
    return caught.value.param


def image(**source):
    return {"type": "image", "source": source}


def said(*blocks):
    return [{"role": "user", "content": list(blocks)}]


def test_what_the_gateway_needs_is_read():
    request = read(stream=True, system=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}])
    assert (request.model, request.stream, request.output_cap) == ("claude", True, 9)
    assert (request.text_bytes, request.choices, request.stored) == (len(request.body), 1, None)
    assert request.response_id("req_01ab") == "msg_01ab"


def test_what_coding_agents_send_is_taken():
    tools = [{"name": "Bash", "description": "d", "input_schema": {"$schema": "s", "type": "object"}}] * 30
    result = {"type": "tool_result", "tool_use_id": "t", "content": "x", "is_error": False}
    request = read(
        system=[{"type": "text", "text": "x" * 9000, "cache_control": {"type": "ephemeral"}}] * 3,
        messages=[
            {"role": "system", "content": "in the middle"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1}}]},
            {"role": "user", "content": [result]},
        ],
        tools=tools,
        thinking={"type": "adaptive"},
        context_management={"edits": []},
        output_config={"effort": "high"},
        metadata={"user_id": "u" * 150},
        max_tokens=32_000,
    )
    assert request.output_cap == 32_000


def test_images_are_found_in_messages_and_in_results_of_tools():
    by_url, inline = image(type="url", url="https://a/b.png"), image(type="base64", media_type="image/png", data=PNG)
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}, inline]}
    request = read(messages=said({"type": "text", "text": "look"}, by_url, result))
    assert [(each.url, each.where) for each in request.images] == [
        ("https://a/b.png", "messages[0].content[1].source"),
        (f"data:image/png;base64,{PNG}", "messages[0].content[2].content[1].source"),
    ]
    assert request.text_bytes < len(request.body)


def test_a_document_is_no_image():
    assert read(messages=said({"type": "document", "source": {"type": "base64", "data": "JVBERi0="}})).images == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"messages": "hi"}, "messages"),
        ({"messages": said(image(type="url"))}, "messages[0].content[0].source.url"),
        ({"messages": said(image(type="base64", media_type="image/png"))}, "messages[0].content[0].source"),
        ({"messages": said(image(type="odd", data=PNG))}, "messages[0].content[0].source"),
        ({"Model": "x"}, "Model"),
    ],
)
def test_what_is_wrong_is_named(fields, param):
    assert refused(**fields) == param


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"\xff", b'{"model":"m","model":"n"}'])
def test_a_body_that_cannot_be_read_is_refused(text):
    with pytest.raises(BadRequest):
        read_request(text, MESSAGES)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"container": "c_1"}, "container"),
        ({"mcp_servers": [{"url": "https://a"}]}, "mcp_servers"),
        ({"mcp_servers": [], "container": None}, None),
        ({"messages": said(image(type="file", file_id="f"))}, "messages[0].content[0].source.file_id"),
        (
            {"messages": said({"type": "document", "source": {"type": "file", "file_id": "f"}})},
            "messages[0].content[0].source.file_id",
        ),
    ],
)
def test_what_reaches_something_stored_is_noted(fields, stored):
    assert read(**fields).stored == stored


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}])
def test_a_held_conversation_is_refused_by_a_code_that_the_sdks_know(thread):
    with pytest.raises(BadRequest) as refused:
        read_request(body(thread=thread).encode(), MESSAGES)
    assert (refused.value.param, refused.value.code) == ("thread", "thread_unsupported_request")
    assert read_request(body(thread=None).encode(), MESSAGES).stored is None


def test_tools_that_are_no_functions_of_the_client_are_noted():
    tools = [{"name": "a"}, {"type": "custom", "name": "b"}, {"type": "web_search_20250305"}, {"type": "mcp_toolset"}]
    found = read_request(body(tools=tools).encode(), MESSAGES).server_tools
    assert [(tool.where, tool.name, tool.searches) for tool in found] == [
        ("tools[2]", "web_search", True),
        ("tools[3]", "mcp_toolset", False),
    ]
    with pytest.raises(BadRequest):
        read_request(body(tools={"name": "a"}).encode(), MESSAGES)
