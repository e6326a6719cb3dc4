from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from tests.control.desk import BOB_KEY, shape_of
from tests.services.in_memory import ROOT, START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.counters import LimitStatus
from tollkeeper.store.ports.records import ADJUSTMENT

DAY = 86_400_000
NUMBERS = count(1)
DIGITS = "019a9f3c2f7b" + "0123456789abcdef"


async def settle(desk, at: int = START, **fields: Any) -> str:
    given_id: str = fields.pop("request_id", f"req_{next(NUMBERS):028x}")
    await desk.house.store.ledger.settle(record(request_id=given_id, created_at=at, settled_at=at, **fields))
    return given_id


async def state(client) -> dict[str, Any]:
    response = await client.get("/api/v1/key")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = json.loads(response.text, parse_float=Decimal)["data"]
    return found


def key_of(desk, user_id: str) -> Any:
    [key] = desk.house.accounts.keys_of(user_id)
    return key.id


async def test_a_key_without_use_or_limits_in_full(desk, alice):
    [key] = desk.house.accounts.keys_of("alice")
    assert await state(alice) == {
        "label": key.prefix,
        "limit": None,
        "limit_remaining": None,
        "limit_reset": None,
        "usage": 0,
        "usage_daily": 0,
        "usage_weekly": 0,
        "usage_monthly": 0,
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "include_byok_in_limit": False,
        "is_free_tier": False,
        "is_management_key": False,
        "is_provisioning_key": False,
        "creator_user_id": "alice",
        "expires_at": None,
        "rate_limit": {"requests": -1, "interval": "1s"},
    }


async def test_usage_is_the_keys_own_by_day_week_and_month(desk, alice):
    key_id = key_of(desk, "alice")
    # 2026-11-20 is a Friday.
    for days, cost in ((0, 1), (4, 10), (5, 100), (19, 1_000), (20, 10_000), (400, 100_000)):
        await settle(desk, START - days * DAY, key_id=key_id, cost_pico=cost * 10**6)
    await settle(desk, key_id="key_other", cost_pico=5 * 10**12)
    await settle(desk, user_id="bob", key_id=key_id, cost_pico=5 * 10**12)
    await settle(desk, endpoint=ADJUSTMENT, key_id=None, cost_pico=-5 * 10**12)
    found = await state(alice)
    assert [found[f"usage{span}"] for span in ("_daily", "_weekly", "_monthly", "")] == [
        Decimal("0.000001"),
        Decimal("0.000011"),
        Decimal("0.001111"),
        Decimal("0.111111"),
    ]


async def test_a_rotated_key_has_used_what_the_one_before_did(desk, alice):
    first = key_of(desk, "alice")
    made = await desk.house.accounts.rotate_key(first, ROOT)
    await settle(desk, key_id=first, cost_pico=10**12)
    await settle(desk, key_id=made.key.id, cost_pico=2 * 10**12)
    async with desk.client(made.secret) as client:
        assert (await state(client))["usage"] == 3


async def test_the_budget_with_the_least_left_is_told(desk, alice):
    desk.usage.table = {
        name: LimitStatus(name, limit, used, 0, None)
        for name, limit, used in (
            ("cost_usd_total", 100 * 10**12, 10**12),
            ("cost_usd_per_day", 2 * 10**12, 10**12 + 1),
            ("tokens_per_day", 10, 9),
            ("max_concurrent_requests", 1, 1),
        )
    }
    found = await state(alice)
    assert (found["limit"], found["limit_remaining"], found["limit_reset"]) == (2, Decimal("0.999999999999"), "daily")
    desk.usage.table = {"cost_usd_total": LimitStatus("cost_usd_total", 10**12, 3 * 10**12, 0, None)}
    found = await state(alice)
    assert (found["limit"], found["limit_remaining"], found["limit_reset"]) == (1, 0, None)


async def test_the_slowest_pace_is_told(desk, alice):
    await desk.house.accounts.set_limits(
        "alice", ROOT, {"requests_per_minute": 50, "requests_per_second": 1, "requests_per_day": 1}
    )
    assert (await state(alice))["rate_limit"] == {"requests": 50, "interval": "1m"}


async def test_a_generation_in_full(desk, alice):
    await settle(
        desk,
        request_id=f"req_{DIGITS}",
        usage=Usage(10, 4, 2, 20, 5),
        cost_pico=123_000_000,
        latency_ms=345,
        first_token_ms=45,
        finish_reason="stop",
    )
    response = await alice.get(f"/api/v1/generation?id=chatcmpl-{DIGITS}")
    found = json.loads(response.text, parse_float=Decimal)["data"]
    assert {name: value for name, value in found.items() if value is not None} == {
        "id": f"chatcmpl-{DIGITS}",
        "request_id": f"req_{DIGITS}",
        "model": "tiny:latest",
        "provider_name": "default",
        "api_type": "completions",
        "created_at": "2026-11-20T12:00:00.123Z",
        "streamed": True,
        "cancelled": False,
        "finish_reason": "stop",
        "native_finish_reason": "stop",
        "tokens_prompt": 10,
        "tokens_completion": 20,
        "native_tokens_prompt": 10,
        "native_tokens_completion": 20,
        "native_tokens_reasoning": 5,
        "native_tokens_cached": 4,
        "total_cost": Decimal("0.000123"),
        "usage": Decimal("0.000123"),
        "is_byok": False,
        "latency": 345,
        "generation_time": 300,
        "origin": "",
        "data_region": "global",
    }


@pytest.mark.parametrize("prefix", ["req_", "chatcmpl-", "cmpl-", "resp_", "msg_"])
async def test_a_generation_is_found_by_every_id_that_a_client_saw(desk, alice, prefix):
    await settle(desk, request_id=f"req_{DIGITS}", status="cancelled", first_token_ms=None, latency_ms=7)
    found = (await alice.get(f"/api/v1/generation?id={prefix}{DIGITS}")).json()["data"]
    assert (found["id"], found["cancelled"], found["generation_time"]) == (f"{prefix}{DIGITS}", True, 7)


async def test_what_is_not_ones_own_is_not_there(desk, alice):
    await settle(desk, request_id=f"req_{DIGITS}")
    refund = await settle(desk, endpoint=ADJUSTMENT)
    async with desk.client(BOB_KEY) as bob:
        theirs = await bob.get(f"/api/v1/generation?id=req_{DIGITS}")
    nobodys = await alice.get("/api/v1/generation?id=chatcmpl-0")
    assert [theirs.status_code, nobodys.status_code] == [404, 404]
    assert shape_of(theirs)["param"] == "id"
    assert (await alice.get(f"/api/v1/generation?id={refund}")).status_code == 404
    assert (await alice.get("/api/v1/generation")).status_code == 422
    assert (await alice.get(f"/api/v1/generation?id={'a' * 101}")).status_code == 422


@pytest.mark.parametrize("path", ["/api/v1/key", "/api/v1/generation?id=a"])
async def test_they_need_a_users_key(anyone, path):
    assert shape_of(await anyone.get(path))["code"] == "invalid_api_key"
