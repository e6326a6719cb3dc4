"""The period that a summary is compared with: just before, unless it is named."""

from __future__ import annotations

import pytest

from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage

DAY = 86_400_000
HOUR = DAY // 24
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


@pytest.mark.parametrize("compared", ["", "&compare_from=2026-11-13T09:20:00Z"])
@pytest.mark.parametrize("group", ["day", "hour", "day,hour", "model,day"])
@pytest.mark.parametrize(
    "span",
    [
        ("2026-11-20T00:00:00Z", "2026-11-21T12:00:00Z"),
        ("2026-11-20T06:10:00Z", "2026-11-21T12:00:00Z"),
        ("2026-11-20T06:10:00Z", "2026-11-20T17:25:00Z"),
        ("2026-11-20T23:30:00Z", "2026-11-22T00:30:00Z"),
    ],
)
async def test_rows_by_time_add_up_to_what_all_are_compared_with(desk, alice, group, span, compared):
    first = START - START % DAY - 9 * DAY
    for number in range(12 * 24 * 4):  # one a quarter of an hour, with ever more tokens
        entry = record(
            request_id=f"req_1{number:011}aaaa", created_at=first + number * HOUR // 4, usage=Usage(number, 1)
        )
        desk.house.store.ledger.settle(entry)
    await desk.house.store.ledger.flush()
    query = f"group_by={group}&from={span[0]}&to={span[1]}&compare=true{compared}"
    body = (await alice.get(f"/v1/usage/summary?{query}")).json()
    total = body["total"]["previous"]
    for figure in ("requests", "prompt_tokens"):
        assert sum(row["previous"][figure] for row in body["data"]) == total[figure]


async def test_days_of_a_period_that_cuts_them_are_compared_with_the_same_parts(desk, alice):
    first = START - START % DAY - 9 * DAY
    for number in range(12 * 24):
        await desk.house.store.ledger.settle(
            record(request_id=f"req_1{number:011}aaaa", created_at=first + number * HOUR, model="hourly:1b")
        )
    query = "group_by=day&from=2026-11-20T00:00:00Z&to=2026-11-21T12:00:00Z&compare=true&model=hourly:1b"
    body = (await alice.get(f"/v1/usage/summary?{query}")).json()
    assert [(row["day"], row["requests"], row["previous"]["requests"]) for row in body["data"]] == [
        ("2026-11-20", 24, 24),
        ("2026-11-21", 12, 12),
    ]
    assert (body["total"]["requests"], body["total"]["previous"]["requests"]) == (36, 36)
