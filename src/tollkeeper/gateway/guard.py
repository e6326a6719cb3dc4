"""Who may knock: defence of a port on loopback against the pages of a browser on the same machine.

DNS rebinding gives a page's own name our address: so `Host` must be an allowed name. A page elsewhere may send
requests here without asking: so a foreign `Origin`, or `Sec-Fetch-Site: cross-site`, is refused, but for a navigation
to a page. (Fetch Metadata: W3C; Origin: RFC 6454.)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from tollkeeper.rules.errors import Forbidden
from tollkeeper.wire.browser import host_name, same_origin

_SEEN_KEPT = 256
_PAGES = frozenset({"/", "/login", "/chat", "/admin"})


class Guard:
    """`allowed_hosts` are names without port, in lower case (IPv6 in brackets); `origins` those allowed by CORS."""

    def __init__(self, allowed_hosts: Collection[str], origins: Collection[str]) -> None:
        self._hosts = frozenset(host.lower() for host in allowed_hosts)
        self._seen: dict[bytes, str] = {}
        """Hosts that were let in, as they are written, and in lower case."""
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    def check(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Raises Forbidden when this request may not come in, whatever key it carries."""
        given = headers.get(b"host", b"")
        host = self._seen.get(given)
        if host is None:
            host = given.decode("latin-1").lower()
            if host_name(host) not in self._hosts:
                raise Forbidden(
                    "This Host is not allowed here. Use an allowed name, or add this one to TOLLKEEPER_ALLOWED_HOSTS."
                )
            if len(self._seen) < _SEEN_KEPT:
                self._seen[given] = host
        origin = headers.get(b"origin")
        if origin is not None:
            text = origin.decode("latin-1").lower()
            if text not in self._origins and not same_origin(text, host):
                raise Forbidden(
                    "Requests from pages of this Origin are not allowed. Add it to TOLLKEEPER_CORS_ORIGINS to allow it."
                )
        elif headers.get(b"sec-fetch-site") == b"cross-site" and not _navigates(method, path, headers):
            raise Forbidden("Requests from pages of other sites are not allowed.")

    def shares_with(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """The request's Origin, when CORS allows it to read the answer."""
        origin = headers.get(b"origin")
        return origin if origin and origin.decode("latin-1").lower() in self._origins else None


def _navigates(method: str, path: str, headers: Mapping[bytes, bytes]) -> bool:
    return (
        method == "GET"
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and (path in _PAGES or path.startswith("/ui/") or path == "/ui")
    )


def forwarded_client(
    peer: tuple[str, int] | None, headers: Mapping[bytes, bytes], trusted: Collection[str]
) -> tuple[str, int] | None:
    """Who really asks: behind trusted proxies (addresses or networks) the last address of X-Forwarded-For that is not
    one of them."""
    if peer is None or not trusted:
        return peer
    networks = [ip_network(proxy) for proxy in trusted]
    if not _within(peer[0], networks):
        return peer
    hops = [hop.strip() for hop in headers.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if hop.strip()]
    for hop in reversed(hops):
        if not _within(hop, networks):
            return hop, 0
    return peer


def _within(text: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in networks)
