"""Hosts as settings write them, and which Host headers they mean."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tollkeeper.wire.http.hosts import Hosts, Networks, host_address, read_address, read_network, split_host

# a setting → Host headers that it allows, and those that it does not
CASES = {
    "gateway.example": (
        ["gateway.example", "gateway.example:8000", "GateWay.Example:1", "gateway.example."],
        ["", "example", "a.gateway.example", "gateway.example.evil", "gateway.example:", "gateway.example:x", "x"],
    ),
    "gateway.example:8000": (["gateway.example", "gateway.example:8000", "gateway.example:9"], ["gateway.example.x"]),
    "GATEWAY.example.": (["gateway.example"], ["gateway"]),
    "my_service": (["my_service:8000"], ["my-service"]),
    "bücher.example": (["xn--bcher-kva.example"], ["bucher.example"]),
    "*": (["", "anything", "evil.example:1", "[::2]", "10.0.0.1", "not a host"], []),
    "*.gateway.example": (
        ["a.gateway.example", "a.b.gateway.example:8000", "A.GATEWAY.EXAMPLE."],
        ["gateway.example", ".gateway.example", "agateway.example", "a.gateway.example.evil", "a/b.gateway.example",
         "a@b.gateway.example", "a b.gateway.example", "..gateway.example"],
    ),
    "127.0.0.1": (["127.0.0.1", "127.0.0.1:8000", "[::ffff:127.0.0.1]:8"], ["127.0.0.2", "127.1", "127.0.0.1.nip.io"]),
    "10.0.0.1:8000": (["10.0.0.1", "10.0.0.1:9"], ["10.0.0.2"]),
    "::1": (["[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]:1"], ["::1", "[::2]", "[::1", "::1]"]),
    "[::1]": (["[::1]:8000"], ["::1"]),
    "[fd00::5]:8000": (["[fd00::5]", "[FD00:0::5]:9"], ["[fd00::6]", "fd00::5"]),
    "::ffff:10.0.0.1": (["10.0.0.1"], []),
    "10.42.0.0/16": (
        ["10.42.0.1", "10.42.255.3:8000", "[::ffff:10.42.1.1]"],
        ["10.43.0.1", "10.42.0.1.nip.io", "10.42.0", "010.42.0.1", "10.42.0.1.", "0x0a2a0001", "localhost"],
    ),
    "fd00::/8": (["[fd00::1]:8000", "[fdff::]"], ["fd00::1", "[fe00::1]", "[fd00::1"]),
}  # fmt: skip


@pytest.mark.parametrize("pattern", CASES)
def test_which_hosts_a_setting_means(pattern):
    allowed, others = CASES[pattern]
    if pattern == "10.42.0.0/16":
        others = [host for host in others if host != "10.42.0.1."]  # a dot behind names the same
    hosts = Hosts([pattern])
    assert [host for host in allowed if host not in hosts] == []
    assert [host for host in others if host in hosts] == []
    assert [host for host in allowed if host not in Hosts(["other.example", pattern])] == []
    assert [host for host in others if host in Hosts(["other.example", pattern])] == []


def test_nothing_allows_nothing():
    assert "localhost" not in Hosts(())
    assert "" not in Hosts(())


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "cannot be a host"),
        (" ", "cannot be a host"),
        ("a b", "cannot be a host"),
        ("http://gateway.example", "is a URL"),
        ("https://10.0.0.1:8000/", "is a URL"),
        ("gateway.example/v1", "cannot be a host"),
        ("gateway.example:", "cannot be a host"),
        ("gateway.example:http", "cannot be a host"),
        ("gateway.example:0", "cannot be a host"),
        ("gateway.example:70000", "cannot be a host"),
        ("me@gateway.example", "cannot be a host"),
        ("a..b", "cannot be a host"),
        ("-a.example", "cannot be a host"),
        ("a" * 64, "cannot be a host"),
        (".".join(["a" * 60] * 5), "cannot be a host"),
        ("é" * 64, "cannot be a host"),
        ("127.1", "cannot be a host"),
        ("300.1.1.1", "cannot be a host"),
        ("gateway.0x1", "cannot be a host"),
        ("**", "cannot be a host"),
        ("*.", "cannot be a host"),
        ("*example.com", "cannot be a host"),
        ("a.*.example", "cannot be a host"),
        ("localhost:*", "cannot be a host"),
        ("[::1", "cannot be a host"),
        ("[gateway]", "cannot be a host"),
        ("[127.0.0.1]:x", "cannot be a host"),
        ("[::1]:70000", "cannot be a host"),
        ("10.0.0.0/33", "neither an address"),
        ("fd00::/129", "neither an address"),
        ("10.42.0.1/16", "10.42.0.0/16"),
        ("host\nevil", "cannot be a host"),
    ],
)
def test_what_cannot_be_a_host(pattern, why):
    with pytest.raises(ValueError, match=why) as refused:
        Hosts(["localhost", pattern])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "parts"),
    [
        ("localhost", ("localhost", "")),
        ("LOCALHOST.:8000", ("localhost", "8000")),
        ("[::1]:8000", ("[::1]", "8000")),
        ("[::1]", ("[::1]", "")),
        ("h:", ("h:", "")),
        ("h:²", ("h:²", "")),
        ("h:123456", ("h:123456", "")),
        ("h:1\n", ("h:1\n", "")),
    ],
)
def test_a_host_and_its_port(host, parts):
    assert split_host(host) == parts


def test_addresses():
    assert host_address("[::1]") == read_address("::1") == ip_address("::1")
    assert host_address("::1") is None
    assert read_address("::ffff:10.0.0.1") == host_address("[::ffff:10.0.0.1]") == ip_address("10.0.0.1")
    assert read_address("testclient") is read_address("") is host_address("[]") is None


def test_networks():
    networks = Networks(("10.0.0.0/8", "::1", "192.0.2.7"))
    for address, within in (("10.9.9.9", True), ("::1", True), ("192.0.2.7", True), ("192.0.2.8", False)):
        assert (ip_address(address) in networks) == within
    assert None not in networks
    assert ip_address("::1") not in Networks(())


@pytest.mark.parametrize("text", ["", "gateway", "10.0.0.1:80", "*", "10.0.0.0/8/8", " 10.0.0.1", "[::1]"])
def test_what_is_no_network(text):
    with pytest.raises(ValueError, match="neither an address"):
        read_network(text)


def test_an_address_within_a_network_is_told_what_it_may_mean():
    with pytest.raises(ValueError, match=r"write 10\.0\.0\.0/8 or the address alone"):
        read_network("10.0.0.1/8")
