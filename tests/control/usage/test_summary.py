from __future__ import annotations

import pytest

from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.refusals import RefusalKey

DAY = 86_400_000
NAMES = ("requests", "errors", "refused", "cost_usd")
RECORDS = [
    record(
        request_id="req_000000000001aaaa",
        created_at=START - 90_000_000,
        usage=Usage(prompt_tokens=100, completion_tokens=10),
        cost_pico=1,
        latency_ms=80,
    ),
    record(
        request_id="req_000000000002aaaa",
        usage=Usage(10, 4, 2, 20, 5, estimated=True, cache_write_1h_tokens=1),
        cost_pico=123_000_000,
        latency_ms=345,
        first_token_ms=12,
        metadata='{"team":"blue"}',
    ),
    record(request_id="req_000000000003aaaa", model="other:1b", key_id=None, status="failed", created_at=START + 1),
    record(
        request_id="req_000000000004aaaa",
        user_id="bob",
        usage=Usage(1, 0, 0, 1),
        cost_pico=10**12,
        upstream="second",
        endpoint="/api/chat",
        metadata='{"team":"red","a:b,c%":"=1"}',
    ),
]
REFUSED = [
    (RefusalKey(START - START % 60_000, "alice", "key_1", "tiny:latest", 429, "rate_limit_exceeded", ""), 7),
    (RefusalKey(START - START % 60_000, "alice", "key_1", "huge", 403, "model_not_allowed", ""), 2),
    (RefusalKey(START - START % 60_000, "", "", "", 401, "invalid_api_key", ""), 40),
]


@pytest.fixture(autouse=True)
async def records(desk) -> None:
    for entry in RECORDS:
        await desk.house.store.ledger.settle(entry)
    await desk.house.store.refusals.add(REFUSED)


async def rows_of(client, path: str) -> list[dict]:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    return response.json()["data"]


TINY = {
    "requests": 2,
    "prompt_tokens": 110,
    "cached_tokens": 4,
    "cache_write_tokens": 2,
    "completion_tokens": 30,
    "reasoning_tokens": 5,
    "total_tokens": 140,
    "cost_usd": "0.000123000001",
    "errors": 0,
    "refused": 7,
    "first_token_ms": {"p50": 18, "p95": 24},
    "latency_ms": {"p50": 100, "p95": 475},
}


async def test_a_summary(alice):
    nothing = dict.fromkeys(TINY, 0) | {"cost_usd": "0", "first_token_ms": None}
    assert (await alice.get("/v1/usage/summary")).json() == {
        "object": "usage.summary",
        "user_id": "alice",
        "from": "2026-11-01T00:00:00.000Z",
        "to": "2026-12-01T00:00:00.000Z",
        "data": [
            {"model": "huge", **nothing, "refused": 2, "latency_ms": None},
            {"model": "other:1b", **nothing, "requests": 1, "errors": 1, "latency_ms": {"p50": 2, "p95": 5}},
            {"model": "tiny:latest", **TINY},
        ],
        "has_more": False,
        "next": None,
        "total": {**TINY, "requests": 3, "errors": 1, "refused": 9, "latency_ms": {"p50": 75, "p95": 462}},
    }


async def test_groups_are_told_by_their_fields(alice, admin):
    rows = (await alice.get("/v1/usage/summary?group_by=day,key")).json()["data"]
    assert [(row["day"], row["key_id"], row["requests"]) for row in rows] == [
        ("2026-11-19", "key_1", 1),
        ("2026-11-20", None, 1),
        ("2026-11-20", "key_1", 1),
    ]
    assert "model" not in rows[0]
    rows = (await admin.get("/admin/usage/summary?group_by=user,hour,status")).json()["data"]
    assert [(row["user_id"], row["hour"], row["status"]) for row in rows] == [
        ("alice", "2026-11-19T11:00:00Z", "completed"),
        ("alice", "2026-11-20T12:00:00Z", "completed"),
        ("alice", "2026-11-20T12:00:00Z", "failed"),
        ("bob", "2026-11-20T12:00:00Z", "completed"),
    ]


async def test_a_summary_of_everyone_and_of_one(admin):
    everyone = (await admin.get("/admin/usage/summary")).json()
    assert (everyone["user_id"], everyone["total"]["cost_usd"]) == (None, "1.000123000001")
    one = (await admin.get("/admin/users/Bob/usage/summary?from=2026-01-01&to=2027-01-01")).json()
    assert (one["user_id"], one["total"]["requests"], one["from"]) == ("bob", 1, "2026-01-01T00:00:00.000Z")


async def test_the_span_of_a_summary(alice):
    body = (await alice.get("/v1/usage/summary?to=2026-11-20&group_by=day")).json()
    assert [row["day"] for row in body["data"]] == ["2026-11-19"]
    body = (await alice.get("/v1/usage/summary?from=2026-11-20&group_by=day")).json()
    assert [row["day"] for row in body["data"]] == ["2026-11-20"]


async def test_a_summary_from_a_moment_that_is_still_to_come(alice):
    body = (await alice.get("/v1/usage/summary?from=2030-01-01")).json()
    assert (body["data"], body["to"]) == ([], "2030-01-01T00:00:00.000Z")
