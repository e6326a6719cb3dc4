"""Where a URL leads, read so narrowly that no two readers can differ about it."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from tollkeeper.rules.errors import InvalidImage

MAX_URL = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
LABEL = r"[a-z0-9_][a-z0-9_-]*"
AUTHORITY = re.compile(rf"(?:(?P<name>{LABEL}(?:\.{LABEL})*)\.?|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{{1,5}}))?")
PLAIN = "%/:=&?~+!$,;'@()*[]|"
"""Left as they are in paths and queries; "%" because what is encoded already must not be encoded again."""
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


class Target(NamedTuple):
    """A web address that is well formed; whether it may be asked is another question."""

    scheme: str
    host: str
    """Lower case, without brackets or a last dot."""
    port: int
    path: str
    """With the query, percent-encoded; begins with "/"."""

    @property
    def address(self) -> str:
        """`host:port`, the way the operator lists exceptions; an IPv6 host in brackets."""
        return address(self.host, self.port)

    @property
    def authority(self) -> str:
        """What `Host` says: the port only where it is not the scheme's own."""
        return self.address.removesuffix(f":{DEFAULT_PORTS[self.scheme]}")

    def follow(self, location: str) -> Target:
        """Where a redirect from here leads. Raises InvalidImage."""
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
    """Raises InvalidImage with what to change: another scheme, user and password, a host that is neither a plain name
    nor an address, white space, backslashes."""
    if len(url) > MAX_URL:
        raise InvalidImage(f"The image URL is longer than {MAX_URL} characters: send a shorter one, or base64.")
    if UNSAFE.search(url):
        raise _malformed()
    try:
        parts = urlsplit(url)
        path = quote(parts.path or "/", PLAIN)
        query = quote(parts.query, PLAIN)
    except ValueError:
        raise _malformed() from None
    if parts.scheme not in DEFAULT_PORTS:
        raise InvalidImage("An image URL must begin with http:// or https://.")
    if "@" in parts.netloc:
        raise InvalidImage("An image URL may not carry a user name or password: take it out.")
    found = AUTHORITY.fullmatch(parts.netloc.lower())
    port = int(found["port"] or DEFAULT_PORTS[parts.scheme]) if found else 0
    if found is None or not 0 < port < 65536:
        raise _malformed()
    return Target(parts.scheme, found["name"] or found["v6"], port, f"{path}?{query}" if query else path)


def _malformed() -> InvalidImage:
    return InvalidImage(
        "The image URL is malformed: use http(s)://host/path with a plain ASCII host name, the rest percent-encoded."
    )
