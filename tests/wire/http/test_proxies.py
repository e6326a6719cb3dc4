from __future__ import annotations

import pytest

from tollkeeper.wire.http.proxies import Proxies, Proxy

HTTP, HTTPS = Proxy("plain.example", 3128), Proxy("secure.example", 3129)
BOTH = {"HTTP_PROXY": "http://plain.example:3128", "HTTPS_PROXY": "http://secure.example:3129/"}


def test_the_scheme_of_the_upstream_chooses() -> None:
    proxies = Proxies(BOTH)
    assert proxies.choose("api.example", 443, secure=True) == HTTPS
    assert proxies.choose("api.example", 80, secure=False) == HTTP
    assert repr(proxies) == "Proxies(http, https)"
    assert Proxies({"HTTP_PROXY": "plain.example:3128"}).choose("api.example", 443, secure=True) is None
    assert Proxies({}).choose("api.example", 443, secure=True) is None


def test_lower_case_wins_and_an_empty_one_counts_for_nothing() -> None:
    proxies = Proxies({**BOTH, "https_proxy": "low.example:1", "http_proxy": " "})
    assert proxies.choose("api.example", 443, secure=True) == Proxy("low.example", 1)
    assert Proxies({**BOTH, "http_proxy": ""}).choose("a", 80, secure=False) == HTTP


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("proxy.example", Proxy("proxy.example", 80)),
        ("http://[::1]:8080", Proxy("::1", 8080)),
        ("http://me:p%40ss@proxy.example:1", Proxy("proxy.example", 1, b"Basic bWU6cEBzcw==")),
        ("me:p%40ss@proxy.example:1", Proxy("proxy.example", 1, b"Basic bWU6cEBzcw==")),
    ],
)
def test_how_a_proxy_is_written(url: str, proxy: Proxy) -> None:
    assert Proxies({"https_proxy": url}).choose("api.example", 443, secure=True) == proxy


def test_its_credentials_are_sent_but_never_shown() -> None:
    proxy = Proxy("proxy.example", 1, b"Basic bWU6cEBzcw==")
    assert proxy.headers == ((b"proxy-authorization", b"Basic bWU6cEBzcw=="),)
    assert HTTP.headers == ()
    assert repr(proxy) == "Proxy(proxy.example:1)"


@pytest.mark.parametrize("url", ["socks5://me:hidden@p:1", "https://me:hidden@p", "http://", "http://p:x", "http://[1"])
def test_what_names_no_proxy(url: str) -> None:
    proxies = Proxies({"https_proxy": url})
    with pytest.raises(ValueError, match="HTTPS_PROXY names no proxy that can be used") as refused:
        proxies.choose("api.example", 443, secure=True)
    assert "hidden" not in str(refused.value) + repr(proxies)
    assert proxies.choose("localhost", 443, secure=True) is None, "it is not needed there"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_reached_directly(host: str) -> None:
    assert Proxies(BOTH).choose(host, 11434, secure=False) is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("*", "anything.example"),
        ("a.example", "a.example"),
        ("a.example", "deep.in.a.example"),
        (".a.example", "a.example"),
        (".a.example", "b.a.example"),
        ("*.a.example", "b.a.example"),
        ("A.Example", "a.example"),
        ("a.example", "A.EXAMPLE."),
        ("x, a.example", "a.example"),
        ("x a.example", "a.example"),
        ("a.example:443", "a.example"),
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3:443", "10.1.2.3"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("10.1.2.3/8", "10.9.9.9"),
        ("fd00::1", "fd00::1"),
        ("[fd00::1]:443", "fd00::1"),
        ("fd00::/8", "fd00::1"),
    ],
)
def test_what_no_proxy_covers(entry: str, host: str) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        assert Proxies({**BOTH, name: entry}).choose(host, 443, secure=True) is None


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("", "a.example"),
        ("a.example", "ba.example"),
        ("a.example", "example"),
        ("a.example:8443", "a.example"),
        ("10.1.2.3", "10.1.2.30"),
        ("10.0.0.0/8", "11.1.2.3"),
        ("10.0.0.0/8", "a.example"),
        ("10.0.0.0/99", "10.1.2.3"),
        ("fd00::/8", "10.1.2.3"),
        (".", "a.example"),
        ("*.", "a.example"),
    ],
)
def test_what_it_does_not(entry: str, host: str) -> None:
    assert Proxies({**BOTH, "NO_PROXY": entry}).choose(host, 443, secure=True) == HTTPS
