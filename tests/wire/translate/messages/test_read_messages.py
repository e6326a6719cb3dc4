"""Messages as turns, and the blocks that no other API has."""

import base64

import pytest
from msgspec import Raw

from tests.wire.translate.messages.requests import INLINE, PNG, assistant, conversation_of, image, text, user
from tollkeeper.rules.errors import BadRequest
from tollkeeper.wire.translate.conversation import FilePart, ImagePart, Text, Thinking, ToolCall, ToolResult, Turn

EPHEMERAL = {"type": "ephemeral", "ttl": "1h"}
CACHE = Raw(b'{"type": "ephemeral", "ttl": "1h"}')
DATA_URL = f"data:image/png;base64,{PNG}"


def turns(*messages, urls=None):
    return conversation_of(urls, messages=list(messages)).turns


def refused(*messages):
    with pytest.raises(BadRequest) as caught:
        turns(*messages)
    return caught.value.param


def test_texts_of_each_role_and_system_wherever_it_stands():
    said = [user(text("a", cache_control=EPHEMERAL), text("b")), {"role": "system", "content": "c"}, assistant()]
    assert turns(*said) == (
        Turn("user", (Text("a", CACHE), Text("b"))),
        Turn("system", (Text("c"),)),
        Turn("assistant", ()),
    )
    assert conversation_of(system=[text("x", cache_control=EPHEMERAL), text("y")]).turns[0] == Turn(
        "system", (Text("x", CACHE), Text("y"))
    )
    assert conversation_of(system="x").turns[0] == Turn("system", (Text("x"),))
    assert conversation_of(system=None).turns == (Turn("user", (Text("hi"),)),)


def test_images_by_url_and_inline_also_in_results_in_order():
    by_url = image(type="url", url="https://a/b.png") | {"cache_control": EPHEMERAL}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [INLINE, text("r")]}
    urls = ["data:image/png;base64,AAAA", DATA_URL]
    assert turns(user(by_url, result), urls=urls)[0].parts == (
        ImagePart(urls[0], CACHE),
        ToolResult("t", (ImagePart(urls[1]), Text("r"))),
    )


def test_documents_inline():
    pdf = document(type="base64", media_type="application/pdf", data="JVBERg==") | {"title": "a.pdf"}
    plain = {"type": "text", "media_type": "text/plain", "data": "é"}
    blocks = {"type": "content", "content": [text("c")]}
    said = user(
        pdf,
        {"type": "document", "source": plain, "title": "T", "context": "C"},
        {"type": "document", "source": plain},
        {"type": "document", "source": blocks},
    )
    assert turns(said)[0].parts == (
        FilePart("data:application/pdf;base64,JVBERg==", "a.pdf"),
        Text("T\n\nC\n\né"),
        Text("é"),
        Text("c"),
    )
    assert base64.b64decode("JVBERg==") == b"%PDF"


def test_thoughts_calls_and_results():
    said = [
        assistant(
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "thinking", "thinking": "of another", "signature": ""},
            {"type": "redacted_thinking", "data": "ZGF0YQ=="},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1.0, "a": "é"}, "cache_control": EPHEMERAL},
            {"type": "tool_use", "id": "u", "name": "g"},
        ),
        user(
            {"type": "tool_result", "tool_use_id": "t", "content": "r", "is_error": True, "cache_control": EPHEMERAL},
            {"type": "tool_result", "tool_use_id": "u", "is_error": False},
        ),
    ]
    assert turns(*said) == (
        Turn(
            "assistant",
            (
                Thinking("hm", "c2ln"),
                Thinking("of another"),
                Thinking("", redacted="ZGF0YQ=="),
                ToolCall("t", "f", '{"b": 1.0, "a": "\\u00e9"}', cache=CACHE),
                ToolCall("u", "g", "{}"),
            ),
        ),
        Turn("user", (ToolResult("t", (Text("r"),), is_error=True, cache=CACHE), ToolResult("u", ()))),
    )


def document(**source):
    return {"type": "document", "source": source}


def result(content):
    return {"type": "tool_result", "tool_use_id": "t", "content": content}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (user(document(type="url", url="https://a/b.pdf")), "content[0].source.url"),
        (user(document(type="file", file_id="f")), "content[0].source.file_id"),
        (user(image(type="file", file_id="f")), "content[0].source.file_id"),
        (user(document(type="content", content=[INLINE])), "content[0].source.content[0].type"),
        (user({"type": "document", "source": "x"}), "content[0].source"),
        (user(document(type="text", data=5)), "content[0].source.data"),
        (user(text("a"), {"type": "search_result", "source": "s", "title": "t", "content": []}), "content[1].type"),
        (user({"type": "container_upload", "file_id": "f"}), "content[0].type"),
        (user({"type": "tool_use", "id": "t", "name": "f", "input": {}}), "content[0].type"),
        (user({"text": "x"}), "content[0].type"),
        (user({"type": 5}), "content[0].type"),
        (assistant({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}), "content[0].type"),
        (assistant({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}), "content[0].type"),
        (assistant({"type": "tool_use", "id": "t", "name": "f", "input": "x"}), "content[0].input"),
        (assistant({"type": "tool_use", "id": "t", "input": {}}), "content[0].name"),
        (assistant({"type": "thinking", "thinking": "x", "signature": 5}), "content[0].signature"),
        (user(result([{"type": "tool_reference"}])), "content[0].content[0].type"),
        (user(result(5)), "content[0].content"),
        (user({"type": "tool_result"}), "content[0].tool_use_id"),
        (user(text(None)), "content[0].text"),
        ({"role": "system", "content": [INLINE]}, "content[0].type"),
        ({"role": "tool", "content": "x"}, "role"),
        ({"content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": 5}, "content"),
    ],
)  # fmt: skip
def test_what_no_other_api_has_is_refused_by_name(message, param):
    assert refused(message) == f"messages[0].{param}"


def test_messages_are_required():
    with pytest.raises(BadRequest) as caught:
        conversation_of(messages=None)
    assert caught.value.param == "messages"
