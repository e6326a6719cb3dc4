from __future__ import annotations

import pytest

from tollkeeper.services.upstream.address import Address

HEADS = {
    "http://localhost:11434": (b"GET /x HTTP/1.1", b"host: localhost:11434"),
    "http://localhost:80/": (b"GET /x HTTP/1.1", b"host: localhost"),
    "https://Example.org": (b"GET /x HTTP/1.1", b"host: example.org"),
    "https://example.org:8443/openai/": (b"GET /openai/x HTTP/1.1", b"host: example.org:8443"),
    "http://[::1]:11434": (b"GET /x HTTP/1.1", b"host: [::1]:11434"),
    "https://bücher.example": (b"GET /x HTTP/1.1", b"host: xn--bcher-kva.example"),
}


@pytest.mark.parametrize("url", HEADS)
def test_request_line_and_host(url: str) -> None:
    lines = Address(url).head(b"GET", b"/x", (), 0).split(b"\r\n")
    assert tuple(lines[:2]) == HEADS[url]
    assert lines[2:] == [b"accept-encoding: identity", b"", b""]


def test_a_whole_head() -> None:
    headers = ((b"content-type", b"application/json"), (b"Authorization", b"Bearer x"))
    assert Address("http://a:1").head(b"POST", b"/v1/x?y=z", headers, 12) == (
        b"POST /v1/x?y=z HTTP/1.1\r\nhost: a:1\r\naccept-encoding: identity\r\ncontent-type: application/json\r\n"
        b"Authorization: Bearer x\r\ncontent-length: 12\r\n\r\n"
    )


@pytest.mark.parametrize(("method", "said"), [(b"POST", True), (b"DELETE", True), (b"GET", False), (b"HEAD", False)])
def test_no_content_is_said_where_content_is_usual(method: bytes, said: bool) -> None:
    assert (b"content-length: 0" in Address("http://a").head(method, b"/", (), 0)) is said


def test_credentials_are_sent_but_never_shown() -> None:
    address = Address("http://me:p%40ss@host:1/base")
    assert b"\r\nauthorization: Basic bWU6cEBzcw==\r\n" in address.head(b"GET", b"/", (), 0)
    assert b"\r\nhost: host:1\r\n" in address.head(b"GET", b"/", (), 0)
    assert repr(address) == "Address(http://host:1/base)"


@pytest.mark.parametrize("part", [b"a\r\nb", b"a\nb", b"a\rb"])
def test_line_breaks_are_refused_wherever_they_hide(part: bytes) -> None:
    address = Address("http://a")
    for method, target, headers in (
        (b"GET", part, ()),
        (part, b"/", ()),
        (b"GET", b"/", ((part, b"v"),)),
        (b"GET", b"/", ((b"n", part),)),
    ):
        with pytest.raises(ValueError, match="line break"):
            address.head(method, target, headers, 0)


@pytest.mark.parametrize(
    "url",
    ["localhost:1", "ftp://a", "http://", "http://:1", "http://a?b", "http://a?", "http://a/#c", "http://a#",
     "http://a:99999", "http://a:0", "http://a:b", "http://a..b:1", f"http://{'a' * 64}:1", "http:// a", "http://a/ b",
     "http://a\n:1", "http://a\\b", "http://a/é", "http://[::1", "http://[1]"],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="looks like http://host:port"):
        Address(url)
