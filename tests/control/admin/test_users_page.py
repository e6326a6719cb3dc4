"""Users as the pages list them: sorted, in pages, each with what they use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import ROOT, START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.counters import LimitStatus

DAY = 86_400_000
SORTS = ("user_id", "requests", "tokens", "cost", "last_seen", "created")
NAMES = [f"u{n:02}" for n in range(23)]


@pytest.fixture
def numbers() -> Iterator[int]:
    return iter(range(10_000))


@pytest.fixture
async def many(desk, numbers):
    """23 users of whom many are alike in every figure."""
    for place, name in enumerate(NAMES):
        desk.house.clock.ms = START + place % 4
        await desk.house.accounts.create_user(name, ROOT, secret=f"sk-{name}-of-the-users-page")
        for _ in range(place % 3):
            await use(desk, numbers, name, tokens=10 * (place % 2), cost=place % 5)
        if place % 3 == 0:
            desk.house.clock.ms = START + 100 + place % 2
            desk.house.accounts.identify(f"sk-{name}-of-the-users-page")
    desk.house.clock.ms = START + 1000
    return desk


async def use(desk, numbers, user_id, *, tokens=0, cost=0, at=START):
    number = next(numbers)
    usage = Usage(prompt_tokens=tokens)
    made = record(request_id=f"req_{number:04}", user_id=user_id, created_at=at, usage=usage, cost_pico=cost)
    await desk.house.store.ledger.settle(made)


async def pages(admin, query, limit):
    """All users, page by page, and the bodies of the pages."""
    seen: list[Any] = []
    bodies: list[Any] = []
    after = None
    while after is not None or not bodies:
        params = {"limit": str(limit), **query, **({} if after is None else {"after": after})}
        bodies.append((await admin.get("/admin/users", params=params)).raise_for_status().json())
        seen += bodies[-1]["data"]
        after = bodies[-1]["next"]
    return seen, bodies


def figure(row, sort):
    return {
        "user_id": "",
        "requests": row["month"]["requests"],
        "tokens": row["month"]["total_tokens"],
        "cost": (float(row["month"]["cost_usd"]), row["month"]["requests"]),
        "last_seen": row["last_seen_at"] or "",
        "created": row["created_at"],
    }[sort]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", SORTS)
async def test_every_sort_in_pages_with_equals_among_them(many, admin, sort, order):
    seen, bodies = await pages(admin, {"sort": sort, "order": order}, limit=4)
    whole, _ = await pages(admin, {"sort": sort, "order": order}, limit=1000)
    assert seen == whole
    assert {body["total"] for body in bodies} == {len(NAMES) + 3}
    assert sorted(row["user_id"] for row in seen) == sorted([*NAMES, "alice", "bob", "root"])
    places = [(figure(row, sort), row["user_id"]) for row in seen]
    assert places == sorted(places, reverse=order == "desc")
    if sort != "user_id":
        assert 1 < len({place for place, _ in places}) < len(NAMES)


async def test_pages_while_figures_move(many, admin, numbers):
    query = {"sort": "cost", "order": "desc", "limit": "5"}
    first = (await admin.get("/admin/users", params=query)).json()
    ahead = [row["user_id"] for row in first["data"]]
    await use(many, numbers, ahead[-1], cost=100)
    await use(many, numbers, "u22", cost=200)
    rest, after = [], first["next"]
    while after:
        page = (await admin.get("/admin/users", params={**query, "after": after})).json()
        rest += [row["user_id"] for row in page["data"]]
        after = page["next"]
    # u22 went where the reader had been; whoever did not move is there exactly once.
    assert sorted([*ahead, *rest]) == sorted({*NAMES, "alice", "bob", "root"} - ({"u22"} - set(ahead)))


@pytest.mark.parametrize(
    ("query", "total"),
    [("q=u1", 10), ("role=admin", 1), ("status=suspended", 0), ("q=U0&role=user&status=active", 10), ("q=li", 1)],
)
async def test_the_total_is_of_all_that_match(many, admin, query, total):
    body = (await admin.get(f"/admin/users?{query}&limit=2")).json()
    assert (body["total"], len(body["data"])) == (total, min(2, total))


@pytest.mark.parametrize("after", ["alice", "cost~1", "requests~1~alice", "cost~x~alice", "cost~~alice", "~~"])
async def test_a_cursor_of_another_list_is_refused(admin, after):
    response = await admin.get("/admin/users", params={"sort": "cost", "after": after})
    assert (response.status_code, shape_of(response)["param"]) == (422, "after")


@pytest.mark.parametrize(("sort", "first"), [("requests", "bob"), ("tokens", "alice"), ("cost", "alice")])
async def test_a_period_has_its_own_figures_and_order(desk, admin, numbers, sort, first):
    await use(desk, numbers, "alice", tokens=7, cost=5 * 10**6, at=START - 40 * DAY)
    for back in (39, 38):
        await use(desk, numbers, "bob", tokens=1, at=START - back * DAY)
    for _ in range(5):
        await use(desk, numbers, "root", tokens=100, cost=10**12)  # this month, and not in the period
    query = {"from": "2026-10-01T00:00:00Z", "to": "2026-11-01T00:00:00Z", "sort": sort, "order": "desc"}
    found = (await admin.get("/admin/users", params=query)).json()["data"]
    assert found[0]["user_id"] == first
    rows = {row["user_id"]: row for row in found}
    assert rows["alice"]["period"] == {"requests": 1, "total_tokens": 7, "cost_usd": "0.000005"}
    assert (rows["bob"]["period"]["requests"], rows["bob"]["month"]["requests"]) == (2, 0)
    assert (rows["root"]["period"]["requests"], rows["root"]["month"]["requests"]) == (0, 5)
    plain = (await admin.get("/admin/users", params={"sort": sort, "order": "desc"})).json()["data"]
    assert (plain[0]["user_id"], plain[0]["period"]) == ("root", None)


async def test_a_period_that_ends_before_it_begins_is_refused(admin):
    query = {"from": "2026-11-02T00:00:00Z", "to": "2026-11-01T00:00:00Z"}
    response = await admin.get("/admin/users", params=query)
    assert (response.status_code, shape_of(response)["param"]) == (422, "from")


async def test_a_week_has_seven_days_whatever_was_used(desk, admin, numbers):
    for back, tokens in ((0, 7), (0, 1), (3, 5), (6, 2), (7, 100)):
        await use(desk, numbers, "alice", tokens=tokens, cost=tokens * 10**6, at=START - back * DAY)
    expected = [("2026-11-14", 1, 2), *((f"2026-11-{day}", 0, 0) for day in (15, 16))]
    expected += [("2026-11-17", 1, 5), ("2026-11-18", 0, 0), ("2026-11-19", 0, 0), ("2026-11-20", 2, 8)]
    for row in ((await admin.get("/admin/users/alice")).json(), (await admin.get("/admin/users")).json()["data"][0]):
        assert [(day["day"], day["requests"], day["total_tokens"]) for day in row["week"]] == expected
        assert row["week"][-1]["cost_usd"] == "0.000008"
    assert {day["requests"] for day in (await admin.get("/admin/users/bob")).json()["week"]} == {0}


async def test_when_they_were_last_seen_and_what_is_left(desk, admin, alice):
    desk.usage.table = {"tokens_per_day": LimitStatus("tokens_per_day", 100, 40, 10, START)}
    row = (await admin.get("/admin/users/bob")).json()
    assert row["last_seen_at"] is None
    desk.house.clock.ms = START + 5000
    await alice.get("/me")
    row = (await admin.get("/admin/users/alice")).json()
    assert row["last_seen_at"] == "2026-11-20T12:00:05.123Z"
    assert row["usage"]["tokens_per_day"]["remaining"] == 50
    await desk.house.accounts.write_last_used()
    assert (await admin.get("/admin/users/alice")).json()["last_seen_at"] == row["last_seen_at"]
