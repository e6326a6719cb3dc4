"""Headers in the Messages dialect: Anthropic's API reference, "Rate limits" and "Beta headers"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tollkeeper.rules.errors import Quota
from tollkeeper.rules.times import format_time
from tollkeeper.wire.anthropic.request import AnthropicRequest
from tollkeeper.wire.dialect import Headers
from tollkeeper.wire.strict_json import names

_PREFIX = b"anthropic-ratelimit-"
_BETA = b"anthropic-beta"
# Not among them: what reaches stored files, containers, conversations, skills or other servers (`files-api`,
# `code-execution`, `message-threads`, `resumption`, `skills`, `mcp-client`), has further models asked that usage tells
# apart (`compact`, `advisor-tool`, `server-side-fallback`), or signs in otherwise (`oauth`).
_BETAS = names(
    "adaptive-thinking advanced-tool-use claude-code claude-code-side-query computer-use context-1m context-hint"
    " context-management dev-full-thinking effort extended-cache-ttl fast-mode fine-grained-tool-streaming"
    " interleaved-thinking max-tokens-3-5-sonnet mid-conversation-output-config mid-conversation-system"
    " mid-conversation-system-clear-at mid-conversation-tool-changes model-context-window-exceeded output-128k"
    " output-300k pdfs per-turn-control prompt-caching prompt-caching-evict prompt-caching-scope redact-thinking"
    " structured-outputs task-budgets thinking-binding-controls thinking-display-updates thinking-token-count"
    " token-counting token-efficient-tools tool-examples tool-provenance tool-search-tool web-search"
)
"""Beta features that clients may ask for, without the day of their version."""
_DATED = re.compile(r"([a-z0-9-]+?)-\d{4}-?\d\d-?\d\d", re.ASCII)
_LONGEST = 4096


def response_headers(_: int, quotas: Sequence[Quota], now_ms: int) -> Headers:
    """Headers of a relayed response, from the remaining quotas and the time."""
    return [header for quota in quotas for header in quota_headers(quota, now_ms)]


def quota_headers(quota: Quota, now_ms: int) -> Headers:
    """Headers for the remaining quota of one limit, whose reset is a moment."""
    name = _PREFIX + quota.kind.encode()
    headers: Headers = []
    if quota.limit is not None and quota.remaining is not None:
        headers += [(name + b"-limit", b"%d" % quota.limit), (name + b"-remaining", b"%d" % quota.remaining)]
    if quota.reset_ms is not None:
        headers.append((name + b"-reset", format_time(now_ms + quota.reset_ms).encode()))
    return headers


def upstream_headers(_: AnthropicRequest, client_headers: Mapping[bytes, bytes]) -> Headers:
    """Headers for the upstream: those of the client's beta features that the gateway lets pass, in their order."""
    asked = client_headers.get(_BETA)
    if asked is None or len(asked) > _LONGEST:
        return []
    passed = [name for each in asked.split(b",") if _is_allowed(name := each.strip())]
    return [(_BETA, b",".join(dict.fromkeys(passed)))] if passed else []


def _is_allowed(name: bytes) -> bool:
    dated = _DATED.fullmatch(name.decode("latin-1"))
    return dated is not None and dated[1] in _BETAS
