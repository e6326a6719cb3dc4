"""An event that comes again but for its text is not read again: nothing that can be seen may tell."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.wire.chunk_paths import passed_by_chunk
from tollkeeper.rules.errors import UpstreamFailure
from tollkeeper.wire.event_template import EventTemplate
from tollkeeper.wire.openai import stream
from tollkeeper.wire.openai.stream import OpenAIStreamReader
from tollkeeper.wire.sse import SseSplitter


class _Never(EventTemplate):
    """Every event is read."""

    def learn(self, event, passed):
        pass


texts = st.text(
    st.sampled_from(["a", " ", '"', "\\", "\n", "\r", "\t", "é", "😀", "\u2028", "{", ":", ","]), max_size=4
) | (st.sampled_from(['"content":"', "text", '"id":"a"', "x", "y", "z"]))
deltas: st.SearchStrategy[Any] = (
    st.fixed_dictionaries({"content": texts | st.none()})
    | st.fixed_dictionaries({"role": st.just("assistant"), "content": texts})
    | st.fixed_dictionaries({"content": texts, "reasoning": texts})
    | st.fixed_dictionaries({"reasoning_content": texts | st.none()})
    | st.fixed_dictionaries({"refusal": texts})
    | st.fixed_dictionaries({"tool_calls": st.just([{"id": "a", "function": {"arguments": '{"text":"x"}'}}])})
    | st.just({})
)
ends = st.sampled_from([None, None, None, "stop", "length"])
choices = st.fixed_dictionaries({"delta": deltas}, optional={"index": st.integers(0, 2), "finish_reason": ends}) | (
    st.fixed_dictionaries({"text": texts}, optional={"index": st.integers(0, 2), "finish_reason": ends})
)
usages = st.none() | st.fixed_dictionaries({"prompt_tokens": st.integers(0, 2), "completion_tokens": st.integers(0, 2)})
chunks = st.fixed_dictionaries(
    {"choices": st.lists(choices, min_size=1, max_size=2) | st.just([])},
    optional={
        "id": st.sampled_from(["a", "a", "a", "b", "a/b"]),
        "created": st.integers(1, 2),
        "usage": usages,
        "content": texts,
        "extra": st.sampled_from([{"content": "x"}, {"text": 1}, [1], {"id": "a"}]),
        "error": st.sampled_from([None, None, "", "boom"]),
    },
)
layouts = st.sampled_from([{"separators": (",", ":")}] * 3 + [{}, {"indent": 1}, {"ensure_ascii": False}])
shapes = st.sampled_from([b"data: %b\n\n"] * 4 + [b"data:%b\n\n", b"data: %b\r\n\r\n", b": c\ndata: %b\n\n"])


@st.composite
def written(draw):
    """A chunk as an event, as some server would write it."""
    document, shape = draw(chunks), draw(shapes)
    text = json.dumps(document, **draw(layouts)).encode()
    return shape % text.replace(b"\n", b"\ndata: ")


@st.composite
def streams(draw):
    """Events, most of which come more than once with another text: as they do in a stream."""
    kinds = draw(st.lists(written(), min_size=1, max_size=3))
    words = (b"x", b"y", b"z", "é".encode(), b"", b"a\\nb", b'\\"', b"\\u00e9", b"\\ud83d", b"\\q", b"q\tq", b"\xff")
    again = [b'"%b"' % word for word in words]
    events = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=12)):
        old, new = draw(st.sampled_from(again[:3])), draw(st.sampled_from(again))
        events.append(kind.replace(old, new, draw(st.integers(0, 2))))
    return events + draw(st.sampled_from([[], [b"data: [DONE]\n\n"], [b"data: [DONE]\n\n", *events[-1:]]]))


def reader_of(*, careful, pass_usage):
    reader = OpenAIStreamReader("chatcmpl-new", pass_usage=pass_usage)
    if careful:
        reader._template = _Never(stream._TEXTS)
    return reader


def heard(reader):
    return (
        reader.content_events,
        reader.finish_reason,
        reader.finished,
        reader.report,
        reader.end,
    )


def follow(reader, events):
    """What is passed on of each event and what was heard by then, up to the failure if one came."""
    followed = []
    for event in events:
        try:
            followed.append((reader.read(event), *heard(reader)))
        except UpstreamFailure as failure:
            return [*followed, (failure.message, failure.detail)]
    return followed


def a_chunk(choice, **fields):
    return b"data: " + json.dumps({"id": "a", "choices": [choice]} | fields, separators=(",", ":")).encode() + b"\n\n"


SAID = a_chunk({"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"})
LAST = a_chunk({"index": 0, "delta": {}, "finish_reason": "length"})
COUNTED = a_chunk({"index": 0, "delta": {"content": "x"}}, usage={"prompt_tokens": 1, "completion_tokens": 1})
SUM = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":9}}\n\n'


@given(streams(), st.booleans())
@example([SAID, LAST, SAID], False)
@example([COUNTED, SUM, COUNTED], True)
def test_what_comes_again_is_passed_on_as_if_it_had_been_read(events, pass_usage):
    fast, slow = (reader_of(careful=careful, pass_usage=pass_usage) for careful in (False, True))
    assert follow(fast, events) == follow(slow, events)


@given(streams(), st.booleans(), st.lists(st.integers(0, 3000), max_size=12))
def test_a_stream_cut_anywhere_is_passed_on_alike(events, pass_usage, cuts):
    """As the relay does: what comes in one chunk may be an event that needs no reading."""
    stream = b"".join(events)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [piece for a, b in pairwise(places) if (piece := stream[a:b])]
    for pieces_ in (pieces, events):
        splitter, fast = SseSplitter(100_000), reader_of(careful=False, pass_usage=pass_usage)
        slow = reader_of(careful=True, pass_usage=pass_usage)
        try:
            read = b"".join([slow.read(event) for event in SseSplitter(100_000).feed(stream)])
        except UpstreamFailure:
            return
        passed = []
        for piece in pieces_:
            again = None if splitter.unfinished else passed_by_chunk(fast, piece)
            passed += [again] if again is not None else [fast.read(event) for event in splitter.feed(piece)]
        assert (b"".join(passed), *heard(fast)) == (read, *heard(slow))


def test_most_of_a_stream_is_not_read():
    """Else the tests above would show nothing."""
    words = ("a", "b", "wörld", '"\n', "")
    events = [a_chunk({"index": 0, "delta": {"content": word}}, created=1) for word in words]
    reader = reader_of(careful=False, pass_usage=False)
    assert passed_by_chunk(reader, events[0]) is None
    reader.read(events[0])
    for event in events[1:4]:
        assert passed_by_chunk(reader, event) == event.replace(b'"id":"a"', b'"id":"chatcmpl-new"')
    assert passed_by_chunk(reader, events[4]) is None
    assert reader.content_events == 4
    assert passed_by_chunk(reader, a_chunk({"index": 0, "delta": {"content": "b"}}, created=2)) is None


def test_padding_thoughts_and_arguments_are_not_read_either():
    """As OpenAI, DeepSeek and whoever calls tools send them."""
    for delta in ({"content": "x"}, {"content": None, "reasoning_content": "x"}, {"tool_calls": [{"arguments": "x"}]}):
        first = a_chunk({"index": 0, "delta": delta}, usage=None, obfuscation="ab")
        second = first.replace(b'"x"', b'"{\\"y\\":"').replace(b'"ab"', b'"c"')
        fast, slow = (reader_of(careful=careful, pass_usage=False) for careful in (False, True))
        fast.read(first)
        slow.read(first)
        assert passed_by_chunk(fast, second) == slow.read(second)
        assert heard(fast) == heard(slow)
