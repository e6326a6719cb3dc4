"""The explorer's questions, asked of a whole gateway on its database."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.gateway.conftest import ADMIN, Gateway
from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.refusals import RefusalKey

DAY = 86_400_000
PERIOD = "from=2026-11-20&to=2026-11-21"


@pytest.fixture(autouse=True)
async def records(gateway: Gateway) -> None:
    for number, (user_id, status, at) in enumerate(
        [("alice", "failed", 0), ("alice", "completed", 0), ("bob", "lost", 1), ("alice", "completed", -DAY)]
    ):
        await gateway.store.ledger.settle(
            record(
                request_id=f"req_{number:016x}",
                created_at=START + at,
                settled_at=START + at + 700,
                user_id=user_id,
                status=status,
                usage=Usage(10, 4, 2, 20, 5),
                cost_pico=10**9,
                latency_ms=60,
                metadata='{"project":"=blue"}' if number == 1 else None,
            )
        )
    minute = START - START % 60_000
    await gateway.store.refusals.add(
        [
            (RefusalKey(minute, "alice", "", "huge", 403, "model_not_allowed", ""), 2),
            (RefusalKey(minute, "", "", "", 401, "invalid_api_key", ""), 9),
        ]
    )


async def ask(gateway: Gateway, query: str, path: str = "/admin/usage/summary") -> Any:
    answer = await gateway.client.get(f"{path}?{query}", headers={"authorization": f"Bearer {ADMIN}"})
    assert answer.status_code == 200, answer.text
    return answer


async def test_figures_of_users_beside_those_of_the_day_before(gateway: Gateway) -> None:
    body = (await ask(gateway, f"group_by=user,day&order_by=-requests&compare=true&{PERIOD}")).json()
    assert [(row["user_id"], row["day"], row["requests"], row["errors"], row["refused"]) for row in body["data"]] == [
        ("alice", "2026-11-20", 2, 1, 2),
        ("bob", "2026-11-20", 1, 1, 0),
        (None, "2026-11-20", 0, 0, 9),
    ]
    assert [row["previous"]["requests"] for row in body["data"]] == [1, 0, 0]
    assert (body["total"]["refused"], body["total"]["previous"]["cost_usd"]) == (11, "0.001")
    assert body["total"]["latency_ms"] == {"p50": 75, "p95": 98}


@pytest.mark.parametrize(
    ("group", "field", "found"),
    [
        ("upstream", "upstream", {"default": 4}),
        ("endpoint", "endpoint", {"/v1/chat/completions": 4}),
        ("status", "status", {"completed": 2, "failed": 1, "lost": 1}),
        ("tag:project", "tag", {"=blue": 1, None: 3}),
        ("hour", "hour", {"2026-11-19T12:00:00Z": 1, "2026-11-20T12:00:00Z": 3}),
    ],
)
async def test_every_group_is_answered_and_pages(
    gateway: Gateway, group: str, field: str, found: dict[str | None, int]
) -> None:
    seen: dict[str | None, int] = {}
    after: str | None = ""
    while after is not None:
        body = (await ask(gateway, f"group_by={group}&limit=1&from=2026-11-01&to=2026-12-01{after}")).json()
        [row] = body["data"]
        seen[row[field]] = row["requests"]
        after = None if body["next"] is None else f"&after={body['next']}"
    assert seen == found


@pytest.mark.parametrize(
    ("query", "requests", "refused"),
    [("user_id=ALICE", 2, 2), ("user_id=nobody", 0, 0), ("user_id=", 0, 9), ("tag=project:%3Dblue", 1, None)],
)
async def test_filters_are_those_of_requests_and_of_refusals(
    gateway: Gateway, query: str, requests: int, refused: int | None
) -> None:
    total = (await ask(gateway, f"{query}&{PERIOD}")).json()["total"]
    assert (total["requests"], total["refused"]) == (requests, refused)


async def test_any_period_is_compared_with_what_was_before_it(gateway: Gateway) -> None:
    body = (await ask(gateway, "group_by=day&compare=true&from=1970-01-01&to=9999-12-31")).json()
    assert [(row["requests"], row["previous"]["requests"]) for row in body["data"]] == [(1, 0), (3, 0)]


async def test_own_figures_alone_and_as_csv(gateway: Gateway) -> None:
    own = (await gateway.client.get(f"/v1/usage/summary?group_by=model&{PERIOD}")).json()
    assert (own["user_id"], own["total"]["requests"], own["total"]["refused"]) == ("alice", 2, 2)
    answer = await gateway.client.get(f"/v1/usage/summary.csv?group_by=tag:project&compare=true&{PERIOD}")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["tag"], row["requests"], row["refused"], row["previous_requests"]) for row in rows] == [
        ("", "1", "", "1"),
        ("'=blue", "1", "", "0"),
    ]
