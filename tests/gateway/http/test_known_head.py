"""A head that was sent before is read as if it came for the first time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollkeeper.gateway.http.framing import RequestLine, Target
from tollkeeper.gateway.http.known_head import MAX_KEPT_HEAD, MAX_MISSES, KnownHead, known_head
from tollkeeper.gateway.http.request_parser import RequestParser
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.rules.errors import GatewayError


class Ear:
    """Everything that a parser says, but for where a body was cut."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def on_request(
        self, line: RequestLine, target: Target, headers: Headers, by_name: dict[bytes, bytes], *, keep_alive: bool
    ) -> None:
        assert by_name == dict(headers)
        self.heard.append((line, target, headers, keep_alive, bytearray()))

    def on_body(self, body: bytes) -> None:
        assert body
        self.heard[-1][-1].extend(body)

    def on_end(self) -> None:
        self.heard.append("end")


def feed(parser: RequestParser, *pieces: bytes) -> None:
    for piece in pieces:
        start = 0
        while start < len(piece):
            if not parser.in_message:
                start = parser.skip_empty_lines(piece, start)
            if start < len(piece):
                start = parser.feed(piece, start)


def heard(*pieces: bytes, known: bool) -> list[Any]:
    """What is heard of the pieces behind a first request, and how the parser is left."""
    ear = Ear()
    parser = RequestParser(ear)
    feed(parser, FIRST)
    ear.heard.clear()
    if not known:
        parser._known = None
    try:
        feed(parser, *pieces)
    except GatewayError as error:
        ear.heard.append((error.status, str(error)))
    return [*ear.heard, parser.line, parser.in_message, parser.in_head, parser.body_left]


BEFORE = b"POST /p?q HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-1\r\nContent-Length: "
AFTER = b"\r\nA: b\r\n\r\n"
FIRST = BEFORE + b"3" + AFTER + b"abc"
ODD = b"GET /odd HTTP/1.1\r\nHost: y\r\n\r\n"
DIGITS = st.one_of(
    st.integers(0, 40).map(lambda length: b"%d" % length),
    st.sampled_from(
        [b"", b" 3", b"3 ", b"+3", b"-3", b"0x3", b"3, 3", b"003", b"1_0", "\u0663".encode(), b"9" * 16, b"9" * 20]
    ),
)
EDITS = st.tuples(st.integers(0, len(FIRST)), st.integers(0, 3), st.binary(max_size=3))


def edited(sent: bytes, edit: tuple[int, int, bytes]) -> bytes:
    place, gone, new = edit
    return sent[:place] + new + sent[place + gone :]


@settings(max_examples=400)
@given(DIGITS, st.binary(max_size=40), st.one_of(st.none(), EDITS), st.lists(st.integers(0, 150), max_size=4))
@example(b"0", b"", None, [])
@example(b"3", b"abc" + ODD, None, [])
@example(b"3", b"abc" + FIRST, None, [len(BEFORE) + 1])
@example(b"1" * 15, b"abc", None, [])
def test_a_second_request_is_read_as_a_first(
    digits: bytes, body: bytes, edit: tuple[int, int, bytes] | None, places: list[int]
) -> None:
    second = BEFORE + digits + AFTER + body
    if edit is not None:
        second = edited(second, edit)
    ends = sorted({min(place, len(second)) for place in places} | {0, len(second)})
    pieces = [second[start:end] for start, end in pairwise(ends)]
    assert heard(*pieces, known=True) == heard(*pieces, known=False)


@pytest.mark.parametrize("digits", [b"0", b"3", b"12"])
def test_a_head_that_differs_in_its_length_alone_needs_no_parser(digits: bytes) -> None:
    ear = Ear()
    parser = RequestParser(ear)
    feed(parser, FIRST)
    parser._parser = None
    body = b"x" * int(digits)
    feed(parser, *(BEFORE + digits + AFTER + body)[: -1 if body else None].split(b"\0"), body[:1])
    (line, target, headers, keep_alive, whole), end = ear.heard[2:]
    assert line == RequestLine("POST", b"/p?q", "1.1")
    assert target == Target("/p", b"/p", b"q")
    assert headers == [
        (b"host", b"x"),
        (b"authorization", b"Bearer sk-1"),
        (b"content-length", digits),
        (b"a", b"b"),
    ]
    assert keep_alive
    assert whole == body
    assert end == "end"
    assert parser._parser is None


def test_a_head_is_let_go_of_with_the_parser() -> None:
    parser = RequestParser(Ear())
    feed(parser, FIRST)
    parser.release()
    assert parser._known is None


def kept(first: bytes) -> KnownHead | None:
    parser = RequestParser(Ear())
    feed(parser, first)
    return parser._known


def test_what_is_kept_of_a_connection_is_small() -> None:
    filler = b"A: " + b"x" * (MAX_KEPT_HEAD - len(BEFORE + b"3" + AFTER) - len(b"A: \r\n")) + b"\r\n"
    fits = FIRST.replace(b"Host: x\r\n", b"Host: x\r\n" + filler)
    assert kept(fits) is not None
    assert kept(fits.replace(b"Host: x", b"Host: xy")) is None


@pytest.mark.parametrize(
    "first",
    [
        ODD,
        FIRST.replace(b"HTTP/1.1", b"HTTP/1.0"),
        FIRST.replace(b"A: b", b"Connection: close"),
        BEFORE.replace(b"Content-Length: ", b"Transfer-Encoding: chunked") + AFTER + b"0\r\n\r\n",
    ],
    ids=["no body", "1.0", "the last one", "chunks"],
)
def test_some_heads_are_not_kept(first: bytes) -> None:
    assert kept(first) is None


def test_only_the_last_head_is_kept() -> None:
    parser = RequestParser(Ear())
    feed(parser, FIRST)
    assert "KnownHead(" in repr(parser._known)
    feed(parser, ODD)
    assert parser._known is None


def test_a_client_that_changes_its_head_each_time_keeps_none() -> None:
    parser = RequestParser(Ear())
    for number in range(MAX_MISSES):
        feed(parser, FIRST.replace(b"A: b", b"A: %d" % number))
        assert parser._known is not None
    feed(parser, FIRST)
    assert parser._known is None


def test_a_head_that_came_again_may_change_as_often() -> None:
    parser = RequestParser(Ear())
    for number in range(3 * MAX_MISSES):
        feed(parser, FIRST.replace(b"A: b", b"A: %d" % (number // 2)))
    assert parser._known is not None


def test_a_length_that_is_written_oddly_is_not_known_again() -> None:
    headers = [(b"content-length", b"3")]
    assert known_head(b"POST / HTTP/1.1\r\nContent-Length: 3 \r\n\r\n", headers, dict(headers)) is None
