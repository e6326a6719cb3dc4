from __future__ import annotations

import pytest

from tollkeeper.wire.http.address import Address

HEADS = {
    "http://localhost:11434": (b"GET /x HTTP/1.1", b"host: localhost:11434"),
    "http://localhost:80/": (b"GET /x HTTP/1.1", b"host: localhost"),
    "https://Example.org": (b"GET /x HTTP/1.1", b"host: example.org"),
    "https://example.org:8443/openai/": (b"GET /openai/x HTTP/1.1", b"host: example.org:8443"),
    "http://[::1]:11434": (b"GET /x HTTP/1.1", b"host: [::1]:11434"),
    "https://api.openai.com/v1": (b"GET /x HTTP/1.1", b"host: api.openai.com"),
    "https://openrouter.ai/api/v1/": (b"GET /api/x HTTP/1.1", b"host: openrouter.ai"),
    "https://x.openai.azure.com/openai/v1": (b"GET /openai/x HTTP/1.1", b"host: x.openai.azure.com"),
    "http://a/v1/v1": (b"GET /v1/x HTTP/1.1", b"host: a"),
    "http://a/apiv1": (b"GET /apiv1/x HTTP/1.1", b"host: a"),
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


def test_headers_of_every_request() -> None:
    address = Address("http://me:pw@a/v1", ((b"x-api-key", b"k"), (b"x", b"y")))
    assert address.head(b"GET", b"/v1/x", ((b"z", b"1"),), 0) == (
        b"GET /v1/x HTTP/1.1\r\nhost: a\r\nauthorization: Basic bWU6cHc=\r\naccept-encoding: identity\r\n"
        b"x-api-key: k\r\nx: y\r\nz: 1\r\n\r\n"
    )
    assert "k" not in repr(address)


def test_a_secret_is_sent_instead_of_credentials_in_the_address() -> None:
    sent = Address("http://me:pw@a", ((b"Authorization", b"Bearer s"),)).head(b"GET", b"/", (), 0)
    assert sent.lower().count(b"authorization") == 1
    assert b"Authorization: Bearer s\r\n" in sent


@pytest.mark.parametrize("header", [(b"a", b"b\r\nc: d"), (b"a\n", b"b"), (b"a", b"b\rc")])
def test_line_breaks_in_headers_of_every_request(header: tuple[bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="line break"):
        Address("http://a", (header,))


def test_a_request_through_a_proxy_names_the_whole_address() -> None:
    for url, line in {
        "http://me:pw@a:8080/base/v1": b"GET http://a:8080/base/v1/x HTTP/1.1",
        "http://[::1]:80": b"GET http://[::1]/v1/x HTTP/1.1",
        "http://b\u00fccher.example": b"GET http://xn--bcher-kva.example/v1/x HTTP/1.1",
    }.items():
        assert Address(url, through_proxy=True).head(b"GET", b"/v1/x", (), 0).split(b"\r\n")[0] == line


def test_the_host_is_the_name_to_look_up() -> None:
    assert Address("https://B\u00fccher.example").host == "xn--bcher-kva.example"
    assert Address("http://[::1]:1").host == "::1"
