"""Headers of responses in the OpenAI dialect: OpenAI's API reference, "Debugging requests" and "Rate limits"."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.rules.errors import Quota
from tollkeeper.wire.dialect import Headers

_QUOTA_HEADERS = {
    kind: tuple(f"x-ratelimit-{name}-{kind}".encode() for name in ("limit", "remaining", "reset"))
    for kind in ("requests", "tokens")
}


def response_headers(elapsed_ms: int, quotas: Sequence[Quota], now_ms: int) -> Headers:
    """Headers of a relayed response, from the milliseconds until its head came, the remaining quotas and the time."""
    headers: Headers = [(b"openai-processing-ms", b"%d" % elapsed_ms)]
    for quota in quotas:
        headers += quota_headers(quota, now_ms)
    return headers


def quota_headers(quota: Quota, _: int) -> Headers:
    """Headers for the remaining quota of one limit, whose reset is a span, whatever the time."""
    limit, remaining, reset_ms = quota.limit, quota.remaining, quota.reset_ms
    names = _QUOTA_HEADERS[quota.kind]
    headers: Headers = []
    if limit is not None and remaining is not None:
        headers += [(names[0], b"%d" % limit), (names[1], b"%d" % remaining)]
    if reset_ms is not None:
        headers.append((names[2], duration(reset_ms).encode()))
    return headers


def duration(ms: int) -> str:
    """A span of milliseconds as these headers write it: `1m30.5s`."""
    if ms < 60_000:
        return f"{ms / 1000:g}s"  # five digits at most: exact, and no zeros at its end
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest / 1000:g}s" if hours else f"{minutes}m{rest / 1000:g}s"
