"""Proxies that the environment names for requests to upstreams: HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

There is no standard for them; this is what curl and Python's requests agree on. Names in lower case win. The scheme of
the upstream chooses the variable. NO_PROXY lists, separated by commas or spaces, what is reached directly: `*`, a name
(with everything below it, whether or not a dot leads), an address, a network (`10.0.0.0/8`), each but networks with a
port if only that is meant. Loopback is always reached directly.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from ipaddress import ip_network
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from tollkeeper.wire.http.hosts import IPAddress, host_address, read_address, split_host


class Proxy(Struct, frozen=True):
    """An HTTP proxy. `authorization` is the value of `proxy-authorization`; None: it asks for no credentials."""

    host: str
    port: int
    authorization: bytes | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """The headers that a request to the proxy itself needs."""
        return () if self.authorization is None else ((b"proxy-authorization", self.authorization),)


class Proxies:
    """The proxies of an environment, and what is reached without one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._urls = {name: _variable(environment, f"{name}_proxy") for name in ("http", "https")}
        self._direct = [part.lower() for part in re.split(r"[\s,]+", _variable(environment, "no_proxy")) if part]

    def __repr__(self) -> str:
        return f"Proxies({', '.join(name for name, url in self._urls.items() if url)})"

    def choose(self, host: str, port: int, *, secure: bool) -> Proxy | None:
        """The proxy on the way to this server; None: it is reached directly. Raises ValueError, which shows no
        credentials, for a variable that names no HTTP proxy."""
        scheme = "https" if secure else "http"
        url = self._urls[scheme]
        if not url:
            return None
        name = host.rstrip(".").lower()
        address = read_address(name)
        if name == "localhost" or (address is not None and address.is_loopback):
            return None
        if any(_covers(entry, name, address, port) for entry in self._direct):
            return None
        return _read_proxy(f"{scheme.upper()}_PROXY", url)


def _variable(environment: Mapping[str, str], name: str) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()


def _covers(entry: str, name: str, address: IPAddress | None, port: int) -> bool:
    """Whether an entry of NO_PROXY names this server."""
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    own = read_address(entry)  # an IPv6 address without brackets has no port
    if own is not None:
        return own == address
    place, only = split_host(entry)
    if only and int(only) != port:
        return False
    own = host_address(place)
    if own is not None:
        return own == address
    place = place.removeprefix("*").removeprefix(".")
    return bool(place) and (name == place or name.endswith(f".{place}"))


def _read_proxy(variable: str, text: str) -> Proxy:
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        host, port = url.hostname, url.port
    except ValueError:
        host = None
    if not host or url.scheme != "http":
        raise ValueError(f"{variable} names no proxy that can be used: it looks like http://host:port")
    if url.username is None:
        return Proxy(host, port or 80)
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return Proxy(host, port or 80, b"Basic " + base64.b64encode(pair.encode()))
