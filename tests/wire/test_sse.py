from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.wire.sse import EventSplitter, EventTooLarge, event_data

STREAM = (
    b'data: {"a":1}\n\n'
    b": a comment\n\n"
    b"event: x\r\ndata: one\r\ndata:two\r\ndata\r\n\r\n"
    b"data: cr\r\r"
    b"data: mixed\n\r\n"
    b"id: 5\n\n"
    b"data: [DONE]\n\n"
)
DATA = [b'{"a":1}', None, b"one\ntwo\n", b"cr", b"mixed", None, b"[DONE]"]


def cut(pieces):
    splitter = EventSplitter(10_000)
    return [event for piece in pieces for event in splitter.feed(piece)], splitter


def data_of(events):
    return [event_data(event) for event in events if event.strip()]


def test_a_stream_in_one_piece():
    events, splitter = cut([STREAM])
    assert b"".join(events) == STREAM
    assert data_of(events) == DATA
    assert not splitter._rest


def test_a_stream_byte_by_byte_gives_the_same():
    events, splitter = cut([STREAM[i : i + 1] for i in range(len(STREAM))])
    assert b"".join(events) == STREAM
    assert data_of(events) == DATA
    assert not splitter._rest


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_cut_anywhere_gives_the_same(cuts):
    places = [0, *sorted(cuts), len(STREAM)]
    events, _ = cut([STREAM[a:b] for a, b in pairwise(places)])
    assert b"".join(events) == STREAM
    assert data_of(events) == DATA


def test_a_crlf_is_one_end_of_line_however_it_is_cut():
    events, splitter = cut([b"data: a\r", b"\ndata: b\r\n\r", b"\n"])
    assert data_of(events) == [b"a\nb"]
    assert b"".join(events) + bytes(splitter._rest) == b"data: a\r\ndata: b\r\n\r\n"


def test_an_event_leaves_as_soon_as_it_is_whole():
    splitter = EventSplitter(100)
    assert splitter.feed(b"data: 1\n\nda") == [b"data: 1\n\n"]
    assert splitter._rest
    assert splitter.feed(b"ta: 2\n\n") == [b"data: 2\n\n"]


@pytest.mark.parametrize("last", [b"x" * 101, b"x" * 101 + b"\n\n", b"data: 1\n\n" + b"x" * 101 + b"\n\ndata: 2\n\n"])
@pytest.mark.parametrize("first", [b"", b"data: "])
def test_an_event_over_the_bound_is_refused(first, last):
    splitter = EventSplitter(100)
    splitter.feed(first)
    with pytest.raises(EventTooLarge):
        splitter.feed(last)


def test_a_byte_order_mark_is_no_part_of_the_first_field():
    assert event_data(b"\xef\xbb\xbfdata: a\n\n") == b"a"
