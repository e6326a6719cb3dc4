"""First line, target and framing of a request; `test_rfc9112.py` has them row by row on a connection."""

import pytest

from tollkeeper.gateway.http.framing import (
    RequestLine,
    Target,
    begins_like_a_request,
    check_codings,
    options,
    read_request_line,
    read_target,
    with_host,
)
from tollkeeper.rules.errors import BadRequest


@pytest.mark.parametrize(
    ("line", "read"),
    [
        (b"GET /a HTTP/1.1\r\n", RequestLine("GET", b"/a", "1.1")),
        (b"GET /a HTTP/1.0\r\n", RequestLine("GET", b"/a", "1.0")),
        (b"POST * HTTP/1.7\r\n", RequestLine("POST", b"*", "1.1")),
    ],
)
def test_a_first_line(line, read):
    assert read_request_line(line) == read


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET  /a HTTP/1.1\r\n", 400),
        (b"GET /a HTTP/1.1\n", 400),
        (b"GET /a\r\n", 400),
        (b"GET /a RTSP/1.0\r\n", 400),
        (b"GET /a HTTP/2.0\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\n", 400),
        (b"BREW /a HTTP/1.1\r\n", 501),
    ],
)
def test_a_first_line_that_is_none(line, status):
    with pytest.raises(BadRequest) as refused:
        read_request_line(line)
    assert refused.value.status == status


@pytest.mark.parametrize(("data", "may"), [(b"GE", True), (b"\x16\x03\x01", False), (b"", False), (b" GET", False)])
def test_what_may_become_a_first_line(data, may):
    assert begins_like_a_request(data) is may


@pytest.mark.parametrize(
    ("method", "target", "read"),
    [
        ("GET", b"/a%20b?c=d?e#f", Target("/a b", b"/a%20b", b"c=d?e")),
        ("GET", b"http://h:1/a?b", Target("/a", b"/a", b"b", b"h:1")),
        ("GET", b"HTTPS://h?b", Target("/", b"/", b"b", b"h")),
        ("OPTIONS", b"*", Target("*", b"*", b"")),
    ],
)
def test_a_target(method, target, read):
    assert read_target(method, target) == read


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", b"*"), ("GET", b"a"), ("GET", b"http:///a"), ("GET", b"http://u@h/"), ("GET", b"ftp://h/")],
)
def test_a_target_that_is_none(method, target):
    with pytest.raises(BadRequest):
        read_target(method, target)


def test_chunked_is_the_only_coding_and_only_of_1_1():
    check_codings("1.1", [b"Chunked"])
    for version, codings in (("1.0", [b"chunked"]), ("1.1", [b"gzip, chunked"]), ("1.1", [b"chunked", b"chunked"])):
        with pytest.raises(BadRequest):
            check_codings(version, codings)


def test_an_absolute_target_replaces_one_host_and_hides_no_second():
    assert with_host([(b"host", b"a"), (b"x", b"y")], b"b") == [(b"x", b"y"), (b"host", b"b")]
    assert with_host([], b"b") == [(b"host", b"b")]
    twice = [(b"host", b"a"), (b"host", b"c")]
    assert with_host(twice, b"b") == twice


def test_options_of_a_header():
    assert options(b"Close,\tKeep-Alive ,x") == [b"close", b"keep-alive", b"x"]
