"""Who asks behind proxies."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import ADMIN
from tests.services.in_memory import CountingHasher
from tollkeeper.gateway.http.forwarded import TrustedProxies
from tollkeeper.services.accounts.passwords import Passwords

PEER = ("10.9.9.9", 5)
PROXIES = TrustedProxies({"10.0.0.0/8", "fd00::/8", "127.0.0.1", "::ffff:198.51.100.0/120"})
ITSELF = "10.9.9.9"


def client(*lines: tuple[str, str], peer: tuple[str, int] | None = PEER) -> str | None:
    """Who asks, by headers in their order."""
    found = PROXIES.client(peer, [(name.encode(), value.encode("latin-1")) for name, value in lines])
    return found and found[0]


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("1.1.1.1", "1.1.1.1"),
        ("6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("6.6.6.6, fd00::5", "6.6.6.6"),
        ("6.6.6.6,1.1.1.1,198.51.100.7", "1.1.1.1"),
        ("2001:db8::1, 127.0.0.1", "2001:db8::1"),
        # with a port, in brackets, in quotes
        ("1.2.3.4:5678", "1.2.3.4"),
        ("6.6.6.6:1, 1.2.3.4:5678, 10.0.0.2:80", "1.2.3.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ('"[2001:db8::1]"', "2001:db8::1"),
        ('"[2001:db8::1]:443", [fd00::1]:80', "2001:db8::1"),
        # one address, one text
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:102:304]:80", "1.2.3.4"),
        ("1.2.3.4, ::ffff:10.0.0.2", "1.2.3.4"),
        ("fe80::1%eth0", "fe80::1"),
        # no address ends the walk at the last that is known
        ("1.1.1.1, unknown", ITSELF),
        ("1.1.1.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("1.1.1.1, _hidden, 10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("1.1.1.1, a.example", ITSELF),
        ("1.2.3.4.5", ITSELF),
        ("1.2.3.400", ITSELF),
        ("01.2.3.4", ITSELF),
        ("2001:80", ITSELF),
        ("1.2.3.4:80:90", ITSELF),
        ("[1.2.3.4", ITSELF),
        ("\xff", ITSELF),
        ("1.1.1.1 2.2.2.2", ITSELF),
        # nobody but proxies: the first of them
        ("10.0.0.7, 10.0.0.2", "10.0.0.7"),
        # nothing
        ("", ITSELF),
        (" , ,", ITSELF),
        ("1.1.1.1, ,", "1.1.1.1"),
    ],
)
def test_x_forwarded_for(forwarded: str, expected: str) -> None:
    assert client(("x-forwarded-for", forwarded)) == expected


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("for=1.1.1.1", "1.1.1.1"),
        ("For=6.6.6.6, FOR=1.1.1.1;proto=https;by=10.0.0.1, for=10.0.0.2", "1.1.1.1"),
        ("proto=https;for=1.1.1.1", "1.1.1.1"),
        ('for="1.2.3.4:5678"', "1.2.3.4"),
        ("for=1.2.3.4:5678", "1.2.3.4"),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        ('for="[2001:db8::1]";host="a, for=6.6.6.6"', "2001:db8::1"),
        (r'for=1.1.1.1;host="a\"; for=6.6.6.6, for=7.7.7.7"', "1.1.1.1"),
        ('for="1.2.3.4:_port"', "1.2.3.4"),
        ("for=1.1.1.1, for=unknown", ITSELF),
        ("for=1.1.1.1, for=_hidden, for=10.0.0.2", "10.0.0.2"),
        ("for=1.1.1.1, proto=https", ITSELF),
        ("for=1.1.1.1;for=2.2.2.2", ITSELF),
        ('for="1.1.1.1, for=2.2.2.2', ITSELF),
        ("1.1.1.1", ITSELF),
        ("for", ITSELF),
        ("", ITSELF),
    ],
)
def test_forwarded(forwarded: str, expected: str) -> None:
    assert client(("forwarded", forwarded)) == expected


def test_several_lines_are_one_list_in_their_order() -> None:
    for name, value in (("x-forwarded-for", "{}"), ("forwarded", "for={}")):
        lines = [(name, value.format(hop)) for hop in ("6.6.6.6", "1.1.1.1", "10.0.0.2")]
        assert client(*lines) == "1.1.1.1"
        assert client(*lines[:1], ("accept", "*/*"), *lines[1:]) == "1.1.1.1"
        assert client(*lines[:2], (name, value.format("unknown"))) == ITSELF


def test_a_quote_that_is_left_open_takes_no_other_line_with_it() -> None:
    assert client(("forwarded", 'for="6.6.6.6'), ("forwarded", "for=1.1.1.1")) == "1.1.1.1"


def test_two_headers_count_where_they_agree() -> None:
    """The one that no proxy wrote passes through many, as a client sent it."""
    assert client(("x-forwarded-for", "1.1.1.1"), ("forwarded", 'for="1.1.1.1:80"')) == "1.1.1.1"
    assert client(("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")) == ITSELF
    assert client(("forwarded", "for=unknown"), ("x-forwarded-for", "1.1.1.1")) == ITSELF


@pytest.mark.parametrize("peer", [("11.0.0.1", 5), ("127.0.0.2", 5), ("testclient", 5), None])
def test_nobody_but_a_proxy_is_believed(peer: tuple[str, int] | None) -> None:
    headers = [(b"x-forwarded-for", b"1.1.1.1"), (b"forwarded", b"for=1.1.1.1")]
    assert PROXIES.client(peer, headers) == peer
    assert TrustedProxies(()).client(peer, headers) == peer


def test_the_peer_keeps_its_port() -> None:
    assert PROXIES.client(PEER, [(b"x-forwarded-for", b"unknown")]) == PEER
    assert PROXIES.client(PEER, [(b"x-forwarded-for", b"1.1.1.1")]) == ("1.1.1.1", 0)
    assert PROXIES.client(("::ffff:10.0.0.1", 5), [(b"x-forwarded-for", b"1.1.1.1")]) == ("1.1.1.1", 0)


@pytest.mark.parametrize("sent", ["192.0.2.9:{}", '"192.0.2.9:{}"', "198.18.0.{}, [2001:db8::9]:{}"])
async def test_wrong_passwords_are_throttled_by_address_whatever_its_form(start, sent: str) -> None:
    async with start(trusted_proxies="127.0.0.1") as gateway:
        gateway.context.accounts.passwords = Passwords(CountingHasher())
        statuses = set()
        for number in range(40):
            answer = await gateway.client.post(
                "/auth/login",
                json={"username": f"nobody-{number}", "password": "x" * 12},
                headers={"x-forwarded-for": sent.format(number, number), "origin": gateway.url},
            )
            statuses.add(answer.status_code)
    assert statuses == {401, 429}


async def test_the_audit_has_the_address_alone(start) -> None:
    async with start(trusted_proxies="127.0.0.1") as gateway:
        headers = [
            ("authorization", f"Bearer {ADMIN}"),
            ("x-forwarded-for", "192.0.2.1:5678"),
            ("x-forwarded-for", "[2001:db8::1]:443"),
        ]
        assert (
            await gateway.client.post("/admin/users", json={"user_id": "carol"}, headers=headers)
        ).status_code == 201
        listed = (await gateway.client.get("/admin/audit", headers=headers)).json()["data"]
    assert listed[0]["address"] == "2001:db8::1"
