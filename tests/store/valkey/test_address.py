"""Addresses of servers, by URL."""

import pytest

from tollkeeper.store.valkey.address import Address, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("valkey://here", Address("here")),
        ("redis://here:1/2", Address("here", 1, database=2)),
        ("valkeys://u%40:p%3A@here", Address("here", user="u@", password="p:", tls=True)),
        ("rediss://:secret@here", Address("here", password="secret", tls=True)),
        ("valkey://[::1]:7", Address("::1", 7)),
        ("unix:///run/valkey.sock", Address(path="/run/valkey.sock")),
        ("unix:///run/valkey.sock?database=3", Address(path="/run/valkey.sock", database=3)),
    ],
)
def test_a_url_names_a_server(url, address):
    assert parse_address(url) == address


@pytest.mark.parametrize("url", ["here:6379", "http://here", "unix://", "valkey://here:port", "valkey://here/x"])
def test_other_urls_are_refused(url):
    with pytest.raises(ValueError):  # noqa: PT011 (of the address or of the number in it)
        parse_address(url)


def test_what_is_printed_shows_no_password():
    assert "secret" not in repr(parse_address("valkey://:secret@here"))


def test_only_tls_has_a_context():
    assert Address().ssl_context is None
    assert Address(tls=True).ssl_context is not None
