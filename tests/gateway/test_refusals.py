"""What a refusal says about when to come back, on a clock of its own."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import ask
from tests.gateway.test_limits import BEARER, limit
from tests.scripted import chat_answer, json_response
from tests.services.in_memory import START, Clock

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
HALF_PAST = START // MINUTE * MINUTE + 500
"""2026-11-20T12:00:00.500Z: half a second into its bucket of a minute's window."""
DECEMBER = 1_796_083_200_000


@pytest.fixture
def clock():
    clock = Clock()
    clock.ms = HALF_PAST
    return clock


@pytest.fixture
async def gateway(start, up, clock):
    up.always(json_response(chat_answer(usage=(5, 2))))
    async with start(now=clock) as gateway:
        price = {"model": "tiny:latest", "input_usd_per_mtok": "1", "output_usd_per_mtok": "1"}
        assert (await gateway.client.put("/admin/prices", json=price, headers=BEARER)).status_code == 200
        yield gateway


def told(answer, *names):
    return tuple(answer.headers.get(name) for name in names)


def quota(answer, kind):
    return told(answer, *(f"x-ratelimit-{name}-{kind}" for name in ("limit", "remaining", "reset")))


WAITS = {
    "requests_per_second": (1, "2", None, 1_017, "1.017s"),
    "requests_per_minute": (1, "61", None, 60_500, "1m0.5s"),
    "requests_per_hour": (1, None, "false", HOUR + MINUTE - 500, "1h0m59.5s"),
    "requests_per_day": (1, None, "false", DAY + 20 * MINUTE - 500, "24h19m59.5s"),
    "requests_per_month": (1, None, "false", DECEMBER - HALF_PAST, "251h59m59.5s"),
    "requests_total": (1, None, "false", None, None),
}
"""The limit, `retry-after`, `x-should-retry`, milliseconds until it is admitted, `x-ratelimit-reset-requests`."""


@pytest.mark.parametrize("name", WAITS)
async def test_a_limit_that_a_burst_used_up(gateway, clock, name):
    most, retry_after, should_retry, wait, reset = WAITS[name]
    await limit(gateway, **{name: most})
    assert (await gateway.chat()).status_code == 200
    refused = await gateway.chat()
    assert refused.status_code == 429
    assert told(refused, "retry-after", "x-should-retry") == (retry_after, should_retry)
    assert ("retry-after-ms" in refused.headers) == (retry_after is not None)
    assert quota(refused, "requests") == (str(most), "0", reset)
    if wait is None:
        assert "does not reset" in refused.json()["error"]["message"]
        return
    clock.ms += wait - 1
    assert (await gateway.chat()).status_code == 429
    clock.ms += 1
    assert (await gateway.chat()).status_code == 200


async def test_a_minute_is_worth_waiting_for_from_its_first_moment_on(gateway, clock):
    clock.ms = HALF_PAST // 1000 * 1000
    await limit(gateway, requests_per_minute=1)
    assert (await gateway.chat()).status_code == 200
    for second in range(61):
        refused = await gateway.chat()
        assert told(refused, "retry-after", "x-should-retry") == (str(61 - second), None)
        clock.ms += 1000
    assert (await gateway.chat()).status_code == 200


@pytest.mark.parametrize("name", ["requests_per_hour", "requests_per_day", "requests_per_month"])
async def test_within_the_last_hour_the_wait_is_sent(gateway, clock, name):
    await limit(gateway, **{name: 1})
    assert (await gateway.chat()).status_code == 200
    clock.ms += (WAITS[name][3] or 0) - HOUR - 1
    refused = await gateway.chat()
    assert told(refused, "retry-after", "retry-after-ms", "x-should-retry") == (None, None, "false")
    clock.ms += 1
    refused = await gateway.chat()
    assert told(refused, "retry-after", "retry-after-ms", "x-should-retry") == ("3600", "3600000", "false")
    clock.ms += HOUR - 65_000
    expected = None if name == "requests_per_hour" else "false"
    refused = await gateway.chat()
    assert told(refused, "retry-after", "x-should-retry") == ("65", expected)


TOKENS = {
    "tokens_per_minute": (300, "tokens"),
    "tokens_per_hour": (300, "tokens"),
    "tokens_per_day": (300, "tokens"),
    "tokens_per_month": (300, "tokens"),
    "tokens_total": (300, "tokens"),
    "cost_usd_per_day": ("0.0003", "money"),
    "cost_usd_per_month": ("0.0003", "money"),
    "cost_usd_total": ("0.0003", "money"),
}


@pytest.mark.parametrize("name", TOKENS)
async def test_what_is_used_up_says_when_it_resets(gateway, up, name):
    most, kind = TOKENS[name]
    await limit(gateway, **{name: most})
    up.always(json_response(chat_answer(usage=(100, 195))))
    assert (await gateway.chat(max_tokens=50)).status_code == 200
    refused = await gateway.chat(max_tokens=50)
    limits, remaining, reset = quota(refused, "tokens")
    assert refused.status_code == 429
    assert (limits, remaining) == (("300", "5") if kind == "tokens" else (None, None))
    assert (reset is None) == name.endswith("total")


@pytest.mark.parametrize("name", ["requests_per_minute", "tokens_per_day", "cost_usd_total"])
async def test_a_limit_of_nothing_is_not_waited_for(gateway, name):
    await limit(gateway, **{name: 0})
    refused = await gateway.chat()
    assert told(refused, "retry-after", "retry-after-ms", "x-should-retry") == (None, None, "false")
    assert "x-ratelimit-reset-requests" not in refused.headers
    assert "x-ratelimit-reset-tokens" not in refused.headers


async def test_what_never_fits_and_what_runs_at_once_have_no_rate(gateway):
    await limit(gateway, tokens_total=10, max_concurrent_requests=0)
    for answer in (await gateway.chat(), await gateway.client.post("/v1/embeddings", json=ask(input="x"))):
        assert answer.status_code in (400, 429)
        assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
