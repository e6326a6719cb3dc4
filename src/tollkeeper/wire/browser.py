"""What browsers say of themselves: the host they asked for, the page they are on, their cookies."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

SESSION_COOKIE = "tollkeeper_session"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).rstrip(".").lower()


def same_origin(origin: str, host: str) -> bool:
    """Whether an Origin is of this very Host (by name and port)."""
    scheme, _, place = origin.lower().partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and place.removesuffix(port) == host.lower().removesuffix(port)


def is_loopback(host: str) -> bool:
    """Whether a Host header names the browser's own machine."""
    name = host_name(host)
    try:
        return ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return name == "localhost"


def cookie_name(host: str) -> str:
    """What the session's cookie is called there. Only a host itself can set one that begins with `__Host-`, over TLS,
    which pages on loopback have seldom."""
    return SESSION_COOKIE if is_loopback(host) else f"__Host-{SESSION_COOKIE}"


def set_cookie(host: str, value: str, *, max_age: int) -> str:
    """The Set-Cookie header that keeps `value` for so many seconds; 0 takes it away."""
    secure = "" if is_loopback(host) else "; Secure"
    return f"{cookie_name(host)}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}"


def read_cookie(host: str, cookies: Iterable[str]) -> str | None:
    """The session's cookie out of Cookie headers. None where there is none, or two that differ: then a page of another
    path or port has set one, and nobody knows which."""
    wanted = cookie_name(host)
    found: set[str] = set()
    for header in cookies:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and name == wanted:
                found.add(value.strip())
    return found.pop() if len(found) == 1 else None
