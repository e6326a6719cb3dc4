"""Origins of web pages (RFC 6454): as browsers send them in `Origin`, and as settings name them."""

from __future__ import annotations

import re

from tollkeeper.wire.http.cookies import is_loopback
from tollkeeper.wire.http.hosts import host_address, read_name, split_host

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII)


def same_origin(origin: str, host: str) -> bool:
    """Whether an `Origin` header has the same name and port as a `Host` header."""
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and place.removesuffix(port) == host.lower().removesuffix(port)


def origin_of(host: str) -> str:
    """The origin of our own pages at a Host header: over TLS, but on loopback, as the session's cookie is."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def read_origin(text: str) -> str:
    """The origin that a setting names, as browsers send it: in lower case, without the default port of its scheme.
    Raises ValueError, which says what is wrong."""
    origin = text.lower().removesuffix("/")
    scheme = _ORIGIN.match(origin)
    if "*" in origin:
        raise ValueError(f"{text!r} would let pages of strangers in: name each origin")
    if scheme is None:
        raise _no_origin(text)
    host = origin[scheme.end() :]
    name, port = split_host(host)
    try:
        known = name if host_address(name) is not None else read_name(host)
    except ValueError:
        raise _no_origin(text) from None
    if port and int(port) not in range(1, 65_536):
        raise _no_origin(text)
    origin = f"{scheme[0]}{known}" + (f":{port}" if port else "")
    return origin.removesuffix(_DEFAULT_PORTS.get(scheme[0].removesuffix("://"), "\0"))


def _no_origin(text: str) -> ValueError:
    return ValueError(f"{text!r} is no origin: it looks like https://app.example or http://localhost:3000")
