"""Lines are cut out of a stream, however its bytes come."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.wire.ndjson import LineTooLong, NdjsonSplitter

LINES = [b'{"a":1}\n', b"\n", b'{"b":"x y"}\r\n', b'{"c":[]}\n', "{“ü”}\n".encode()]
STREAM = b"".join(LINES)


def cut(pieces, at_most=1 << 30):
    splitter = NdjsonSplitter(10_000)
    lines = []
    for piece in pieces:
        lines += splitter.feed(piece, at_most)
        while splitter.more:
            lines += splitter.feed(b"", at_most)
    return lines, splitter


@pytest.mark.parametrize("pieces", [[STREAM], [STREAM[i : i + 1] for i in range(len(STREAM))], LINES])
def test_a_stream_in_one_piece_byte_by_byte_and_line_by_line(pieces):
    lines, splitter = cut(pieces)
    assert lines == LINES
    assert not splitter.unfinished
    assert splitter.held == 0


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.integers(1, 3))
def test_a_stream_cut_anywhere_gives_the_same(cuts, at_most):
    places = [0, *sorted(cuts), len(STREAM)]
    assert cut([STREAM[a:b] for a, b in pairwise(places)], at_most)[0] == LINES


def test_what_is_unfinished_is_kept_and_counted():
    splitter = NdjsonSplitter(100)
    assert splitter.feed(b'{"a":1}\n{"b"') == [b'{"a":1}\n']
    assert (splitter.held, splitter.unfinished, splitter.more) == (4, True, False)
    assert splitter.feed(b":2}\n") == [b'{"b":2}\n']


def test_no_more_lines_than_wanted_are_cut_at_once():
    splitter = NdjsonSplitter(100)
    assert splitter.feed(b"1\n2\n3\n4", 2) == [b"1\n", b"2\n"]
    assert splitter.more
    assert splitter.held == 3
    assert splitter.feed(b"\n", 2) == [b"3\n", b"4\n"]
    assert not splitter.more


def test_many_lines_are_cut_in_linear_time():
    stream = b'{"a":1}\n' * 100_000
    lines, _ = cut([stream], 256)
    assert b"".join(lines) == stream


@pytest.mark.parametrize(
    "pieces", [[b"x" * 101], [b"x" * 60, b"y" * 60], [b"x" * 101 + b"\n"], [b"x" * 50, b"y" * 60 + b"\n"]]
)
def test_a_line_that_is_too_long_is_refused(pieces):
    splitter = NdjsonSplitter(100)
    *before, last = pieces
    assert [splitter.feed(piece) for piece in before] == [[]] * len(before)
    with pytest.raises(LineTooLong):
        splitter.feed(last)
    with pytest.raises(LineTooLong):
        splitter.feed(b"{}\n")


@pytest.mark.parametrize("tail", [b"x" * 101, b"x" * 101 + b"\n"])
def test_those_before_it_are_given_first(tail):
    splitter = NdjsonSplitter(100)
    assert splitter.feed(b"{}\n" + tail) == [b"{}\n"]
    assert splitter.more
    with pytest.raises(LineTooLong):
        splitter.feed(b"")


def test_a_line_of_the_longest_length_is_taken():
    line = b"x" * 99 + b"\n"
    assert NdjsonSplitter(100).feed(line) == [line]
    assert NdjsonSplitter(100).feed(line + b"a\n") == [line, b"a\n"]
