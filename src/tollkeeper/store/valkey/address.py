"""Where the server of the counters is: `valkey://[user:password@]host[:port][/database]`, `valkeys://…` with TLS, or
`unix:///path[?database=1]`; `redis` is as good as `valkey`."""

from __future__ import annotations

import ssl
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct


class Address(Struct, frozen=True):
    """A server: `path` of its Unix socket, or host and port. Printing it shows no password."""

    host: str = "localhost"
    port: int = 6379
    path: str | None = None
    user: str = ""
    password: str = ""
    database: int = 0
    tls: bool = False

    def __repr__(self) -> str:
        return f"Address({self.path or f'{self.host}:{self.port}'!r}, database={self.database}, tls={self.tls})"

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self.tls else None


def parse_address(url: str) -> Address:
    """The address in a URL. Raises ValueError."""
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError("a unix:// URL needs the path of a socket")
        database = int(parse_qs(parts.query).get("database", ["0"])[0])
        return Address(path=unquote(parts.path), user=user, password=password, database=database)
    if parts.scheme not in ("valkey", "valkeys", "redis", "rediss"):
        raise ValueError(f"'{parts.scheme}' is none of valkey, valkeys, redis, rediss, unix")
    database = int(parts.path.strip("/") or 0)
    return Address(
        parts.hostname or "localhost",
        parts.port or 6379,
        user=user,
        password=password,
        database=database,
        tls=parts.scheme.endswith("s") and parts.scheme != "redis",
    )
