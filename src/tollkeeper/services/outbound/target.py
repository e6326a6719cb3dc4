"""Web addresses that requests go out to, parsed so strictly that no two parsers can disagree."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

MAX_URL = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = r"[a-z0-9_][a-z0-9_-]*"
AUTHORITY = re.compile(rf"(?:(?P<name>{LABEL}(?:\.{LABEL})*)\.?|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{{1,5}}))?")
PLAIN = "%/:=&?~+!$,;'@()*[]|"
"""Characters kept as they are in paths and queries; "%" among them, since it belongs to what is encoded already."""
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


class InvalidTarget(ValueError):
    """A URL that is no address to send a request to. The text follows "the URL": what is wrong, and what to change."""


class Target(NamedTuple):
    """A well-formed web address; whether it may be contacted is checked elsewhere (`network.py`)."""

    scheme: str
    host: str
    """Lower case, without brackets or a last dot."""
    port: int
    path: str
    """With the query, percent-encoded; begins with "/"."""

    @property
    def address(self) -> str:
        """`host:port`, as operators list exceptions; an IPv6 host is in brackets."""
        return address(self.host, self.port)

    @property
    def authority(self) -> str:
        """Value of the `Host` header: with the port only where it is not the scheme's default."""
        return self.address.removesuffix(f":{DEFAULT_PORTS[self.scheme]}")

    def follow(self, location: str) -> Target:
        """The target of a redirect from here to `location`. Raises InvalidTarget."""
        if UNSAFE.search(location):
            raise _malformed()
        try:
            url = urljoin(f"{self.scheme}://{self.address}{self.path}", location)
        except ValueError:
            raise _malformed() from None
        return parse_target(url)


def address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_target(url: str) -> Target:
    """Parse a URL. Raises InvalidTarget, saying what to change: another scheme, user and password, a host that is
    neither a plain name nor an address, white space, backslashes."""
    if len(url) > MAX_URL:
        raise InvalidTarget(f"is longer than {MAX_URL} characters: send a shorter one.")
    if UNSAFE.search(url):
        raise _malformed()
    try:
        parts = urlsplit(url)
        path = quote(parts.path or "/", PLAIN)
        query = quote(parts.query, PLAIN)
    except ValueError:
        raise _malformed() from None
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidTarget("must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise InvalidTarget("may not carry a user name or password: take it out.")
    found = AUTHORITY.fullmatch(parts.netloc.lower())
    port = int(found["port"] or DEFAULT_PORTS[parts.scheme]) if found else 0
    if found is None or not 0 < port < 65536:
        raise _malformed()
    return Target(parts.scheme, found["name"] or found["v6"], port, f"{path}?{query}" if query else path)


def _malformed() -> InvalidTarget:
    return InvalidTarget(
        "is malformed: use http(s)://host/path with a plain ASCII host name, the rest percent-encoded."
    )
