"""Conversations of any kind keep their roles, texts, calls and order as a Messages body, and are themselves again when
that is read."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from tollkeeper.rules.kinds import ANTHROPIC
from tollkeeper.wire.anthropic.request import MESSAGES, read_request
from tollkeeper.wire.translate.conversation import (
    Conversation,
    ImagePart,
    OutputFormat,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from tollkeeper.wire.translate.messages.format import MESSAGES_CLIENT, MESSAGES_UPSTREAM

WORDS = st.text(min_size=1, max_size=10)
IDS = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
CACHES = st.none() | st.just(Raw(b'{"type":"ephemeral","ttl":"1h"}'))
TEXTS = st.builds(Text, WORDS, CACHES)
IMAGES = st.builds(
    ImagePart, st.sampled_from(["data:image/png;base64,AAAA", "data:image/jpeg;base64,BBBB", "https://a/b.png"]), CACHES
)
THOUGHTS = st.builds(Thinking, WORDS, st.just("EqQB")) | st.builds(Thinking, st.just(""), st.none(), st.just("EmwK"))
ARGUMENTS = st.dictionaries(WORDS, WORDS | st.integers() | st.lists(st.booleans()), max_size=3).map(json.dumps)
CALLS = st.builds(ToolCall, IDS, IDS, ARGUMENTS, st.none(), CACHES)
RESULTS = st.builds(ToolResult, IDS, st.lists(TEXTS | IMAGES, max_size=2).map(tuple), st.booleans(), CACHES)


def turn(role, *parts):
    return Turn(role, tuple(part for each in parts for part in each))


USER = st.builds(
    lambda *parts: turn("user", *parts), st.lists(RESULTS, max_size=2), st.lists(TEXTS | IMAGES, min_size=1)
)
SYSTEM = st.builds(lambda parts: turn("system", parts), st.lists(TEXTS, min_size=1, max_size=2))
MODEL = st.builds(lambda parts: turn("assistant", parts), st.lists(TEXTS | THOUGHTS | CALLS, min_size=1, max_size=4))
NUMBERS = st.none() | st.sampled_from([Raw(b"0"), Raw(b"0.70"), Raw(b"1e-1")])
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"maximum":9007199254740991}}}')
TOOLS = st.builds(Tool, IDS, st.none() | WORDS, st.just(SCHEMA), cache=CACHES)
CHOICES = st.sampled_from(
    [None, ToolChoice("auto"), ToolChoice("none"), ToolChoice("required"), ToolChoice("tool", "f")]
)
ROUNDS = st.lists(st.tuples(USER, st.none() | SYSTEM, MODEL), max_size=3)


@st.composite
def conversations(draw):
    """Conversations in Anthropic's order. A model's last turn would be trimmed, so a user's is the last."""
    turns = [draw(SYSTEM)] if draw(st.booleans()) else []
    for user, system, model in draw(ROUNDS):
        turns += [user, model] if system is None else [user, system, model]
    turns.append(draw(USER))
    tools = tuple(draw(st.lists(TOOLS, min_size=1, max_size=3)))
    choice, temperature = draw(CHOICES), draw(NUMBERS)
    return Conversation(
        turns=tuple(turns),
        tools=tools,
        tool_choice=choice,
        parallel=draw(st.sampled_from([None, False])) if choice is not None and choice.mode != "none" else None,
        stream=draw(st.booleans()),
        output_cap=draw(st.integers(1, 100_000)),
        stop=tuple(draw(st.lists(WORDS.filter(str.strip), max_size=2))),
        temperature=temperature,
        top_p=draw(NUMBERS) if temperature is None else None,
        top_k=draw(st.none() | st.just(Raw(b"5"))),
        output=draw(st.none() | st.just(OutputFormat(SCHEMA))),
        names_user=draw(st.booleans()),
    )


def there_and_back(conversation):
    MESSAGES_UPSTREAM.check_supported(conversation, ANTHROPIC)
    body = MESSAGES_UPSTREAM.write_request(
        conversation, model="claude-opus-4-6", opaque_user=lambda: "u", kind=ANTHROPIC, price=None
    )
    request = read_request(body, MESSAGES)
    urls = [image.url for image in request.images]
    return MESSAGES_CLIENT.read_request(request, urls, request.output_cap)


@given(conversations())
def test_a_conversation_is_itself_again(conversation):
    assert there_and_back(conversation) == conversation


PARTS = {"user": TEXTS | IMAGES | RESULTS, "assistant": TEXTS | CALLS, "system": TEXTS}


@given(
    st.lists(
        st.sampled_from(["user", "assistant", "system"]).flatmap(
            lambda role: st.builds(lambda parts: turn(role, parts), st.lists(PARTS[role], min_size=1, max_size=3))
        ),
        min_size=1,
        max_size=8,
    )
)
def test_turns_in_any_order_lose_nothing_and_come_in_anthropics(turns):
    ending = turn("user", [Text("end")])
    read = there_and_back(Conversation(turns=(*turns, ending))).turns
    assert parts_of(read) == parts_of((*turns, ending))
    roles = [each.role for each in read]
    later = roles[1:] if roles[0] == "system" else roles
    for number, role in enumerate(later):
        before, after = later[number - 1 : number] or [None], later[number + 1 : number + 2] or [None]
        assert role not in before, "turns of a role are one"
        if role == "system":
            assert (before, after[0] in (None, "assistant")) == (["user"], True)
    for each in read:
        kinds = [isinstance(part, ToolResult) for part in each.parts]
        assert kinds == sorted(kinds, reverse=True), "results come first"
    for kind in (ToolCall, ToolResult):
        assert in_order(read, kind) == in_order(turns, kind)
    assert texts(read, "assistant") == texts(turns, "assistant")


def parts_of(turns) -> list[bytes]:
    return sorted(msgspec.json.encode(part) for each in turns for part in each.parts)


def in_order(turns, kind) -> list[Part]:
    return [part for each in turns for part in each.parts if isinstance(part, kind)]


def texts(turns, role) -> list[str]:
    return [part.text for each in turns if each.role == role for part in each.parts if isinstance(part, Text)]
