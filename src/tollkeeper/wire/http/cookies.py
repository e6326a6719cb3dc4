"""The cookies of sessions, and of sign-ins under way: their names, Set-Cookie headers and values (RFC 6265)."""

from __future__ import annotations

from collections.abc import Iterable

from tollkeeper.wire.http.hosts import read_address, split_host

SESSION_COOKIE = "tollkeeper_session"
SIGN_IN_COOKIE = "tollkeeper_sign_in"
"""Of a browser that is on its way to an OpenID provider and back."""


def is_loopback(host: str) -> bool:
    """Whether a Host header names the browser's own machine."""
    name, _ = split_host(host)
    address = read_address(name.removeprefix("[").removesuffix("]"))
    return name == "localhost" if address is None else address.is_loopback


def cookie_name(host: str, base: str = SESSION_COOKIE) -> str:
    """The name of a cookie at a host, by default of the session's. Browsers send a cookie to every port of its
    host, so the port is in its name: two gateways on one host would sign each other's people out. Only a host itself
    can set a cookie that begins with `__Host-`, over TLS, which pages on loopback have seldom."""
    _, port = split_host(host)
    name = f"{base}_{port}" if port else base
    return name if is_loopback(host) else f"__Host-{name}"


def set_cookie(host: str, value: str, *, max_age: int, base: str = SESSION_COOKIE) -> str:
    """The Set-Cookie header that keeps `value` for `max_age` seconds; 0 removes it."""
    secure = "" if is_loopback(host) else "; Secure"
    return f"{cookie_name(host, base)}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"


def read_cookie(host: str, cookies: Iterable[str], base: str = SESSION_COOKIE) -> str | None:
    """The value of a cookie in Cookie headers, by default of the session's. None where there is none, or two that
    differ: then a page of another path or port has set one of them, and there is no way to know which."""
    wanted = cookie_name(host, base)
    found: set[str] = set()
    for header in cookies:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name == wanted:
                found.add(value.strip())
    return found.pop() if len(found) == 1 else None
