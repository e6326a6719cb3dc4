"""Turns in Anthropic's order, and their parts."""

import base64
import json

import pytest
from msgspec import Raw

from tollkeeper.rules.errors import UnsupportedByUpstream
from tollkeeper.wire.translate.conversation import FilePart, ImagePart, Text, Thinking, ToolCall, ToolResult, Turn
from tollkeeper.wire.translate.messages.write_messages import Messages, check_parts

CACHE = Raw(b'{"type":"ephemeral"}')
PLAIN = "data:text/plain;base64," + base64.b64encode("é".encode()).decode()


def said(role, *texts):
    return Turn(role, tuple(map(Text, texts)))


def written(*turns):
    messages = Messages(turns)
    system = b"".join(messages.write_system())
    body = json.loads(b"".join(messages.write_messages()))
    return (json.loads(system) if system else None), body


def roles(*turns):
    system, body = written(*turns)
    return system, [(each["role"], each["content"]) for each in body]


def content(*parts, role="user"):
    [message] = written(Turn(role, parts))[1]
    return message["content"]


def test_the_first_system_texts_stand_before_all_messages():
    assert roles(said("system", "a"), said("user", "b")) == ("a", [("user", "b")])
    system, _ = written(said("system", "a"), Turn("system", (Text("b", CACHE),)), said("user", "c"))
    assert system == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
    ]


def test_a_later_one_stands_behind_a_user_and_before_the_model():
    u, s, a = said("user", "u"), said("system", "s"), said("assistant", "a")
    assert roles(u, s) == (None, [("user", "u"), ("system", "s")])
    assert roles(u, s, a)[1] == [("user", "u"), ("system", "s"), ("assistant", "a")]
    assert roles(u, a, s, u)[1] == [("user", "u"), ("assistant", "a"), ("user", "u"), ("system", "s")]
    assert roles(u, s, u, a)[1][1] == ("system", "s")
    twice = [{"type": "text", "text": "s"}] * 2
    assert roles(u, s, s)[1] == [("user", "u"), ("system", twice)]
    assert roles(u, s, u, s, a)[1][1:] == [("system", twice), ("assistant", "a")]


def test_behind_the_model_it_is_something_to_answer():
    u, s, a = said("user", "u"), said("system", "s"), said("assistant", "a")
    assert roles(u, a, s)[1] == [("user", "u"), ("assistant", "a"), ("user", "s")]
    assert roles(s) == (None, [("user", "s")])


def test_turns_alternate_and_results_come_first():
    call = Turn("assistant", (Text("x"), ToolCall("t", "f", '{"a": 1}', cache=CACHE)))
    result = Turn("user", (ToolResult("t", (Text("r"),), is_error=True, cache=CACHE),))
    _, body = written(said("user", "a"), said("assistant", "b"), call, said("user", "c"), result, said("user", "d"))
    assert [each["role"] for each in body] == ["user", "assistant", "user"]
    assert body[1]["content"] == [
        {"type": "text", "text": "b"},
        {"type": "text", "text": "x"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "cache_control": {"type": "ephemeral"}},
    ]
    assert body[2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": "r",
            "is_error": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "text", "text": "c"},
        {"type": "text", "text": "d"},
    ]


def test_a_system_text_between_a_call_and_its_result_waits():
    call, result = Turn("assistant", (ToolCall("t", "f", ""),)), Turn("user", (ToolResult("t", ()),))
    assert [role for role, _ in roles(said("user", "u"), call, said("system", "s"), result)[1]] == [
        "user",
        "assistant",
        "user",
        "system",
    ]


def test_empty_texts_are_left_out_and_turns_with_them():
    call = Turn("assistant", (Text(""), ToolCall("t", "f", "oops")))
    assert written(said("user", "u", ""), said("user", ""), call)[1] == [
        {"role": "user", "content": "u"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"INVALID_JSON": "oops"}}],
        },
    ]
    assert content(ToolResult("t", (Text(""),))) == [{"type": "tool_result", "tool_use_id": "t"}]


def test_an_answer_to_go_on_with_ends_without_white_space():
    u = said("user", "u")
    assert roles(u, said("assistant", "a \n"))[1][1] == ("assistant", "a")
    assert roles(u, said("assistant", "a", " "))[1][1] == ("assistant", "a")
    assert roles(u, said("assistant", "a \n"), u)[1][1] == ("assistant", "a \n")


def test_thoughts_go_back_to_their_maker_only():
    kept = [
        {"type": "thinking", "thinking": "hm", "signature": "EqQB"},
        {"type": "thinking", "thinking": "", "signature": "EqQC"},
        {"type": "redacted_thinking", "data": "EmwK"},
    ]
    parts = (
        Thinking("hm", "EqQB"),
        Thinking("", "EqQC"),
        Thinking("", redacted="EmwK"),
        Thinking("unsigned"),
        Thinking("unsigned", ""),
        Thinking("OpenAI's", "gAAAAABo"),
        Thinking("", redacted="gAAAAABo"),
    )
    assert content(*parts, role="assistant") == kept


def test_files_and_images():
    parts = (
        ImagePart("data:image/png;base64,AAAA", CACHE),
        ImagePart("https://a/b.png"),
        FilePart("data:application/pdf;base64,JVBERg==", "a.pdf", CACHE),
        FilePart(PLAIN),
        ToolResult("t", (ImagePart("data:image/jpeg;base64,BBBB"), Text("x"))),
    )
    cache = {"type": "ephemeral"}
    assert content(*parts) == [
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "BBBB"}},
                {"type": "text", "text": "x"},
            ],
        },
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
            "cache_control": cache,
        },
        {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
            "title": "a.pdf",
            "cache_control": cache,
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}},
    ]
    check_parts([Turn("user", parts)])


@pytest.mark.parametrize(
    "turn",
    [
        Turn("assistant", (ImagePart("data:image/png;base64,AAAA"),)),
        Turn("system", (ImagePart("data:image/png;base64,AAAA"),)),
        Turn("user", (FilePart("data:application/zip;base64,AAAA"),)),
        Turn("user", (FilePart("https://a/b.pdf"),)),
        Turn("user", (FilePart("data:text/plain;base64,/w=="),)),
        Turn("user", (FilePart("data:text/plain;base64,!"),)),
        Turn("user", (ToolResult("t", (FilePart("data:audio/wav;base64,AAAA"),)),)),
    ],
)
def test_what_anthropic_does_not_take(turn):
    with pytest.raises(UnsupportedByUpstream) as caught:
        check_parts([turn])
    assert caught.value.param == "messages"


def test_ids_and_names_that_anthropic_takes():
    calls = (ToolCall("functions.f:0", "f", "{}", namespace="mcp"), ToolCall("", "g", "{}"))
    _, body = written(Turn("assistant", calls), Turn("user", (ToolResult("functions.f:0", ()),)))
    assert [(each["id"], each["name"]) for each in body[0]["content"]] == [("functions_f_0", "mcp__f"), ("_", "g")]
    assert body[1]["content"][0]["tool_use_id"] == "functions_f_0"
    assert Messages([Turn("assistant", (*calls, *calls))]).called == ["mcp__f", "g"]


def test_the_model_may_think_unless_its_last_call_lacks_its_thought():
    call, thought, result = ToolCall("t", "f", "{}"), Thinking("hm", "EqQB"), Turn("user", (ToolResult("t", ()),))
    assert Messages([said("user", "u")]).may_think
    assert Messages([Turn("assistant", (thought, call)), result]).may_think
    assert not Messages([Turn("assistant", (call,)), result]).may_think
    assert not Messages([Turn("assistant", (Thinking("unsigned"), call)), result]).may_think
    assert not Messages([Turn("assistant", (Text("x"), call)), result, said("user", "and?")]).may_think
    assert Messages([Turn("assistant", (call,)), result, said("assistant", "done"), said("user", "u")]).may_think
