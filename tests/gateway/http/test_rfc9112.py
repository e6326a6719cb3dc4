"""RFC 9112 row by row, and what of RFC 9110 frames a request: what each input is taken for, byte by byte too."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from tests.gateway.http.served import Served, echo
from tollkeeper.gateway.http.exchange import Exchange


class Row(NamedTuple):
    """`taken` is what the request is read as, "METHOD path?query body"; None where it is refused with `status`."""

    section: str
    what: str
    sent: bytes
    status: int
    taken: bytes | None = None


def line(first: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([first, b"Host: x", *lines, b"", b""])


def post(*lines: bytes, body: bytes = b"") -> bytes:
    return line(b"POST /p HTTP/1.1", *lines) + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def get(*lines: bytes) -> bytes:
    return line(b"GET /p HTTP/1.1", *lines)


GOT, POSTED, READ = b"GET /p? ", b"POST /p? ", b"POST /p? abc"
ROWS = [
    # 2.2 Message parsing
    Row("2.2", "an empty line before a request is passed over", b"\r\n" + get(), 200, GOT),
    Row("2.2", "so are several", b"\r\n\r\n\r\n" + get(), 200, GOT),
    Row("2.2", "a line that ends with LF alone", get().replace(b"\r\n", b"\n"), 400),
    Row("2.2", "a header that does", b"GET /p HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", 400),
    Row("2.2", "a bare CR in the first line", b"GET /p\r HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    Row("2.2", "a bare CR in a value", get(b"A: b\rc"), 400),
    Row("2.2", "a blank before the first header", b"GET /p HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    Row("2.2", "a handshake of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    # 2.3 HTTP version
    Row("2.3", "HTTP/1.0", line(b"GET /p HTTP/1.0"), 200, GOT),
    Row("2.3", "a later HTTP/1 is read as HTTP/1.1 (RFC 9110, 2.5)", line(b"GET /p HTTP/1.7"), 200, GOT),
    Row("2.3", "HTTP/2.0", line(b"GET /p HTTP/2.0"), 505),
    Row("2.3", "HTTP/0.9", line(b"GET /p HTTP/0.9"), 505),
    Row("2.3", "HTTP/3.0", line(b"GET /p HTTP/3.0"), 505),
    Row("2.3", "the preface of HTTP/2 (RFC 9113, 3.4)", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 505),
    Row("2.3", "no version, as HTTP/0.9 had it", b"GET /p\r\n\r\n", 400),
    Row("2.3", "RTSP/1.0", line(b"GET /p RTSP/1.0"), 400),
    Row("2.3", "RTSP/1.0 with a method of its own", line(b"DESCRIBE /p RTSP/1.0"), 400),
    Row("2.3", "ICE/1.0", line(b"SOURCE /p ICE/1.0"), 400),
    Row("2.3", "a name in lower case", line(b"GET /p http/1.1"), 400),
    Row("2.3", "two digits", line(b"GET /p HTTP/1.10"), 400),
    Row("2.3", "one digit", line(b"GET /p HTTP/1"), 400),
    # 3 Request line
    Row("3", "two spaces behind the method", line(b"GET  /p HTTP/1.1"), 400),
    Row("3", "two spaces behind the target", line(b"GET /p  HTTP/1.1"), 400),
    Row("3", "a tab for a space", line(b"GET\t/p HTTP/1.1"), 400),
    Row("3", "a space at the end", line(b"GET /p HTTP/1.1 "), 400),
    Row("3", "a space at the begin", line(b" GET /p HTTP/1.1"), 400),
    Row("3", "a space in the target", line(b"GET /p q HTTP/1.1"), 400),
    Row("3.1", "a method is told by its case", line(b"get /p HTTP/1.1"), 501),
    Row("3.1", "a method that nobody knows", line(b"FROBNICATE /p HTTP/1.1"), 501),
    Row("3.1", "one that others know", line(b"PROPFIND /p HTTP/1.1"), 501),
    Row("3.1", "one of RTSP", line(b"DESCRIBE /p HTTP/1.1"), 501),
    Row("3.1", "one of HTTP/2", line(b"PRI * HTTP/1.1"), 501),
    Row("3.1", "no token", line(b"GE(T /p HTTP/1.1"), 400),
    Row("3.1", "TRACE", line(b"TRACE /p HTTP/1.1"), 200, b"TRACE /p? "),
    # 3.2 Request target
    Row("3.2.1", "a path", line(b"GET /p/q?r=s?t HTTP/1.1"), 200, b"GET /p/q?r=s?t "),
    Row("3.2.1", "two slashes", line(b"GET //p HTTP/1.1"), 200, b"GET //p? "),
    Row("3.2.1", "a path that is encoded", line(b"GET /%70%zz HTTP/1.1"), 200, b"GET /p%zz? "),
    Row("3.2.1", "a fragment is dropped", line(b"GET /p?q#f?g HTTP/1.1"), 200, b"GET /p?q "),
    Row("3.2.1", "bytes over 127", line(b"GET /p\xff HTTP/1.1"), 400),
    Row("3.2.1", "a control character", line(b"GET /p\x01 HTTP/1.1"), 400),
    Row("3.2.1", "a path without its slash", line(b"GET p HTTP/1.1"), 400),
    Row("3.2.1", "a query alone", line(b"GET ?q HTTP/1.1"), 400),
    Row("3.2.2", "an absolute target", line(b"GET http://x/p?q HTTP/1.1"), 200, b"GET /p?q "),
    Row("3.2.2", "one in upper case", line(b"GET HTTPS://x/p HTTP/1.1"), 200, GOT),
    Row("3.2.2", "one without a path", line(b"GET http://x HTTP/1.1"), 200, b"GET /? "),
    Row("3.2.2", "one without a path, with a query", line(b"GET http://x?q HTTP/1.1"), 200, b"GET /?q "),
    Row("3.2.2", "one without a host", line(b"GET http:///p HTTP/1.1"), 400),
    Row("3.2.2", "one with a user (RFC 9110, 4.2.4)", line(b"GET http://u:v@x/p HTTP/1.1"), 400),
    Row("3.2.2", "one of another scheme", line(b"GET ftp://x/p HTTP/1.1"), 400),
    Row("3.2.2", "one with no slashes", line(b"GET http:/p HTTP/1.1"), 400),
    Row("3.2.3", "an authority is for CONNECT", line(b"GET x:80 HTTP/1.1"), 400),
    Row("3.2.3", "which is for proxies", line(b"CONNECT x:80 HTTP/1.1"), 400),
    Row("3.2.4", "an asterisk", line(b"OPTIONS * HTTP/1.1"), 200, b"OPTIONS *? "),
    Row("3.2.4", "an asterisk for another method", line(b"GET * HTTP/1.1"), 400),
    # 5 Field syntax
    Row("5", "blanks around a value are none of it", get(b"A: \t b c \t "), 200, GOT),
    Row("5", "an empty value", get(b"A:"), 200, GOT),
    Row("5", "bytes over 127 in a value", get(b"A: \xe9"), 200, GOT),
    Row("5", "NUL in a value", get(b"A: b\0c"), 400),
    Row("5", "a control character in a value", get(b"A: b\x01c"), 400),
    Row("5", "bytes over 127 in a name", get(b"\xc3\xa9: b"), 400),
    Row("5", "no name", get(b": b"), 400),
    Row("5", "no colon", get(b"A"), 400),
    Row("5", "no token for a name", get(b"A(b: c"), 400),
    Row("5.1", "a blank before the colon", get(b"A : b"), 400),
    Row("5.1", "a tab before the colon", get(b"A\t: b"), 400),
    Row("5.1", "a blank before the colon of what frames", post(b"Content-Length : 3", body=b"abc"), 400),
    Row("5.2", "a value that is folded", get(b"A: b", b" c"), 400),
    Row("5.2", "one that is folded with a tab", get(b"A: b", b"\tc"), 400),
    Row(
        "5.2",
        "one that begins in the next line",
        post(b"Transfer-Encoding:", b" chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
        400,
    ),
    # 6 Message body
    Row("6", "no length is no body", post(), 200, POSTED),
    Row("6.1", "chunked", post(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"), 200, READ),
    Row("6.1", "in any case", post(b"transfer-encoding:  ChunkeD ", body=b"3\r\nabc\r\n0\r\n\r\n"), 200, READ),
    *(
        Row(
            "6.1",
            f"another coding: {coding.decode()}",
            post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n"),
            status,
        )
        for coding, status in {
            b"gzip, chunked": 501,
            b"identity, chunked": 501,
            b",chunked": 501,
            b"gzip": 501,
            b"identity": 501,
            b"xchunked": 501,
            b"chunked;q=1": 501,
            b'"chunked"': 501,
            b"chunked, gzip": 400,
            b"chunked,": 400,
            b"chunked, chunked": 400,
            b"": 400,
            b"chunked\x0b": 400,
        }.items()
    ),
    Row("6.1", "two headers", post(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 501),
    Row(
        "6.1",
        "twice chunked",
        post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        400,
    ),
    Row("6.1", "chunked in HTTP/1.0", line(b"POST /p HTTP/1.0", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    Row("6.1", "a length beside it", post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    Row("6.1", "a length before it", post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    Row("6.2", "a length", post(b"Content-Length: 3", body=b"abc"), 200, READ),
    Row("6.2", "a length with noughts", post(b"Content-Length: 003", body=b"abc"), 200, READ),
    Row("6.2", "a length for GET", get(b"Content-Length: 3") + b"abc", 200, b"GET /p? abc"),
    Row("6.2", "what is behind it is no body", post(b"Content-Length: 3", body=b"abc\r\n"), 200, READ),
    *(
        Row("6.3", f"no length: {length!r}", post(b"Content-Length: " + length, body=b"abc"), 400)
        for length in (b"", b"+3", b"-3", b"3, 3", b"3,3", b"3, 4", b"0x3", b"3 3", b"3;", b"1e0", b"\xb2", b"9" * 23)
    ),
    Row("6.3", "two lengths", post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"), 400),
    Row("6.3", "two that are the same", post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), 400),
    # 7.1 Chunked
    Row("7.1", "chunks", chunked(b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), 200, READ),
    Row(
        "7.1",
        "sizes in hexadecimal, with noughts",
        chunked(b"00a\r\n0123456789\r\n0000\r\n\r\n"),
        200,
        POSTED + b"0123456789",
    ),
    Row("7.1", "empty lines inside of them", chunked(b"8\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n"), 200, POSTED + b"\r\n" * 4),
    Row(
        "7.1",
        "what looks like the last one inside of them",
        chunked(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        200,
        POSTED + b"0\r\n\r\n",
    ),
    *(
        Row("7.1", f"no size: {size!r}", chunked(size + b"\r\nabc\r\n0\r\n\r\n"), 400)
        for size in (b"", b"g", b"-3", b"+3", b"0x3", b" 3", b"3 ", b"3\t", b"\xb2", b"3.0", b"f" * 17)
    ),
    Row("7.1", "a size without CRLF", chunked(b"3\nabc\r\n0\r\n\r\n"), 400),
    Row("7.1", "content without CRLF", chunked(b"3\r\nabc0\r\n\r\n"), 400),
    Row("7.1", "content with LF alone", chunked(b"3\r\nabc\n0\r\n\r\n"), 400),
    Row("7.1", "content longer than its size", chunked(b"3\r\nabcd\r\n0\r\n\r\n"), 400),
    Row("7.1", "a size line without end", chunked(b"3;a=" + b"b" * 200_000), 400),
    Row("7.1", "a size with noughts without end", chunked(b"0" * 200_000), 400),
    Row("7.1.1", "an extension", chunked(b"3;a\r\nabc\r\n0;b=c\r\n\r\n"), 200, READ),
    Row("7.1.1", "one in quotes", chunked(b'3;a="b;\\"c";d=e\r\nabc\r\n0\r\n\r\n'), 200, READ),
    Row("7.1.1", "one whose quotes are open", chunked(b'3;a="b\r\nabc\r\n0\r\n\r\n'), 400),
    Row("7.1.1", "one without a name", chunked(b"3;\r\nabc\r\n0\r\n\r\n"), 400),
    Row("7.1.1", "one with a control character", chunked(b"3;a=\x01\r\nabc\r\n0\r\n\r\n"), 400),
    Row("7.1.1", "one with LF alone", chunked(b"3;a\nabc\r\n0\r\n\r\n"), 400),
    Row("7.1.2", "a trailer is dropped", chunked(b"3\r\nabc\r\n0\r\nA: b\r\nHost: y\r\n\r\n"), 200, READ),
    Row("7.1.2", "one that frames", chunked(b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n"), 400),
    Row("7.1.2", "one that frames, too", chunked(b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
    Row("7.1.2", "one with a blank before its colon", chunked(b"3\r\nabc\r\n0\r\nA : b\r\n\r\n"), 400),
    Row("7.1.2", "one that is folded", chunked(b"3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n"), 400),
    Row("7.1.2", "trailers without end", chunked(b"3\r\nabc\r\n0\r\n" + b"A: b\r\n" * 40_000), 400),
    # 9.6 Close
    Row("9.6", "a request that closes", get(b"Connection: close"), 200, GOT),
]


async def told(exchange: Exchange) -> None:
    body = b""
    while part := await exchange.body.read():
        body += part
    taken = exchange.method.encode() + b" " + exchange.path.encode() + b"?" + exchange.query + b" " + body
    await exchange.respond(200, [], taken)


async def answer_to(sent: bytes, *, pieces: int) -> bytes:
    """The first answer, with the connection read to its end: refused requests close, others are asked to."""
    async with Served(told).open() as served, served.client() as (reader, writer):
        for start in range(0, len(sent), pieces):
            writer.write(sent[start : start + pieces])
            await asyncio.sleep(0)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head + await reader.readexactly(length)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.section} {row.what}")
async def test_a_row(row: Row) -> None:
    for pieces in (1_000_000, 7, 1) if len(row.sent) < 1000 else (1_000_000, 1000):
        answer = await answer_to(row.sent, pieces=pieces)
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % row.status), pieces
        if row.taken is None:
            assert b"\r\nconnection: close" in head
            assert b'"error":{"message":"' in content
        else:
            assert content == row.taken


def test_rows_are_told_apart() -> None:
    names = [(row.section, row.what) for row in ROWS]
    assert len(names) == len(set(names))
    assert all((row.status == 200) == (row.taken is not None) for row in ROWS)


async def test_the_host_of_an_absolute_target_counts() -> None:
    """RFC 9112, 3.2.2. Two Hosts stay two."""
    hosts: list[list[bytes]] = []

    async def answer(exchange: Exchange) -> None:
        hosts.append([value for name, value in exchange.all_headers if name == b"host"])
        await echo(exchange)

    async with Served(answer).open() as served:
        await served.told(line(b"GET http://good:80/p HTTP/1.1", b"Connection: close"))
        await served.told(line(b"GET http://good/p HTTP/1.1", b"Host: y", b"Connection: close"))
        await served.told(line(b"GET /p HTTP/1.1", b"Connection: close"))
    assert hosts == [[b"good:80"], [b"x", b"y"], [b"x"]]


async def test_blanks_around_a_value_are_none_of_it() -> None:
    values = []

    async def answer(exchange: Exchange) -> None:
        values.append(exchange.headers[b"a"])
        await echo(exchange)

    async with Served(answer).open() as served:
        await served.told(get(b"A: \t b c \t ", b"Connection: close"))
    assert values == [b"b c"]
