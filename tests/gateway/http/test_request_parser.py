"""h11 judges what is a request: what it reads we read alike, what it refuses we refuse, but for what is named here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollkeeper.gateway.http.framing import RequestLine, Target
from tollkeeper.gateway.http.request_parser import RequestParser
from tollkeeper.gateway.http.responses import Headers
from tollkeeper.rules.errors import GatewayError


class Read(NamedTuple):
    """A request. `body` is what is here of it, and `whole` whether that is all."""

    method: str
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    whole: bool


REFUSED = "refused"
UNFINISHED = "unfinished"
Verdict = Read | str


class Ear:
    def __init__(self) -> None:
        self.request: tuple[RequestLine, Headers] | None = None
        self.body = b""
        self.whole = False

    def on_request(
        self, line: RequestLine, target: Target, headers: Headers, by_name: dict[bytes, bytes], *, keep_alive: bool
    ) -> None:
        assert by_name == dict(headers)
        self.request = line, headers

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_end(self) -> None:
        self.whole = True


def ours(pieces: Sequence[bytes]) -> Verdict:
    """What the first request in these pieces is to us."""
    ear = Ear()
    parser = RequestParser(ear)
    try:
        for piece in pieces:
            start = 0
            while start < len(piece) and not ear.whole:
                if not parser.in_message:
                    start = parser.skip_empty_lines(piece, start)
                if start < len(piece):
                    start = parser.feed(piece, start)
    except GatewayError:
        return REFUSED
    if ear.request is None:
        return UNFINISHED
    line, headers = ear.request
    return Read(line.method, line.target, headers, ear.body, ear.whole)


def theirs(sent: bytes) -> Verdict:
    """What it is to h11."""
    judge = h11.Connection(h11.SERVER, max_incomplete_event_size=65_536)
    if sent:  # else it would be the end of the connection
        judge.receive_data(sent)
    request, body = None, b""
    try:
        while True:
            event = judge.next_event()
            if isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage) or event in (h11.NEED_DATA, h11.PAUSED):
                if request is None:
                    return UNFINISHED
                headers = [(bytes(name), bytes(value)) for name, value in request.headers]
                return Read(request.method.decode(), request.target, headers, body, isinstance(event, h11.EndOfMessage))
    except h11.RemoteProtocolError:
        return REFUSED


class Difference(NamedTuple):
    """Where we differ, and an example of it. `found` is looked for in what was sent."""

    reason: str
    found: re.Pattern[bytes]
    sent: bytes


def difference(reason: str, pattern: bytes, sent: bytes) -> Difference:
    return Difference(reason, re.compile(pattern, re.DOTALL | re.IGNORECASE), sent)


HOST = b"\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
ONLY_H11 = [
    difference("a line that ends with LF alone (9112, 2.2: MAY)", rb"(?<!\r)\n", b"GET /p HTTP/1.1\nHost: x\n\n"),
    difference("a version that is not spoken here", rb" HTTP/[02-9]", b"GET /p HTTP/2.0" + HOST),
    difference(
        "a method that no path takes: 501",
        rb"^(?!(?-i:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE) )",
        b"FROB /p HTTP/1.1" + HOST,
    ),
    difference("a target in none of the forms (9112, 3.2)", rb"^\S+ (?!/|https?://|\* )", b"GET p HTTP/1.1" + HOST),
    difference("an asterisk for another method than OPTIONS", rb"^(?!OPTIONS )\S+ \* ", b"GET * HTTP/1.1" + HOST),
    difference(
        "an absolute target with a user, or without a host",
        rb"^\S+ https?://([/?# ]|[^/ ]*@)",
        b"GET http://u@x/ HTTP/1.1" + HOST,
    ),
    difference(
        "a folded value (9112, 5.2: MUST reject or replace)", rb"\n[ \t]", b"GET /p HTTP/1.1\r\nA: b\r\n c" + HOST
    ),
    difference(
        "control characters in a value (9110, 5.5)",
        rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]",
        b"GET /p HTTP/1.1\r\nA: \x01" + HOST,
    ),
    difference(
        "several lengths that are the same (9112, 6.3: MUST reject or replace)",
        rb"content-length:[^\r]*(,|.*content-length:)",
        b"POST /p HTTP/1.1\r\nContent-Length: 3, 3" + HOST + b"abc",
    ),
    difference(
        "a length beside chunks (9112, 6.1: MAY reject; smuggling)",
        rb"(?=.*content-length:).*transfer-encoding:",
        b"POST /p HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked" + HOST + b"0\r\n\r\n",
    ),
    difference(
        "chunks in HTTP/1.0 (9112, 6.1: faulty)",
        rb" HTTP/1\.0.*transfer-encoding:",
        b"POST /p HTTP/1.0\r\nTransfer-Encoding: chunked" + HOST + b"0\r\n\r\n",
    ),
    difference(
        "a tab behind a coding or length",
        rb"(transfer-encoding|content-length):[^\r]*\t\r",
        CHUNKED.replace(b"chunked", b"chunked\t"),
    ),
    difference("blanks in the line of a size", rb"\r\n[0-9a-f]+[ \t;][^\r]*\r\n", CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n"),
    difference(
        "a trailer that frames (9110, 6.5.1)",
        rb"\r\n0+[^\r]*\r\n.*(content-length|transfer-encoding|connection|upgrade)",
        CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
    ),
    difference(
        "a length over 64 bits",
        rb"content-length:[ 0-9]*[0-9]{19}",
        b"POST /p HTTP/1.1\r\nContent-Length: " + b"9" * 20 + HOST,
    ),
    difference("a chunk over 60 bits", rb"\n0*[1-9a-f][0-9a-f]{14}", CHUNKED + b"f" * 17 + b"\r\nabc"),
    difference("a CONNECT, which is for proxies", rb"^CONNECT ", b"CONNECT x:80 HTTP/1.1" + HOST),
]
ONLY_OURS = [
    difference("an empty line before a request (9112, 2.2: SHOULD)", rb"^[\r\n]", b"\r\nGET /p HTTP/1.1" + HOST),
    difference(
        "HTTP/1.1 without a Host: whoever may knock decides",
        rb"^(?!(?:(?!\r\n\r\n).)*\nhost:).* HTTP/1\.[1-9]",
        b"GET /p HTTP/1.1\r\n\r\n",
    ),
    difference(
        "more than one Host: refused by whoever lets in", rb"\nhost:.*\nhost:", b"GET /p HTTP/1.1\r\nHost: x" + HOST
    ),
    difference("a size with more noughts than twenty", rb"\n0{10}", CHUNKED + b"0" * 20 + b"3\r\nabc\r\n0\r\n\r\n"),
]


def known(differences: Sequence[Difference], sent: bytes) -> bool:
    return any(difference.found.search(sent) for difference in differences)


def plain(read: Read) -> Read:
    """Without what only we change: an upgrade that is asked for, and the Host of an absolute target."""
    gone = (b"upgrade", b"connection", b"http2-settings", b"host")
    return read._replace(headers=[header for header in read.headers if header[0] not in gone])


def judge(pieces: Sequence[bytes]) -> None:
    sent = b"".join(pieces)
    us, them = ours(pieces), theirs(sent)
    if us == REFUSED and them == UNFINISHED:  # we need not wait for the end of what is wrong already
        them = theirs(sent + b"\r\n\r\n")
    if us == REFUSED and them != REFUSED:
        assert known(ONLY_H11, sent), (sent, them)
    elif us != REFUSED and them == REFUSED:
        assert known(ONLY_OURS, sent) or us == UNFINISHED or (isinstance(us, Read) and not us.whole), (sent, us)
    elif isinstance(us, Read) and isinstance(them, Read) and not known(ONLY_H11 + ONLY_OURS, sent):
        assert plain(us) == plain(them), sent


def cut(sent: bytes, places: Sequence[int]) -> list[bytes]:
    ends = sorted({min(place, len(sent)) for place in places} | {0, len(sent)})
    return [sent[start:end] for start, end in pairwise(ends)]


def mostly(*usual: bytes, odd: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    return st.one_of(st.sampled_from(usual), st.sampled_from([*usual, *odd]))


METHODS = mostly(
    b"GET", b"POST", b"HEAD", b"PUT", b"OPTIONS", odd=[b"get", b"PRI", b"CONNECT", b"FROB", b"G T", b"", b"M-SEARCH"]
)
TARGETS = mostly(
    b"/",
    b"/p?q=r",
    b"/%70",
    b"http://x/p",
    odd=[b"*", b"p", b"?q", b"x:80", b"//p", b"/p#f", b"/\xff", b"/\x7f", b"http://", b"/ p", b""],
)
VERSIONS = mostly(
    b"HTTP/1.1", b"HTTP/1.0", odd=[b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"RTSP/1.0", b"http/1.1", b"HTTP/1.11", b""]
)
ENDS = mostly(b"\r\n", odd=[b"\n", b"\r", b" \r\n", b"\r\n\r\n", b"\r\r\n", b""])
NAMES = mostly(
    b"Host",
    b"A",
    b"Content-Length",
    b"Transfer-Encoding",
    odd=[b"Connection", b"Upgrade", b"Expect", b"content-length ", b"", b"A(", b"\xff", b" A", b"Trailer", b"TE"],
)
VALUES = mostly(
    b"x",
    b"3",
    b"chunked",
    odd=[
        b"",
        b" ",
        b"3, 3",
        b"+3",
        b"gzip, chunked",
        b"Chunked",
        b"identity",
        b"a\tb",
        b"\x01",
        b"\xe9",
        b"\0",
        b"close",
        b"upgrade",
        b"h2c",
        b"03",
        b"0",
        b"9" * 20,
        b"chunked\t",
        b"a\r\n b",
        b"100-continue",
    ],
)
COLONS = mostly(b": ", b":", odd=[b" : ", b":\t", b"", b"::"])
SIZES = mostly(
    b"3", b"0", b"1", odd=[b"g", b"", b"03", b"-1", b"3;a=b", b'3;a="b"', b"3 ", b"3;", b"f" * 17, b"0" * 21, b"3;\x01"]
)
CHUNK = st.builds(
    lambda *parts: b"".join(parts), SIZES, ENDS, mostly(b"abc", b"a", b"", odd=[b"\r\n\r\n", b"ab"]), ENDS
)
HEADER = st.builds(lambda *parts: b"".join(parts), NAMES, COLONS, VALUES, ENDS)
HEADS = st.builds(
    lambda method, target, version, end, headers, last: b"".join(
        [method, b" ", target, b" ", version, end, *headers, last]
    ),
    METHODS,
    TARGETS,
    VERSIONS,
    ENDS,
    st.lists(HEADER, max_size=4),
    ENDS,
)
BODIES = st.one_of(st.just(b""), st.binary(max_size=8), st.lists(CHUNK, max_size=4).map(b"".join))
WELL = st.builds(
    lambda chunks, trailer: CHUNKED + b"".join(chunks) + b"0\r\n" + trailer + b"\r\n",
    st.lists(
        st.builds(lambda data: b"%x\r\n%b\r\n" % (len(data), data), st.binary(min_size=1, max_size=40)), max_size=5
    ),
    st.sampled_from([b"", b"A: b\r\n"]),
)
SENT = st.one_of(st.builds(lambda *parts: b"".join(parts), HEADS, BODIES), WELL, st.binary(max_size=40))


@settings(max_examples=700)
@given(SENT, st.lists(st.integers(0, 200), max_size=6))
@example(CHUNKED + b"3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n", [60, 61, 62, 63])
def test_we_read_as_h11_reads(sent: bytes, places: list[int]) -> None:
    judge(cut(sent, places))


@settings(max_examples=200)
@given(WELL, st.lists(st.integers(0, 400), max_size=20))
def test_it_does_not_matter_where_the_bytes_are_cut(sent: bytes, places: list[int]) -> None:
    whole = ours([sent])
    assert isinstance(whole, Read)
    assert whole.whole
    assert whole == ours(cut(sent, places)) == ours([bytes([byte]) for byte in sent])
    assert plain(whole) == plain(theirs(sent))  # type: ignore[arg-type]


@pytest.mark.parametrize("named", ONLY_H11, ids=lambda named: named.reason)
def test_only_h11_takes(named: Difference) -> None:
    assert named.found.search(named.sent)
    assert ours([named.sent]) == REFUSED
    assert theirs(named.sent) != REFUSED


@pytest.mark.parametrize("named", ONLY_OURS, ids=lambda named: named.reason)
def test_only_we_take(named: Difference) -> None:
    assert named.found.search(named.sent)
    read = ours([named.sent])
    assert isinstance(read, Read)
    assert read.whole
    assert theirs(named.sent) == REFUSED
