from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.wire.sse import EventTooLarge, SseSplitter, event_data, sse_comment

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
    splitter = SseSplitter(10_000)
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


def test_an_event_ends_with_all_of_its_crlf_though_that_was_cut():
    assert cut([b"data: x\r\n\r", b"\ndata: y\r\n\r\n"])[0] == [b"data: x\r\n\r\n", b"data: y\r\n\r\n"]
    assert cut([b"data: x\r\r", b"data: y\r\r"])[0] == [b"data: x\r\r", b"data: y\r\r"]


def test_an_event_leaves_as_soon_as_it_is_whole():
    splitter = SseSplitter(100)
    assert splitter.feed(b"data: 1\n\nda") == [b"data: 1\n\n"]
    assert splitter._rest
    assert splitter.feed(b"ta: 2\n\n") == [b"data: 2\n\n"]


@pytest.mark.parametrize("last", [b"x" * 101, b"x" * 101 + b"\n\n", b"data: 1\n\n" + b"x" * 101 + b"\n\ndata: 2\n\n"])
@pytest.mark.parametrize("first", [b"", b"data: "])
def test_an_event_over_the_bound_is_refused(first, last):
    splitter = SseSplitter(100)
    splitter.feed(first)
    with pytest.raises(EventTooLarge):
        assert splitter.feed(last) + splitter.feed(b"") is None  # at the second where whole events came before it


def test_a_byte_order_mark_is_no_part_of_the_first_field():
    assert event_data(b"\xef\xbb\xbfdata: a\n\n") == b"a"


@pytest.mark.parametrize("end", [b"\n\n", b"\r\r", b"\r\n\r\n"])
@pytest.mark.parametrize("line", [b"", b":", b"data:", b"data: x"])
def test_many_events_come_a_few_at_a_time(line, end):
    stream = (line + end) * 5000
    splitter = SseSplitter(100)
    got = [splitter.feed(stream, 256)]
    while splitter.more:
        assert splitter.held == len(stream) - sum(map(len, (event for events in got for event in events)))
        got.append(splitter.feed(b"", 256))
    assert [len(events) for events in got[:2]] == [256, 256]
    assert max(map(len, got)) == 256
    assert b"".join(event for events in got for event in events) + bytes(splitter._rest) == stream


def test_what_comes_while_some_are_left_follows_them():
    splitter = SseSplitter(100)
    first = splitter.feed(b"data: 1\n\n" * 400 + b"data: 2", 256)
    rest = splitter.feed(b"2\n\ndata: 3\n\n", 1 << 20)
    assert [*first, *rest] == [b"data: 1\n\n"] * 400 + [b"data: 22\n\n", b"data: 3\n\n"]
    assert not splitter.more
    assert not splitter.unfinished


def test_a_large_event_of_very_many_lines_is_refused():
    with pytest.raises(EventTooLarge):
        event_data(b"data: {\n" + b"data: \n" * 50_000 + b"data: }\n\n")


def test_what_came_before_an_event_that_is_too_large_is_given():
    for too_large in (b"x" * 200, b"x" * 200 + b"\n\n", b"x" * 200 + b"\n\ndata: 2\n\n"):
        splitter = SseSplitter(100)
        assert splitter.feed(b"data: 1\n\n" + too_large) == [b"data: 1\n\n"]
        assert splitter.more
        with pytest.raises(EventTooLarge):
            splitter.feed(b"")


def test_a_comment_is_an_event_without_data():
    comment = sse_comment("queue position=3")
    assert SseSplitter(100).feed(comment + b"data: 1\n\n") == [comment, b"data: 1\n\n"]
    assert (comment, event_data(comment)) == (b": queue position=3\n\n", None)


@pytest.mark.parametrize(
    "event",
    [
        b"event: a\ndata: {}\n\n",
        b"event:a\ndata:{}\n\n",
        b"event: a\r\ndata: {}\r\n\r\n",
        b"event: a\rdata: {}\r\r",
        b"event: a\nid: 1\ndata: {}\n\n",
        b"event: a\ndata: {}\nid: 1\n\n",
        b"data: {}\nevent: a\n\n",
    ],
)
def test_the_data_of_an_event_with_a_name(event):
    assert event_data(event) == b"{}"


def test_an_event_with_a_name_and_no_data_or_several_lines():
    assert event_data(b"event: a\n\n") is None
    assert event_data(b"event: data: a\n\n") is None
    assert event_data(b"event: a\ndata: b\ndata: c\n\n") == b"b\nc"
    assert event_data(b"event: a\ndata: b\rdata: c\n\n") == b"b\nc"
