"""The period that a summary is compared with: just before, unless it is named."""

from __future__ import annotations

import pytest

from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage

DAY = 86_400_000
SPAN = "from=2026-11-20T00:00:00Z&to=2026-11-20T18:00:00Z&compare=true"


@pytest.fixture(autouse=True)
async def records(desk) -> None:
    """At noon of three days: one request, two and four of them."""
    for back, many in enumerate((4, 2, 1)):
        for number in range(many):
            entry = record(
                request_id=f"req_00000000{back}{number:03}aaaa", created_at=START - back * DAY, usage=Usage(10, 1)
            )
            await desk.house.store.ledger.settle(entry)


async def requests(client, query: str) -> tuple[int, int]:
    body = (await client.get(f"/v1/usage/summary?{query}")).json()
    return body["total"]["requests"], body["total"]["previous"]["requests"]


async def test_it_is_just_before_unless_it_is_named(alice):
    # The 18 hours before that midnight have noon of the day before; those of two days before, another.
    assert await requests(alice, SPAN) == (4, 2)
    assert await requests(alice, f"{SPAN}&compare_from=2026-11-18T00:00:00Z") == (4, 1)
    assert await requests(alice, f"{SPAN}&compare_from=2026-11-19T00:00:00Z") == (4, 2)


async def test_it_ends_where_the_other_begins(alice):
    assert await requests(alice, f"{SPAN}&compare_from=2026-11-19T20:00:00Z") == (4, 0)


async def test_days_are_compared_with_those_as_much_earlier(alice):
    query = f"{SPAN}&group_by=day&compare_from=2026-11-18T00:00:00Z"
    (row,) = (await alice.get(f"/v1/usage/summary?{query}")).json()["data"]
    assert (row["day"], row["requests"], row["previous"]["requests"]) == ("2026-11-20", 4, 1)


async def test_it_does_not_begin_later(alice):
    response = await alice.get(f"/v1/usage/summary?{SPAN}&compare_from=2026-11-20T00:00:01Z")
    assert response.status_code == 422
    assert response.json()["error"]["param"] == "compare_from"
    file = await alice.get(f"/v1/usage/summary.csv?{SPAN}&compare_from=2026-11-18T00:00:00Z&group_by=user")
    assert file.status_code == 422
    file = await alice.get(f"/v1/usage/summary.csv?{SPAN}&compare_from=2026-11-18T00:00:00Z&group_by=model")
    head, line = file.text.strip().splitlines()
    assert dict(zip(head.split(","), line.split(","), strict=True))["previous_requests"] == "1"
