"""Network for requests to addresses that others choose, guarded so that these cannot reach the gateway's own network.

A name is resolved once; all of its addresses must be on the public internet; the connection goes to one of these
addresses, so that nothing is gained by changing what a name resolves to after the check (DNS rebinding).
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpcore2

from tollkeeper.services.outbound.target import address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host (a name or address, in any spelling that the system accepts) and a port to addresses. Raises OSError."""

PORTS = (80, 443)
CONNECT_TIMEOUT = 3.0
"""Seconds for one address, so that a dead one leaves time for the next."""
MAX_ADDRESSES = 4
"""The most addresses of a name that are tried."""
MOST_READ = 16 * 1024
"""Bytes that are read and parsed before the event loop serves others: of the smallest chunks, that is thousands."""

REFUSED_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",
            "100.64.0.0/10",  # carriers' private space
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local, clouds' metadata
            "172.16.0.0/12",
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)
UNICAST_V6 = IPv6Network("2000::/3")
"""All globally routed addresses. Outside it: loopback, unspecified, IPv4 mapped and compatible, NAT64 (64:ff9b::/96 and
64:ff9b:1::/48), unique local, link-local, site-local, multicast."""
REFUSED_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, Teredo, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address within
            "3fff::/20",  # documentation
        ),
    )
)
"""Checked in addition to `is_global`, which differs on these ranges between releases of Python."""


class AddressRefused(Exception):
    """This host must not be contacted. It gives no reason, which would map the network behind the gateway."""


def is_address(text: str) -> bool:
    """Whether this is an address, and no name."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_public(text: str) -> bool:
    """Whether the address, as a resolver writes it, is one on the public internet."""
    try:
        ip = ip_address(text)
    except ValueError:
        return False
    return ip.is_global and not ip.is_multicast and _outside(ip)


def _outside(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in REFUSED_V4)
    return ip.scope_id is None and ip in UNICAST_V6 and not any(ip in network for network in REFUSED_V6)


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to public addresses on ports 80 and 443, and to the operator's exceptions: `host:port`, lower case,
    exactly as a URL spells it."""

    def __init__(self, allow: Iterable[str], resolve: Resolve, network: httpcore2.AsyncNetworkBackend) -> None:
        self._allow = frozenset(allow)
        self._resolve = resolve
        self._network = network

    def __repr__(self) -> str:
        return f"GuardedNetwork({len(self._allow)} exceptions)"

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 httpcore2's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to an allowed address of `host`. Raises AddressRefused, or httpcore2's errors."""
        found = (await self._vetted(host, port))[:MAX_ADDRESSES]
        bound = CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)
        for place, ip in enumerate(found, 1):
            try:
                stream = await self._network.connect_tcp(ip, port, bound, local_address, socket_options)
                return _BoundedReads(stream)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if place == len(found):
                    raise
        raise AddressRefused

    async def _vetted(self, host: str, port: int) -> Sequence[str]:
        exempt = address(host, port) in self._allow
        if port not in PORTS and not exempt:
            raise AddressRefused
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise AddressRefused from None
        if not exempt and not all(map(is_public, found)):
            raise AddressRefused
        return found


class _BoundedReads(httpcore2.AsyncNetworkStream):
    """A connection of which at most `MOST_READ` bytes are read at once."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 httpcore2's
        return await self._stream.read(min(max_bytes, MOST_READ), timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        return _BoundedReads(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
