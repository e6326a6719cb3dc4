"""Hosts and networks, as settings and `Host` headers write them (RFC 9110, 7.2; RFC 3986, 3.2.2).

A setting may name a host as `gateway.example` (a port after it is ignored), as `*.gateway.example` (any subdomain), as
an address (IPv6 with or without brackets), as a network (`10.42.0.0/16`: any address in it), or as `*`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LIKE_AN_ADDRESS = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)", re.ASCII)
"""A name with a number as its last part, which browsers take for an address (WHATWG URL, 3.5)."""
_PORT = re.compile(r":([0-9]{1,5})\Z", re.ASCII)


def split_host(host: str) -> tuple[str, str]:
    """Split a Host header into its name, in lower case, and its port ("" where there is none)."""
    port = _PORT.search(host)
    name = host if port is None else host[: port.start()]
    return name.rstrip(".").lower(), "" if port is None else port[1]


def host_address(name: str) -> IPAddress | None:
    """The IP address in a Host header, IPv6 in brackets; None for a name."""
    bracketed = name.startswith("[") and name.endswith("]")
    found = read_address(name[1:-1] if bracketed else name)
    return found if found is None or bracketed or isinstance(found, IPv4Address) else None


def read_address(text: str) -> IPAddress | None:
    """Parse an IP address; None where it is none. IPv4 mapped into IPv6 becomes IPv4."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def read_network(text: str) -> IPNetwork:
    """Parse an IP address or network. Raises ValueError, which says what is wrong."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is neither an address (10.0.0.1) nor a network (10.0.0.0/8)") from None
    raise ValueError(f"{text!r} is an address within a network: write {meant} or the address alone")


class Networks:
    """A set of IP networks. Raises ValueError for what `read_network` does not take."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._networks = tuple(read_network(text) for text in texts)

    def __repr__(self) -> str:
        return f"Networks({', '.join(map(str, self._networks))})"

    def __contains__(self, address: IPAddress | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


NOWHERE = Networks(())
LOOPBACK = ("127.0.0.0/8", "::1")


class Hosts:
    """The set of hosts that a setting allows. Raises ValueError, which says what is wrong."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._any = False
        names: set[str] = set()
        endings: list[str] = []
        networks: list[str] = []
        for pattern in patterns:
            if pattern == "*":
                self._any = True
            elif (network := _network(pattern)) is not None:
                networks.append(network)
            elif pattern.startswith("*."):
                endings.append("." + read_name(pattern[2:]))
            else:
                names.add(read_name(pattern))
        self._names = frozenset(names)
        self._endings = tuple(endings)
        self._networks = Networks(networks)

    def __repr__(self) -> str:
        return "Hosts(*)" if self._any else f"Hosts({sorted(self._names)}, {self._endings}, {self._networks!r})"

    def __contains__(self, host: str) -> bool:
        """Whether a raw Host header names one of them."""
        if self._any:
            return True
        name, _ = split_host(host)
        if name in self._names or host_address(name) in self._networks:
            return True
        return name.endswith(self._endings) and _NAME.fullmatch(name) is not None


def read_name(text: str) -> str:
    """Parse the name of a host as browsers send it: without port, in lower case and ASCII. Raises ValueError."""
    if "://" in text:
        raise ValueError(f"{text!r} is a URL: write the host alone, as gateway.example")
    name, _ = split_host(text)
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise ValueError(f"{text!r} cannot be a host's name") from None
    if not _NAME.fullmatch(name) or _LIKE_AN_ADDRESS.fullmatch(name) or not _is_port(text):
        raise ValueError(
            f"{text!r} cannot be a host: it looks like gateway.example, *.gateway.example, 10.0.0.1, [::1], 10.0.0.0/8"
            " or *"
        )
    return name


def _is_port(text: str) -> bool:
    return int(split_host(text)[1] or "1") in range(1, 65_536)


def _network(pattern: str) -> str | None:
    """The address or network in a pattern; None for a name. Raises ValueError."""
    address = read_address(pattern.partition("/")[0])
    if address is not None:
        return pattern if "/" in pattern else str(address)
    found = host_address(split_host(pattern)[0])
    return None if found is None or not _is_port(pattern) else str(found)
