from __future__ import annotations

import pytest

from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage

RECORDS = [
    record(
        request_id="req_000000000001aaaa",
        created_at=START - 90_000_000,
        usage=Usage(prompt_tokens=100, completion_tokens=10),
        cost_pico=1,
    ),
    record(
        request_id="req_000000000002aaaa",
        usage=Usage(10, 4, 2, 20, 5, estimated=True, cache_write_1h_tokens=1),
        cost_pico=123_000_000,
        price_id=7,
        latency_ms=345,
        first_token_ms=12,
        queued_ms=1,
        finish_reason="stop",
        metadata='{"team":"blue"}',
    ),
    record(request_id="req_000000000003aaaa", model="other:1b", key_id=None, status="failed", created_at=START + 1),
    record(request_id="req_000000000004aaaa", user_id="bob", usage=Usage(1, 0, 0, 1), cost_pico=10**12),
]


@pytest.fixture(autouse=True)
async def records(desk) -> None:
    for entry in RECORDS:
        await desk.house.store.ledger.settle(entry)


def ids(response) -> list[str]:
    return [entry["request_id"][15] for entry in response.json()["data"]]


async def test_a_record_in_full(alice):
    body = (await alice.get("/v1/usage?limit=1&after=req_000000000003aaaa")).json()
    assert list(body["data"][0].items()) == [
        ("request_id", "req_000000000002aaaa"),
        ("created_at", "2026-11-20T12:00:00.123Z"),
        ("user_id", "alice"),
        ("key_id", "key_1"),
        ("model", "tiny:latest"),
        ("endpoint", "/v1/chat/completions"),
        ("upstream", "default"),
        ("stream", True),
        ("status", "completed"),
        ("prompt_tokens", 10),
        ("cached_tokens", 4),
        ("completion_tokens", 20),
        ("total_tokens", 30),
        ("cache_write_tokens", 2),
        ("cache_write_1h_tokens", 1),
        ("reasoning_tokens", 5),
        ("images", 0),
        ("audio_ms", 0),
        ("characters", 0),
        ("cost_usd", "0.000123"),
        ("price_id", 7),
        ("requested_model", "Tiny"),
        ("estimated", True),
        ("latency_ms", 345),
        ("first_token_ms", 12),
        ("queued_ms", 1),
        ("attempts", 1),
        ("team_id", None),
        ("finish_reason", "stop"),
        ("metadata", {"team": "blue"}),
        ("end_user_id", None),
        ("error", None),
    ]


async def test_own_records_newest_first_with_totals_of_all(alice):
    response = await alice.get("/v1/usage?limit=1")
    body = response.json()
    assert ids(response) == ["3"]
    assert (body["object"], body["has_more"], body["next"]) == ("list", True, "req_000000000003aaaa")
    assert body["totals"] == {
        "requests": 3,
        "prompt_tokens": 110,
        "completion_tokens": 30,
        "total_tokens": 140,
        "cost_usd": "0.000123000001",
    }
    assert ids(await alice.get("/v1/usage")) == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("model=other:1b", ["3"]),
        ("status=completed", ["2", "1"]),
        ("from=2026-11-20T12:00:00.123Z", ["3", "2"]),
        ("to=2026-11-20T12:00:00.123Z", ["1"]),
        ("from=2026-11-20T12:00:00.123Z&to=2026-11-20T12:00:00.124Z", ["2"]),
        ("from=2026-11-20T12:00:00Z&to=2026-11-20T12:00:00Z", []),
        ("from=2026-11-20T13:00:00.123%2B01:00", ["3", "2"]),
    ],
)
async def test_filters(alice, admin, query, found):
    assert ids(await alice.get(f"/v1/usage?{query}")) == found
    assert ids(await admin.get(f"/admin/users/ALICE/usage?{query}")) == found


async def test_everyones_records_and_one_users(admin):
    assert ids(await admin.get("/admin/usage")) == ["4", "3", "2", "1"]
    assert ids(await admin.get("/admin/users/bob/usage")) == ["4"]
    assert (await admin.get("/admin/users/nobody/usage")).status_code == 404
