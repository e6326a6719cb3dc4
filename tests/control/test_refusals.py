"""Who was refused how often, and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.in_memory import START
from tollkeeper.store.ports.refusals import RefusalKey
from tollkeeper.store.time_buckets import DAY_MS, MINUTE_MS, minute_of

AT = minute_of(START)
PACE = RefusalKey(AT, "alice", "key_1", "tiny", 429, "rate_limit_exceeded", "requests_per_minute")
COUNTS = [
    (PACE, 5),
    (PACE._replace(minute=AT - DAY_MS, key_id="", model=""), 2),
    (RefusalKey(AT + MINUTE_MS, "bob", "key_2", "", 403, "account_suspended", ""), 3),
    (RefusalKey(AT, "", "", "", 401, "invalid_api_key", ""), 9),
]
LAST = "2026-11-20T12:00:00.000Z"


@pytest.fixture(autouse=True)
async def counts(desk: Any) -> None:
    await desk.house.store.refusals.add(COUNTS)


async def rows(client: Any, path: str) -> list[dict[str, object]]:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, object]] = answer.json()["data"]
    return data


async def test_ones_own_by_reason(alice: Any) -> None:
    assert (await alice.get("/v1/refusals")).json() == {
        "object": "refusals.summary",
        "user_id": "alice",
        "from": "2026-11-01T00:00:00.000Z",
        "to": "2026-12-01T00:00:00.000Z",
        "data": [
            {"count": 7, "status": 429, "code": "rate_limit_exceeded", "limit": "requests_per_minute", "last_at": LAST}
        ],
        "has_more": False,
        "total": {"count": 7},
    }


async def test_everyones_by_user_and_reason(admin: Any) -> None:
    body = (await admin.get("/admin/refusals?group_by=user,reason")).json()
    assert (body["user_id"], body["total"]) == (None, {"count": 19})
    assert [(row["user_id"], row["status"], row["limit"], row["count"]) for row in body["data"]] == [
        (None, 401, None, 9), ("alice", 429, "requests_per_minute", 7), ("bob", 403, None, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "places"),
    [
        ("key", [{"key_id": None}, {"key_id": "key_1"}, {"key_id": "key_2"}]),
        ("model", [{"model": None}, {"model": "tiny"}]),
        ("day", [{"day": "2026-11-20"}, {"day": "2026-11-19"}]),
        ("hour", [{"hour": "2026-11-20T12:00:00Z"}, {"hour": "2026-11-19T12:00:00Z"}]),
    ],
)
async def test_each_group_has_its_field(admin: Any, group: str, places: list[object]) -> None:
    found = await rows(admin, f"/admin/refusals?group_by={group}")
    assert [{name: row[name] for name in row if name not in ("count", "last_at")} for row in found] == places


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("user_id=ALICE", 7),
        ("user_id=nobody", 0),
        ("user_id=", 9),
        ("key_id=key_2", 3),
        ("from=2026-11-20", 17),
        ("to=2026-11-20", 2),
        ("user_id=alice&from=2026-11-20", 5),
    ],
)
async def test_they_are_selected(admin: Any, query: str, count: int) -> None:
    assert (await admin.get(f"/admin/refusals?{query}")).json()["total"] == {"count": count}


async def test_of_many_groups_the_largest_are_shown(admin: Any) -> None:
    body = (await admin.get("/admin/refusals?group_by=user&limit=1")).json()
    assert ([row["count"] for row in body["data"]], body["has_more"], body["total"]) == ([9], True, {"count": 19})


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/refusals?group_by=user", "group_by"),
        ("/v1/refusals?group_by=reason,reason", "group_by"),
        ("/admin/refusals?group_by=status", "group_by"),
        ("/admin/refusals?limit=0", "limit"),
        ("/admin/refusals?from=2026-11-20&to=2026-11-19", "from"),
        ("/v1/refusals?user_id=bob", "user_id"),
    ],
)
async def test_a_wrong_query_is_named(admin: Any, alice: Any, path: str, param: str) -> None:
    answer = await (admin if path.startswith("/admin") else alice).get(path)
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)


async def test_everyones_are_for_admins(alice: Any) -> None:
    assert (await alice.get("/admin/refusals")).status_code == 403
