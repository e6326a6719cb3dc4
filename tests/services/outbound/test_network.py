from __future__ import annotations

import ssl

import httpcore2
import pytest

from tests.services.images.rig import Detour, names
from tollkeeper.rules.errors import InvalidImage
from tollkeeper.services.images.fetch import UNFETCHED, Fetcher
from tollkeeper.services.outbound.network import MAX_ADDRESSES, MOST_READ, AddressRefused, GuardedNetwork, is_public

PUBLIC = "93.184.216.34"
UNUSED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""No connection comes as far as a certificate; to read those there are takes longer than the test."""


@pytest.mark.parametrize(
    "ip",
    [
        PUBLIC,
        "1.1.1.1",
        "8.8.8.8",
        "192.88.98.1",
        "100.63.255.255",
        "100.128.0.0",
        "2606:4700::1111",
        "2a00:1450:4001::1",
    ],
)
def test_public(ip):
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.0.1",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.9", "192.0.2.1", "192.88.99.1",
        "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", f"::ffff:{PUBLIC}", f"::ffff:0:{PUBLIC}",
        "64:ff9b::7f00:1", f"64:ff9b::{PUBLIC}", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378::1",
        "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:5db8:d822::1", "3fff::1",
        "5f00::1", "4000::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "2606:4700::1111%eth0", "fec0::1", "ff02::1", "ff0e::1",
        "", "example.com", "127.1", "1.1.1.1/32",
    ],
)  # fmt: skip
def test_not_public(ip):
    assert not is_public(ip)


SPELLINGS = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1",
    "017700000001", "127.255.255.254", "localhost", "LocalHost", "localhost.", "0", "0.0.0.0", "10.0.0.1", "100.64.0.1",
    "169.254.169.254", "172.16.0.1", "192.168.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]", "[::FFFF:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[fe80::1]", "[fec0::1]", "[fd00::1]", "[ff02::1]",
    "%31%32%37.0.0.1", "127%2e0.0.1", "１２７.0.0.1", "[::1%25lo]", "user@127.0.0.1", "93.184.216.34@127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", SPELLINGS)
async def test_nothing_inside_is_connected_to(host, scheme):
    """With the system's own resolver, which reads spellings that no table of strings would list."""
    detour = Detour()
    with pytest.raises(InvalidImage):
        await Fetcher(network=detour, ssl_context=UNUSED).fetch(f"{scheme}://{host}/a.png")
    assert detour.asked == []


@pytest.mark.parametrize(
    "ips",
    ["127.0.0.1", "10.1.2.3", "::1", ["127.0.0.1", PUBLIC], [PUBLIC, "10.0.0.1"], [PUBLIC, "::ffff:10.0.0.1"], []],
)
async def test_names_that_lead_inside(ips):
    detour = Detour()
    with pytest.raises(InvalidImage) as caught:
        await Fetcher(network=detour, resolve=names(inside_example=ips)).fetch("http://inside.example/a.png")
    assert detour.asked == []
    assert caught.value.message == UNFETCHED


@pytest.mark.parametrize(
    "url",
    ["http://unknown.example/", "http://inside.example/", "http://outside.example/", "https://outside.example/",
     "http://outside.example:81/", "http://inside.example:22/", "http://10.0.0.1/"],
)  # fmt: skip
async def test_one_text_for_all_that_fails_on_the_way(url):
    resolve = names(inside_example="10.0.0.1", outside_example=PUBLIC)
    with pytest.raises(InvalidImage) as caught:
        await Fetcher(network=Detour(), resolve=resolve, ssl_context=UNUSED).fetch(url)
    assert caught.value.message == UNFETCHED


@pytest.mark.parametrize("port", [0, 22, 81, 8000, 8080, 11434, 65535, 99999])
async def test_ports(port):
    detour = Detour()
    guard = GuardedNetwork((), names(outside_example=PUBLIC), detour)
    with pytest.raises(AddressRefused):
        await guard.connect_tcp("outside.example", port)
    assert detour.asked == []


async def test_the_address_that_was_vetted_is_the_one_connected_to():
    answers = [["93.184.216.34"], ["127.0.0.1"]]

    async def changes_its_mind(host: str, port: int) -> list[str]:
        return answers.pop(0)

    detour = Detour()
    with pytest.raises(httpcore2.ConnectError):
        await GuardedNetwork((), changes_its_mind, detour).connect_tcp("rebinds.example", 443)
    assert detour.asked == [("93.184.216.34", 443)]
    assert len(answers) == 1


async def test_the_next_address_is_tried_up_to_a_bound():
    ips = [f"93.184.216.{last}" for last in range(1, 10)]
    detour = Detour()
    with pytest.raises(httpcore2.ConnectError):
        await GuardedNetwork((), names(many_example=ips), detour).connect_tcp("many.example", 80)
    assert detour.asked == [(ip, 80) for ip in ips[:MAX_ADDRESSES]]


@pytest.mark.parametrize(
    ("allow", "host", "port", "passes"),
    [
        ("inside.example:8080", "inside.example", 8080, True),
        ("inside.example:80", "inside.example", 80, True),
        ("inside.example:8080", "inside.example", 80, False),
        ("inside.example", "inside.example", 80, False),
        ("inside.example:8080", "other.example", 8080, False),
        ("10.0.0.1:8080", "inside.example", 8080, False),
        ("[::1]:8080", "::1", 8080, True),
        ("::1:8080", "::1", 8080, False),
    ],
)
async def test_exceptions_are_exact(allow, host, port, passes):
    detour = Detour()
    resolve = names(**{"inside_example": "10.0.0.1", "other_example": "10.0.0.1", "::1": "::1"})
    with pytest.raises(httpcore2.ConnectError if passes else AddressRefused):
        await GuardedNetwork((allow,), resolve, detour).connect_tcp(host, port)
    assert bool(detour.asked) is passes


class Endless(httpcore2.AsyncMockStream):
    """As many bytes as are asked for."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked: list[int] = []

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.asked.append(max_bytes)
        return b"a" * max_bytes


@pytest.mark.parametrize("tls", [False, True])
async def test_no_answer_is_read_in_large_parts(tls):
    endless = Endless()

    class Network(httpcore2.AsyncMockBackend):
        async def connect_tcp(self, *_, **__):
            return endless

    guard = GuardedNetwork((), names(outside_example=PUBLIC), Network([]))
    stream = await guard.connect_tcp("outside.example", 443)
    if tls:
        stream = await stream.start_tls(UNUSED, "outside.example")
    assert len(await stream.read(65_536)) == MOST_READ
    assert len(await stream.read(10)) == 10
