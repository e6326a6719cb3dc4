"""Protection of a loopback port against web pages in a browser on the same machine.

DNS rebinding points a page's own host name at our address, so `Host` must be an allowed name, except on the health
checks, which reveal nothing else. A page of another site can send requests here without permission, so a foreign
`Origin` or `Sec-Fetch-Site: cross-site` is refused, except for navigation to a page of ours, and for coming back from
an OpenID provider.
(Fetch Metadata: W3C; Origin: RFC 6454.)
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from tollkeeper.rules.errors import Forbidden
from tollkeeper.services.accounts.cookies import READING
from tollkeeper.wire.http.hosts import Hosts
from tollkeeper.wire.http.origins import read_origin, same_origin

_SEEN_KEPT = 256
_PAGES = frozenset({"/", "/login", "/chat", "/admin"})
_CHECKS = frozenset({"/health", "/ready"})
"""Paths that load balancers and containers request under any address, or by HTTP/1.0 without a Host."""
_METRICS = "/metrics"
_CALLBACK = re.compile(r"/auth/oidc/[^/]+/callback")
"""Where an OpenID provider sends a browser back to."""


class Guard:
    """Check of a request's Host, Origin and fetch metadata.

    `allowed_hosts` are accepted on every path, `metrics_hosts` on `/metrics` as well, both in the notation of
    `wire/http/hosts.py`; `origins` are those allowed by CORS.
    """

    def __init__(
        self, allowed_hosts: Collection[str], origins: Collection[str], metrics_hosts: Collection[str] = ()
    ) -> None:
        self._hosts = Hosts(allowed_hosts)
        self._metrics_hosts = Hosts(metrics_hosts)
        self._seen: dict[bytes, str] = {}
        """Cache of accepted Host headers: as sent → in lower case."""
        self._origins = frozenset(map(read_origin, origins))

    def check(self, method: str, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Refuse a request that may come from a foreign page, whatever key it carries. Raises Forbidden."""
        given = headers.get(b"host", b"")
        host = self._seen.get(given)
        if host is None:
            host = given.decode("latin-1").lower()
            if host in self._hosts:
                if len(self._seen) < _SEEN_KEPT:
                    self._seen[given] = host
            elif path not in _CHECKS and not (path == _METRICS and host in self._metrics_hosts):
                raise Forbidden(
                    "This Host is not allowed here. Use an allowed name, or add this one to TOLLKEEPER_ALLOWED_HOSTS"
                    + (" or, for this path alone, to TOLLKEEPER_METRICS_HOSTS." if path == _METRICS else ".")
                )
        origin = headers.get(b"origin")
        if origin is not None:
            text = origin.decode("latin-1").lower()
            if text not in self._origins and not same_origin(text, host):
                raise Forbidden(
                    "Requests from pages of this Origin are not allowed. Add it to TOLLKEEPER_CORS_ORIGINS to allow it."
                )
        elif headers.get(b"sec-fetch-site") == b"cross-site" and not _navigates(method, path, headers):
            raise Forbidden("Requests from pages of other sites are not allowed.")

    def allowed_origin(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        """Return the request's Origin if CORS allows it to read the response, else None."""
        origin = headers.get(b"origin")
        return origin if origin and origin.decode("latin-1").lower() in self._origins else None


def _navigates(method: str, path: str, headers: Mapping[bytes, bytes]) -> bool:
    return (
        method in READING
        and headers.get(b"sec-fetch-mode") == b"navigate"
        and (path in _PAGES or path.startswith("/ui/") or path == "/ui" or _CALLBACK.fullmatch(path) is not None)
    )
