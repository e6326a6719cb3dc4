"""A conversation as the body of a chat request, byte for byte, and there and back again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tollkeeper.rules.errors import BadRequest
from tollkeeper.rules.kinds import KINDS, OLLAMA, OPENAI, OPENAI_COMPATIBLE, OPENROUTER, Kind
from tollkeeper.rules.pricing import Price
from tollkeeper.wire.openai.request import CHAT
from tollkeeper.wire.openai.request import read_request as read_body
from tollkeeper.wire.translate.chat.read_request import read_request
from tollkeeper.wire.translate.chat.write_request import check_supported, write_request
from tollkeeper.wire.translate.conversation import (
    Conversation,
    FilePart,
    ImagePart,
    OutputFormat,
    Part,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

HELLO = (Turn("user", (Text("Hello"),)),)
START = b'{"model":"M","messages":[{"role":"user","content":"Hello"}]'


def body(kind: Kind = OPENAI, price: Price | None = None, turns: tuple[Turn, ...] = HELLO, **fields: Any) -> bytes:
    conversation = Conversation(turns=turns, **fields)
    return write_request(conversation, model="M", opaque_user=lambda: "opaque", kind=kind, price=price)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_nothing_is_added_to_a_plain_request(kind: Kind) -> None:
    assert body(kind) == START + b"}"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (OPENAI, {"stream": True}, b'"stream":true,"stream_options":{"include_usage":true}'),
        (OPENAI, {"output_cap": 5}, b'"max_completion_tokens":5'),
        (OLLAMA, {"output_cap": 5}, b'"max_tokens":5'),
        (OPENAI_COMPATIBLE, {"output_cap": 5}, b'"max_tokens":5'),
        (OPENAI, {"stop": ("a", "b")}, b'"stop":["a","b"]'),
        (
            OPENAI,
            {"temperature": Raw(b"0.70"), "top_p": Raw(b"1"), "top_k": Raw(b"4"), "seed": Raw(b"7")},
            b'"temperature":0.70,"top_p":1,"seed":7',
        ),
        (OPENROUTER, {"top_k": Raw(b"4")}, b'"top_k":4'),
        (
            OPENAI,
            {"presence_penalty": Raw(b"1"), "frequency_penalty": Raw(b"2")},
            b'"frequency_penalty":2,"presence_penalty":1',
        ),
        (OPENAI, {"names_user": True}, b'"user":"opaque"'),
        (OPENAI, {"output": OutputFormat()}, b'"response_format":{"type":"json_object"}'),
        (
            OPENAI,
            {"output": OutputFormat(Raw(b"[ 1]"), "n", "d", False)},
            (
                b'"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":[ 1],'
                b'"strict":false}}'
            ),
        ),
        (
            OPENAI,
            {"output": OutputFormat(Raw(b"{}"))},
            b'"response_format":{"type":"json_schema","json_schema":{"name":"output","schema":{}}}',
        ),
        (OPENAI, {"reasoning": Reasoning("low", 5)}, b'"reasoning_effort":"low"'),
        (OPENROUTER, {"reasoning": Reasoning("low", 5)}, b'"reasoning":{"effort":"low"}'),
        (OPENROUTER, {"reasoning": Reasoning(None, 5, shown=False)}, b'"reasoning":{"max_tokens":5,"exclude":true}'),
    ],
)
def test_fields(kind: Kind, fields: dict[str, Any], expected: bytes) -> None:
    assert body(kind, **fields) == START + b"," + expected + b"}"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (OPENAI, {"tool_choice": ToolChoice("auto"), "parallel": True}),
        (OPENAI, {"reasoning": Reasoning(None, 5)}),
        (OLLAMA, {"reasoning": Reasoning("high")}),
        (OPENAI_COMPATIBLE, {"reasoning": Reasoning("high"), "top_k": Raw(b"4")}),
        (OPENROUTER, {"reasoning": Reasoning()}),
    ],
)
def test_what_an_upstream_would_refuse_is_left_out(kind: Kind, fields: dict[str, Any]) -> None:
    assert body(kind, **fields) == START + b"}"


def test_tools() -> None:
    full = Tool("f", "does", Raw(b'{"type": "object"}'), True, cache=Raw(b"{}"))
    written = (
        b'{"type":"function","function":{"name":"f","description":"does","parameters":{"type": "object"},"strict":true}'
    )
    bare = (
        b'{"type":"function","function":{"name":"n__g","parameters":{"type":"object","properties":{}},"strict":false}}'
    )
    tools = (full, Tool("g", strict=False, namespace="n"))
    assert body(tools=tools, parallel=False) == (
        START + b',"tools":[' + written + b"}," + bare + b'],"parallel_tool_calls":false}'
    )
    assert body(OPENROUTER, tools=(full,)) == START + b',"tools":[' + written + b',"cache_control":{}}]}'


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice("none"), b'"none"'),
        (ToolChoice("auto"), b'"auto"'),
        (ToolChoice("required"), b'"required"'),
        (ToolChoice("tool", "f", "n"), b'{"type":"function","function":{"name":"n__f"}}'),
    ],
)
def test_choices_of_tools(choice: ToolChoice, expected: bytes) -> None:
    assert body(tools=(Tool("f", namespace="n"),), tool_choice=choice).endswith(b',"tool_choice":' + expected + b"}")


def test_the_most_that_an_upstream_may_charge() -> None:
    price = Price(1, "m", 1_000_000, 2_000_000, None, None, 0, 0)
    written = json.loads(body(OPENROUTER, price))
    assert written["provider"] == {"max_price": {"prompt": "1", "completion": "2"}}
    assert body(OPENAI, price) == START + b"}"


@pytest.mark.parametrize(
    ("kind", "turn"),
    [
        (OPENAI, Turn("assistant", (ImagePart("data:1"),))),
        (OPENAI, Turn("system", (Text("a"), FilePart("data:application/pdf,a")))),
        (OLLAMA, Turn("user", (FilePart("data:application/pdf,a"),))),
        (OLLAMA, Turn("user", (ToolResult("c", (FilePart("data:application/pdf,a"),)),))),
    ],
)
def test_what_no_chat_carries_is_refused(kind: Kind, turn: Turn) -> None:
    with pytest.raises(BadRequest):
        check_supported(Conversation(turns=(turn,)), kind)


def test_what_a_chat_carries_is_supported() -> None:
    turn = Turn("user", (ImagePart("data:1"), ToolResult("c", (ImagePart("data:1"),)), FilePart("data:text/plain,a")))
    for kind in KINDS.values():
        check_supported(Conversation(turns=(turn,)), kind)
    check_supported(Conversation(turns=(Turn("user", (FilePart("data:application/pdf,a"),)),)), OPENAI)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
NAMES = st.text("abcdefg_", min_size=1, max_size=8)
ARGUMENTS = st.dictionaries(NAMES, TEXTS | st.integers(), max_size=3).map(json.dumps)
IMAGES = st.binary(min_size=1, max_size=4).map(lambda data: ImagePart("data:image/png;base64," + data.hex()))
SPOKEN: st.SearchStrategy[list[Part]] = st.lists(TEXTS.map(Text), max_size=3)
CALLS: st.SearchStrategy[list[Part]] = st.lists(st.builds(ToolCall, NAMES, NAMES, ARGUMENTS), max_size=3)
RESULTS = st.lists(
    st.builds(ToolResult, NAMES, st.lists(TEXTS.map(Text) | IMAGES, max_size=3).map(tuple)), min_size=1, max_size=3
)


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    role: Role = draw(st.sampled_from(["system", "user", "assistant", "user"]))
    if role == "assistant":
        return Turn(role, (*draw(SPOKEN), *draw(CALLS)))
    if role == "system":
        return Turn(role, tuple(draw(st.lists(TEXTS.map(Text), min_size=1, max_size=3))))
    results = draw(st.one_of(st.just([]), RESULTS))
    return Turn(role, (*results, *draw(st.lists(TEXTS.map(Text) | IMAGES, max_size=3))), draw(st.none() | NAMES))


def flat(conversation: Conversation) -> tuple[list[tuple[Role, Part]], list[str]]:
    """Every text, call and result with its role, in order; and every image."""
    said: list[tuple[Role, Part]] = []
    images: list[str] = []
    for turn in conversation.turns:
        for part in turn.parts:
            if isinstance(part, ImagePart):
                images.append(part.url)
            elif isinstance(part, ToolResult):
                images += [piece.url for piece in part.content if isinstance(piece, ImagePart)]
                texts = tuple(piece for piece in part.content if isinstance(piece, Text))
                said.append((turn.role, ToolResult(part.call_id, texts)))
            else:
                said.append((turn.role, part))
    return said, images


@given(st.lists(turns(), min_size=1, max_size=6), st.sampled_from([OPENAI, OLLAMA, OPENROUTER]))
def test_a_conversation_comes_back_as_it_went(told: list[Turn], kind: Kind) -> None:
    before = Conversation(turns=tuple(told))
    sent = write_request(before, model="M", opaque_user=str, kind=kind, price=None)
    request = read_body(sent, CHAT)
    after = read_request(request, [image.url for image in request.images], request.output_cap)
    assert flat(after) == flat(before)
    # What is read was written once: from here on nothing changes.
    again = write_request(after, model="M", opaque_user=str, kind=kind, price=None)
    assert read_request(read_body(again, CHAT), [image.url for image in request.images], None) == after


@given(
    st.builds(
        Conversation,
        turns=st.just(HELLO),
        tools=st.lists(
            st.builds(Tool, NAMES, st.none() | TEXTS, st.just(Raw(b'{"a": 1}')), st.none() | st.booleans()),
            min_size=1,
            max_size=3,
        ).map(tuple),
        tool_choice=st.none() | st.sampled_from([ToolChoice("auto"), ToolChoice("none"), ToolChoice("required")]),
        parallel=st.none() | st.booleans(),
        stream=st.booleans(),
        output_cap=st.none() | st.integers(1, 1 << 40),
        stop=st.lists(TEXTS, max_size=3).map(tuple),
        temperature=st.none() | st.just(Raw(b"0.70")),
        seed=st.none() | st.just(Raw(b"7")),
        output=st.none()
        | st.builds(OutputFormat, st.just(Raw(b"{}")), NAMES, st.none() | TEXTS, st.none() | st.booleans()),
        reasoning=st.none() | st.sampled_from(["low", "high", "none"]).map(Reasoning),
        names_user=st.booleans(),
    )
)
def test_fields_come_back_as_they_went(before: Conversation) -> None:
    request = read_body(write_request(before, model="M", opaque_user=lambda: "x", kind=OPENAI, price=None), CHAT)
    assert read_request(request, (), request.output_cap) == before


def test_long_texts_are_whole() -> None:
    long = 'é\\"\n🙂' * 60_000
    [message] = json.loads(body(turns=(Turn("user", (Text(long),)),)))["messages"]
    assert message["content"] == long
