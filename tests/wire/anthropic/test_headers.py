"""Remaining quotas in Anthropic's headers, and which of its beta features clients may ask for."""

import json

import pytest

from tollkeeper.rules.errors import Quota
from tollkeeper.wire.anthropic.headers import quota_headers, response_headers, upstream_headers
from tollkeeper.wire.anthropic.request import MESSAGES, read_request

NOW = 1_795_181_970_000
REQUEST = read_request(json.dumps({"model": "m", "messages": []}).encode(), MESSAGES)


def test_what_remains_of_each_limit_is_told_and_when_it_resets():
    quotas = [Quota("requests", 5, 2, 1000), Quota("tokens", 900, 800, None)]
    assert dict(response_headers(7, quotas, NOW)) == {
        b"anthropic-ratelimit-requests-limit": b"5",
        b"anthropic-ratelimit-requests-remaining": b"2",
        b"anthropic-ratelimit-requests-reset": b"2026-11-20T13:39:31.000Z",
        b"anthropic-ratelimit-tokens-limit": b"900",
        b"anthropic-ratelimit-tokens-remaining": b"800",
    }


def test_of_money_only_its_reset_is_told():
    assert quota_headers(Quota("tokens", None, None, 5), NOW) == [
        (b"anthropic-ratelimit-tokens-reset", b"2026-11-20T13:39:30.005Z")
    ]
    assert quota_headers(Quota("tokens", None, None, None), NOW) == []


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (b"interleaved-thinking-2025-05-14", b"interleaved-thinking-2025-05-14"),
        (b"claude-code-20250219, effort-2025-11-24 ,effort-2025-11-24", b"claude-code-20250219,effort-2025-11-24"),
        (b"files-api-2025-04-14,context-1m-2025-08-07,oauth-2025-04-20", b"context-1m-2025-08-07"),
        (b"mid-conversation-system-2026-04-07", b"mid-conversation-system-2026-04-07"),
        (b"message-threads-2026-08-12", None),
        (b"code-execution-2025-08-25", None),
        (b"mcp-client-2025-11-20", None),
        (b"compact-2026-01-12", None),
        (b"interleaved-thinking", None),
        (b"interleaved-thinking-2025-05-14-x", None),
        (b"Effort-2025-11-24", None),
        (b"effort-2025-11-24\xff", None),
        (b"", None),
        (b"effort-2025-11-24," * 300, None),
        (None, None),
    ],
)
def test_features_pass_by_an_allow_list(asked, passed):
    headers = {} if asked is None else {b"anthropic-beta": asked}
    headers |= {b"anthropic-version": b"2023-01-01", b"x-api-key": b"sk-mine"}
    assert upstream_headers(REQUEST, headers) == ([] if passed is None else [(b"anthropic-beta", passed)])
