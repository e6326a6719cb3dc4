from __future__ import annotations

import pytest

from tollkeeper.services.outbound.target import MAX_URL, InvalidTarget, Target, parse_target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://example.com", Target("http", "example.com", 80, "/")),
        ("https://example.com/a.png", Target("https", "example.com", 443, "/a.png")),
        ("HTTPS://Example.COM/A.png?B=c#part", Target("https", "example.com", 443, "/A.png?B=c")),
        ("http://example.com.:8080/", Target("http", "example.com", 8080, "/")),
        ("http://example.com?x", Target("http", "example.com", 80, "/?x")),
        ("http://[2606:4700::1111]:80/", Target("http", "2606:4700::1111", 80, "/")),
        ("http://example.com/größe.png?ü=%20", Target("http", "example.com", 80, "/gr%C3%B6%C3%9Fe.png?%C3%BC=%20")),
        ("http://127.1/", Target("http", "127.1", 80, "/")),
    ],
)
def test_read(url, target):
    assert parse_target(url) == target


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        ("http://Images:80/", "images:80", "images"),
        ("https://images/", "images:443", "images"),
        ("http://images:443/", "images:443", "images:443"),
        ("http://images:8080/", "images:8080", "images:8080"),
        ("http://[::1]:8080/", "[::1]:8080", "[::1]:8080"),
        ("http://[::1]/", "[::1]:80", "[::1]"),
    ],
)
def test_addresses(url, address, authority):
    target = parse_target(url)
    assert (target.address, target.authority) == (address, authority)


@pytest.mark.parametrize(
    "url",
    [
        "http://", "http:///a", "http:example.com", "http://example.com:/", "http://example.com:80:80/", "http://:80/",
        "http://example.com:8a/", "http://exa mple.com/", "http://example.com/a b", "http://example.com\\@127.0.0.1/",
        "http://example.com/\r\nHost: x", "http://example.com/\t", "\x00http://example.com/", "http://ex%61mple.com/",
        "http://%31%32%37.0.0.1/", "http://１２７.0.0.1/", "http://bücher.example/", "http://①②⑦.⓪.⓪.①/", "http://a..b/",
        "http://.example.com/", "http://example.com../", "http://-a.example/", "http://[::1/", "http://::1/",
        "http://[::1%25lo]/", "http://[example.com]/", "http://[::1].example.com/", "http://example.com\u3002/",
        "http://example.com/\ud800", "http://example.com:１/", "http://example.com:0/",
        "http://example.com:65536/",
    ],
)  # fmt: skip
def test_malformed(url):
    with pytest.raises(InvalidTarget, match="malformed"):
        parse_target(url)


@pytest.mark.parametrize(
    "url", ["http://a@b/", "http://user:pw@example.com/", "https://@example.com/", "http://a:80@b/"]
)
def test_user_names(url):
    with pytest.raises(InvalidTarget, match="user name or password"):
        parse_target(url)


@pytest.mark.parametrize(
    "url", ["ftp://example.com/", "//example.com/", "file:///etc/passwd", "gopher://x:80/_", "a.png"]
)
def test_schemes(url):
    with pytest.raises(InvalidTarget, match="http:// or https://"):
        parse_target(url)


def test_length():
    start = "http://example.com/"
    assert parse_target(start + "a" * (MAX_URL - len(start)))
    with pytest.raises(InvalidTarget, match="longer than"):
        parse_target(start + "a" * (MAX_URL - len(start) + 1))


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/b", "https://example.com/b"),
        ("b?c", "https://example.com/x/b?c"),
        ("//other.example/b", "https://other.example/b"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
    ],
)
def test_redirects(location, url):
    assert parse_target("https://example.com/x/a").follow(location) == parse_target(url)


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "data:image/png;base64,AAAA", "http://[", "http://a@b/", "/a\tb"]
)
def test_bad_redirects(location):
    with pytest.raises(InvalidTarget):
        parse_target("https://example.com/x/a").follow(location)
