"""Answers by their bytes: whatever pieces they come in, the result is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.scripted import chat_chunks, chunked, head, json_response, response, sse, streamed
from tollkeeper.rules.errors import UpstreamFailure, UpstreamUnavailable
from tollkeeper.services.upstreams.http.bounds import ClientBounds, Timeouts
from tollkeeper.services.upstreams.http.response import Response, UpstreamDisconnected
from tollkeeper.services.upstreams.ports import Shortcut

HEAD_LIMIT = 300


class Recorder:
    """A line that writes down what its answer asked for."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.outcome = "open"

    def watch(self, seconds: float) -> None: ...

    def resume(self) -> None: ...

    def divert(self, shortcut: Shortcut | None) -> None: ...

    def finished(self, *, reusable: bool) -> None:
        assert self.outcome == "open"
        self.outcome = "reusable" if reusable else "spent"

    def failed(self, error: UpstreamFailure) -> None:
        assert self.outcome == "open"
        self.outcome = type(error).__name__


def whole(data: bytes) -> list[bytes]:
    return [data] if data else []


def single_bytes(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def sevens(data: bytes) -> list[bytes]:
    return [data[at : at + 7] for at in range(0, len(data), 7)]


async def outcome(
    data: bytes, cut: Callable[[bytes], list[bytes]], *, eof: bool = False, bodiless: bool = False
) -> tuple[int, dict[bytes, bytes], bytes, str]:
    """Status, headers, content that could be read, and what became of the connection."""
    line = Recorder()
    answer = Response(line, Timeouts(), ClientBounds(head=HEAD_LIMIT), bodiless=bodiless)
    for piece in cut(data):
        answer.feed(piece)
    if eof:
        answer.end(None)
    assert line.outcome != "open", "the bytes of the case must decide"
    content = b""
    try:
        await answer.head()
        while part := await answer.read():
            content += part
    except UpstreamFailure as error:
        assert type(error).__name__ == line.outcome  # noqa: PT017
        assert error.status == 502  # noqa: PT017
    else:
        assert answer.complete
    return answer.status, answer.headers, content, line.outcome


EVENTS = b"".join(sse(*chat_chunks(["Hello", " wörld"])))
CL = b"content-length"
TE = {b"transfer-encoding": b"chunked"}
OK2 = head(200, "Content-Length: 2")
OK2_CLOSE = head(200, "Content-Length: 2", "Connection: close")
CHUNKED = head(200, "Transfer-Encoding: chunked")

# bytes → status, headers, content, what becomes of the connection
ENDED_BY_THE_ANSWER = {
    "length": (OK2 + b"hi", 200, {CL: b"2"}, b"hi", "reusable"),
    "no content": (head(200, "Content-Length: 0"), 200, {CL: b"0"}, b"", "reusable"),
    "chunks": (CHUNKED + chunked(EVENTS, 1, 2, 60, 200), 200, TE, EVENTS, "reusable"),
    "chunk of one byte each": (CHUNKED + chunked(EVENTS, size=1), 200, TE, EVENTS, "reusable"),
    "coding in capitals": (
        head(200, "TRANSFER-encoding: CHUNKED") + chunked(b"hi"),
        200,
        {b"transfer-encoding": b"CHUNKED"},
        b"hi",
        "reusable",
    ),
    "chunk extensions": (CHUNKED + b"2;a=b;c\r\nhi\r\n0;z\r\n\r\n", 200, TE, b"hi", "reusable"),
    "trailers": (CHUNKED + b"2\r\nhi\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n", 200, TE, b"hi", "reusable"),
    "204": (head(204), 204, {}, b"", "reusable"),
    "304 with a length": (head(304, "Content-Length: 5"), 304, {CL: b"5"}, b"", "reusable"),
    "close": (OK2_CLOSE + b"hi", 200, {CL: b"2", b"connection": b"close"}, b"hi", "spent"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, {CL: b"2"}, b"hi", "spent"),
    "HTTP/1.0 kept alive": (
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi",
        200,
        {CL: b"2", b"connection": b"keep-alive"},
        b"hi",
        "reusable",
    ),
    "interim answers": (
        head(100) + head(103, "Link: </a>") + head(102) + OK2 + b"hi", 200, {CL: b"2"}, b"hi", "reusable",
    ),
    "interim answer with a length": (head(100, "Content-Length: 9") + OK2 + b"hi", 200, {CL: b"2"}, b"hi", "reusable"),
    "repeated, empty and padded headers": (
        b"HTTP/1.1 200\r\nVary: a\r\nX-Empty:\r\nX-Blank: \r\nvary:  b \t\r\nCONTENT-LENGTH: 0\r\n\r\n",
        200,
        {b"vary": b"a, b", b"x-empty": b"", b"x-blank": b"", CL: b"0"},
        b"",
        "reusable",
    ),
    "HTML": (
        response(b"<h1>no</h1>", 502, content_type="text/html"),
        502,
        {b"content-type": b"text/html", CL: b"11"},
        b"<h1>no</h1>",
        "reusable",
    ),
    "upgrade refused": (
        head(200, "Upgrade: h2c", "Connection: upgrade", "Content-Length: 2") + b"hi",
        200,
        {b"upgrade": b"h2c", b"connection": b"upgrade", CL: b"2"},
        b"hi",
        "reusable",
    ),
    "head as long as may be": (
        OK2[:-2] + b"x: " + b"y" * (HEAD_LIMIT - len(OK2) - 5) + b"\r\n\r\nhi",
        200,
        {CL: b"2", b"x": b"y" * (HEAD_LIMIT - len(OK2) - 5)},
        b"hi",
        "reusable",
    ),
    # nothing that can be read
    "garbage": (b"\x16\x03\x01garbage\r\n\r\n", 0, {}, b"", "UpstreamUnavailable"),
    "other protocol": (b"SSH-2.0-OpenSSH_9.2\r\n", 0, {}, b"", "UpstreamUnavailable"),
    "bare line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0, {}, b"", "UpstreamUnavailable"),
    "protocol switched": (
        head(101, "Upgrade: x", "Connection: upgrade"),
        0,
        {b"upgrade": b"x", b"connection": b"upgrade"},
        b"",
        "UpstreamUnavailable",
    ),
    "status 0": (head(0), 0, {}, b"", "UpstreamUnavailable"),
    "two lengths": (
        head(200, "Content-Length: 2", "Content-Length: 3") + b"hi!", 0, {CL: b"2"}, b"", "UpstreamUnavailable",
    ),
    "length and chunks": (
        head(200, "Transfer-Encoding: chunked", "Content-Length: 2") + b"hi", 0, TE, b"", "UpstreamUnavailable",
    ),
    "coding not asked for": (
        head(200, "Transfer-Encoding: gzip") + b"hi", 0, {b"transfer-encoding": b"gzip"}, b"", "UpstreamUnavailable",
    ),
    "head too long": (head(200, *["x: yyyyyyyyyyyyyyyyyyyyyyyyyy"] * 10), 0, ..., b"", "UpstreamUnavailable"),
    "endless status line": (b"HTTP/1.1 200 " + b"o" * HEAD_LIMIT, 0, {}, b"", "UpstreamUnavailable"),
    "endless interim answers": (head(100) * 20, 0, {}, b"", "UpstreamUnavailable"),
    # nothing after a part of the content
    "bad chunk size": (CHUNKED + b"2\r\nhi\r\nzz\r\n", 200, TE, b"hi", "UpstreamUnavailable"),
    "chunk longer than it says": (CHUNKED + b"2\r\nhi!\r\n", 200, TE, b"hi", "UpstreamUnavailable"),
}  # fmt: skip

ENDED_BY_THE_CONNECTION = {
    "nothing": (b"", 0, {}, b"", "UpstreamDisconnected"),
    "half a head": (OK2[:-2], 0, ..., b"", "UpstreamUnavailable"),
    "an interim answer only": (head(100), 0, {}, b"", "UpstreamUnavailable"),
    "no length": (head(200, "X: y") + EVENTS, 200, {b"x": b"y"}, EVENTS, "spent"),
    "no length, no content": (head(200), 200, {}, b"", "spent"),
    "HTTP/1.0 without length": (b"HTTP/1.0 200 OK\r\n\r\nhi", 200, {}, b"hi", "spent"),
    "length not reached": (head(200, "Content-Length: 3") + b"hi", 200, {CL: b"3"}, b"hi", "UpstreamUnavailable"),
    "nothing of the length": (OK2, 200, {CL: b"2"}, b"", "UpstreamUnavailable"),
    "no last chunk": (CHUNKED + chunked(b"hi", end=False), 200, TE, b"hi", "UpstreamUnavailable"),
    "half a last chunk": (CHUNKED + chunked(b"hi")[:-2], 200, TE, b"hi", "UpstreamUnavailable"),
    "half a chunk": (CHUNKED + b"5\r\nhi", 200, TE, b"hi", "UpstreamUnavailable"),
}

AFTER_THE_END = {
    "second answer": OK2 + b"hi" + OK2 + b"ho",
    "first byte of a second answer": OK2 + b"hiH",
    "garbage": OK2 + b"hi!",
    "second answer after chunks": streamed(b"hi") + OK2,
    "data after close": OK2_CLOSE + b"hi!",
}

CUTS = pytest.mark.parametrize("cut", [whole, single_bytes, sevens])


def check(found: tuple[int, dict[bytes, bytes], bytes, str], expected: tuple[object, ...]) -> None:
    for value, wanted in zip(found, expected, strict=True):
        assert wanted is ... or value == wanted


@CUTS
@pytest.mark.parametrize("case", ENDED_BY_THE_ANSWER)
async def test_answers_that_end_by_themselves(case: str, cut: Callable[[bytes], list[bytes]]) -> None:
    data, *expected = ENDED_BY_THE_ANSWER[case]
    check(await outcome(data, cut), tuple(expected))


@CUTS
@pytest.mark.parametrize("case", ENDED_BY_THE_CONNECTION)
async def test_answers_that_the_connection_ends(case: str, cut: Callable[[bytes], list[bytes]]) -> None:
    data, *expected = ENDED_BY_THE_CONNECTION[case]
    check(await outcome(data, cut, eof=True), tuple(expected))


@pytest.mark.parametrize("case", AFTER_THE_END)
async def test_what_follows_the_end_spoils_the_connection_but_not_the_answer(case: str) -> None:
    status, _, content, line = await outcome(AFTER_THE_END[case], whole)
    assert (status, content, line) == (200, b"hi", "spent")


@CUTS
async def test_the_answer_to_a_head_request_ends_with_its_head(cut: Callable[[bytes], list[bytes]]) -> None:
    status, headers, content, line = await outcome(head(200, "Content-Length: 999"), cut, bodiless=True)
    assert (status, headers, content, line) == (200, {CL: b"999"}, b"", "spent")


@pytest.mark.parametrize("start", [b"2\r\nhi\r\n0\r\nx: ", b"2\r\nhi\r\n2;"], ids=["trailer", "chunk extension"])
async def test_framing_without_content_is_bounded(start: bytes) -> None:
    line = Recorder()
    answer = Response(line, Timeouts(), ClientBounds(head=HEAD_LIMIT))
    answer.feed(CHUNKED + start)
    for _ in range(HEAD_LIMIT):
        assert line.outcome == "open"
        answer.feed(b"y")
    assert line.outcome == "UpstreamUnavailable"


async def test_a_reset_ends_no_answer_properly() -> None:
    line = Recorder()
    answer = Response(line, Timeouts(), ClientBounds())
    answer.feed(head(200) + b"hi")
    answer.end(ConnectionResetError())
    assert await answer.read() == b"hi"
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        await answer.read()
    assert line.outcome == "UpstreamUnavailable"


async def test_pieces_that_came_before_the_reader_are_joined() -> None:
    answer = Response(Recorder(), Timeouts(), ClientBounds())
    for piece in single_bytes(streamed(b"one ", b"two")):
        answer.feed(piece)
    assert await answer.read() == b"one two"
    assert await answer.read() == b""
    assert await answer.read() == b""


async def test_read_all_gives_the_whole_and_stops_at_its_limit() -> None:
    body = json_response({"a": "b"})
    for limit, fits in ((9, True), (8, False)):
        line = Recorder()
        answer = Response(line, Timeouts(), ClientBounds())
        answer.feed(body[:-1])
        if fits:
            answer.feed(body[-1:])
            assert await answer.read_all(limit) == b'{"a":"b"}'
        else:
            reading = asyncio.ensure_future(answer.read_all(limit - 1))
            with pytest.raises(UpstreamFailure, match="longer than 7 bytes"):
                await reading
            assert line.outcome == "UpstreamFailure"


async def test_abort_after_the_end_does_nothing() -> None:
    line = Recorder()
    answer = Response(line, Timeouts(), ClientBounds())
    answer.feed(OK2 + b"hi")
    answer.abort()
    assert line.outcome == "reusable"
    assert await answer.read() == b"hi"


async def test_abort_is_idempotent_and_seen_by_a_later_reader() -> None:
    line = Recorder()
    answer = Response(line, Timeouts(), ClientBounds())
    answer.feed(OK2)
    answer.abort()
    answer.abort()
    answer.feed(b"hi")
    answer.end(None)
    assert line.outcome == "UpstreamFailure"
    with pytest.raises(UpstreamFailure, match="given up"):
        await answer.read()


async def test_one_reader_at_a_time() -> None:
    answer = Response(Recorder(), Timeouts(), ClientBounds())
    answer.feed(OK2)
    first = asyncio.ensure_future(answer.read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one reader"):
        await answer.read()
    answer.feed(b"hi")
    assert await first == b"hi"


async def test_messages_repeat_nothing_of_the_answer() -> None:
    answer = Response(Recorder(), Timeouts(), ClientBounds())
    answer.feed(b"HTTP/1.1 sk-secret\r\n\r\n")
    with pytest.raises(UpstreamUnavailable) as caught:
        await answer.head()
    assert "secret" not in caught.value.message
    assert not isinstance(caught.value, UpstreamDisconnected)
