"""Templates: an event that matches is passed on as if it had been read, and nothing else matches.

That streams are passed on alike with and without them is tested with each dialect (openai/test_repeats.py).
"""

from __future__ import annotations

import pytest

from tests.shapes import chunked
from tollkeeper.wire.event_template import EventTemplate, texts_of
from tollkeeper.wire.http.chunks import LARGEST, content_of

TEXTS = texts_of("content", "pad")
ONE = b'data: {"id":"7","content":"%b","n":1}\n\n'
TWO = b'data: {"id":"7","content":"%b","usage":null,"pad":"%b"}\n\n'


def learned(event: bytes, passed: bytes) -> EventTemplate:
    template = EventTemplate(TEXTS)
    template.learn(event, passed)
    return template


def renamed(event: bytes) -> bytes:
    return event.replace(b'"id":"7"', b'"id":"mine"').replace(b',"usage":null', b"")


def by_chunk(template: EventTemplate, event: bytes) -> bytes | None:
    path = template.chunk_path(None)
    chunk = None if path is None else path(chunked(event, end=False))
    return None if chunk is None else content_of(chunk)


@pytest.mark.parametrize(
    "text", [b"b", b"other", b" ", "wörld".encode(), b'\\"', b"\\\\", b"\\n\\u00e9", b"'", b"x" * 1500, b"\xff"]
)
@pytest.mark.parametrize("way", [EventTemplate.apply, by_chunk])
def test_other_texts_match(way, text):
    one, two = ONE % b"a", TWO % (b"a", b"xyz")
    template = learned(one, renamed(one))
    assert way(template, ONE % text) == renamed(ONE % text)
    assert template.count == 1
    template = learned(two, renamed(two))
    for event in (TWO % (text, b"p"), TWO % (b"p", text)):
        assert way(template, event) == renamed(event)
    assert template.count == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b'"',
        b"\\",
        b"\\x",
        b"\\u12",
        b"\\ud83d",
        b"\n",
        b"\x00",
        b"\r",
        b'","n":2,"x":"',
        b'b","pad":"c',
        b'b\\","pad":"c',
    ],
)
@pytest.mark.parametrize("way", [EventTemplate.apply, by_chunk])
def test_what_is_no_text_does_not_match(way, raw):
    one, two = ONE % b"a", TWO % (b"a", b"xyz")
    template = learned(one, one)
    assert way(template, ONE % raw) is None
    other = learned(two, two)
    assert way(other, TWO % (raw, b"p")) is None
    assert way(other, TWO % (b"p", raw)) is None
    assert way(other, TWO.replace(b"%b", b"p", 1)[:30]) is None
    assert (template.count, other.count) == (0, 0)


@pytest.mark.parametrize("way", [EventTemplate.apply, by_chunk])
def test_what_differs_elsewhere_does_not_match(way):
    one = ONE % b"a"
    template = learned(one, one)
    for other in (
        one.replace(b"7", b"8"),
        one.replace(b"1", b"2"),
        one[:-1],
        one[1:],
        one + b"\n",
        one * 2,
        b": c\n\n",
    ):
        assert way(template, other) is None
    assert way(template, one) == one


def test_nothing_matches_before_it_learned_or_after_it_forgot():
    template = EventTemplate(TEXTS)
    assert (template.chunk_path(None), template.apply(ONE % b"a"), template.apply(b"")) == (None, None, None)
    template.learn(ONE % b"a", ONE % b"a")
    path = template.chunk_path(None)
    assert path is not None
    template.forget()
    assert (template.chunk_path(None), template.apply(ONE % b"b")) == (None, None)
    assert path(chunked(ONE % b"b", end=False)) is None


@pytest.mark.parametrize(
    ("event", "passed"),
    [
        (ONE % b"", ONE % b""),
        (ONE % b"a", ONE % b"b"),
        (ONE % b"a", b'data: {"other":1}\n\n'),
        (TWO % (b"a", b"b"), ONE % b"a"),
        ((ONE % b"a").replace(b"\n", b"\r\n"), (ONE % b"a").replace(b"\n", b"\r\n")),
        (ONE % (b"a" * LARGEST), ONE % (b"a" * LARGEST)),
        (b"data: 1\n\n", b"data: 1\n\n"),
    ],
)
def test_nothing_is_learned_from_these(event, passed):
    assert learned(event, passed).chunk_path(None) is None


@pytest.mark.parametrize("largest", [True, False])
def test_a_chunk_is_not_passed_on_where_either_side_has_too_large_a_one(largest):
    event = ONE % b"a"
    room = LARGEST - 8 - len(ONE % b"")
    for grown in (b"", b'"grown":1,'):
        template = learned(event, event.replace(b'"id"', grown + b'"id"'))
        text = b"x" * (room - len(grown) if largest else room + 1 + 8)
        passed = by_chunk(template, ONE % text)
        assert passed == ((ONE % text).replace(b'"id"', grown + b'"id"') if largest else None)


def test_the_model_is_renamed_wherever_it_stands():
    event = b'data: {"model":"Up","content":"%b","model":"Up","pad":"x","model":"Up"}\n\n'
    template = learned(event % b"a", event % b"a")
    path = template.chunk_path(lambda text: bytes(text).replace(b'"Up"', b'"canonical"'))
    assert path is not None
    assert template.chunk_path(None) == path
    chunk = path(chunked(event % b"Up", end=False))
    assert chunk is not None
    assert content_of(chunk) == (event % b"Up").replace(b'"Up"', b'"canonical"').replace(
        b'"content":"canonical"', b'"content":"Up"'
    )


def test_what_never_matches_is_not_learned_for_ever():
    template = EventTemplate(TEXTS)
    for number in range(20):
        event = b'data: {"n":%d,"content":"a"}\n\n' % number
        assert template.apply(event) is None
        template.learn(event, event)
    assert template.chunk_path(None) is None


def test_a_match_gives_it_new_tries():
    template = EventTemplate(TEXTS)
    for number in range(20):
        event = b'data: {"n":%d,"content":"a"}\n\n' % number
        template.learn(event, event)
        assert template.apply(event) == event
