"""CORS response headers for pages of allowed origins. (Fetch, WHATWG, 3.2.)"""

from __future__ import annotations

from collections.abc import Mapping

from tollkeeper.gateway.http.responses import Headers

EXPOSED = (
    "x-request-id",
    "request-id",
    "x-client-request-id",
    "x-cost-usd",
    "x-queued-ms",
    "openai-processing-ms",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
    "x-estimated",
    "allow",
    "www-authenticate",
)
"""Every response header documented in docs/api.md: browsers hide from a page what is not named here."""
_EXPOSED = ", ".join(EXPOSED).encode()


def cors_headers(origin: bytes, headers: Mapping[bytes, bytes]) -> Headers:
    """Return the headers that let pages of `origin` send a request with these headers and read its response."""
    allowed: Headers = [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"origin"),
    ]
    if b"access-control-request-method" in headers:
        allowed += [
            (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
            (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"authorization")),
            (b"access-control-max-age", b"600"),
        ]
    return allowed
