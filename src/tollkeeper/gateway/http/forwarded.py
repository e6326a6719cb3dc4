"""The client's address behind proxies: `X-Forwarded-For`, and `Forwarded` (RFC 7239).

Each proxy appends the address that it received the request from. So an address is believed as long as all those after
it are trusted proxies; everything before the first untrusted one could be forged by the client.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tollkeeper.gateway.http.responses import Headers

IPAddress = IPv4Address | IPv6Address

_MAPPED = IPv6Network("::ffff:0:0/96")
# 192.0.2.1, 192.0.2.1:80, [2001:db8::1], [2001:db8::1]:80, 2001:db8::1, fe80::1%eth0
_NODE = re.compile(
    r"(?:(?P<v4>\d+\.\d+\.\d+\.\d+)|\[(?P<v6>[\dA-Fa-f:.]+)\])(?::[\w.-]+)?|(?P<bare>[\dA-Fa-f:.]+)(?:%\w+)?", re.ASCII
)
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_BALANCED = re.compile(rf'(?:[^"]|{_QUOTED})*')
_ELEMENT = re.compile(rf'(?:[^",]|{_QUOTED})+')
_PAIR = re.compile(rf'(?:[^";]|{_QUOTED})+')


class TrustedProxies:
    """Trusted reverse proxies. `trusted` are addresses and networks."""

    def __init__(self, trusted: Collection[str]) -> None:
        self._networks = tuple(_network(text) for text in trusted)

    def __repr__(self) -> str:
        return f"TrustedProxies({', '.join(map(str, self._networks))})"

    def client(self, peer: tuple[str, int] | None, headers: Headers) -> tuple[str, int] | None:
        """Return the client's address behind the connection from `peer`: the last forwarded address that is not a
        trusted proxy's. Where there is none, or a hop is no valid address, it is the last one known. Where the two
        headers disagree, one of them was not written by a proxy, and neither counts."""
        if peer is None or not self._networks:
            return peer
        address = _address(peer[0])
        if address is None or not self._trusts(address):
            return peer
        found = {
            self._walk(address, read([value.decode("latin-1") for name, value in headers if name == header]))
            for header, read in ((b"x-forwarded-for", _x_forwarded_for), (b"forwarded", _forwarded))
            if any(name == header for name, _ in headers)
        }
        client = found.pop() if len(found) == 1 else address
        return peer if client == address else (str(client), 0)

    def _walk(self, peer: IPAddress, hops: Iterable[str | None]) -> IPAddress:
        known = peer
        for hop in reversed(list(hops)):
            address = None if hop is None else _address(hop)
            if address is None:
                break
            known = address
            if not self._trusts(address):
                break
        return known

    def _trusts(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)


def _x_forwarded_for(lines: Iterable[str]) -> Iterator[str | None]:
    """The hops of all lines, in their order (RFC 9110, 5.3)."""
    return (hop.strip() for line in lines for hop in line.split(",") if hop.strip())


def _forwarded(lines: Iterable[str]) -> Iterator[str | None]:
    """The `for` of each hop, None where there is none. A line with an unclosed quote counts as one unknown hop, and
    does not affect the next line."""
    for line in lines:
        if _BALANCED.fullmatch(line):
            yield from (_for_of(element) for element in _ELEMENT.findall(line) if element.strip())
        else:
            yield None


def _for_of(element: str) -> str | None:
    pairs = (pair.partition("=") for pair in _PAIR.findall(element))
    found = [value.strip() for name, _, value in pairs if name.strip().lower() == "for"]
    return found[0] if len(found) == 1 else None


def _address(text: str) -> IPAddress | None:
    """The address in a hop, quoted or not, without its port; IPv4-mapped as IPv4. None for anything else: a name,
    `unknown`, `_hidden`."""
    found = _NODE.fullmatch(text.strip('"'))
    if found is None:
        return None
    try:
        address = ip_address(found["v4"] or found["v6"] or found["bare"])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _network(text: str) -> IPv4Network | IPv6Network:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{network.prefixlen - 96}")
    return network
