from __future__ import annotations

from typing import Any

import pytest

from tests.control.desk import BOB_KEY, shape_of
from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.end_users import EndUser
from tollkeeper.store.ports.refusals import RefusalKey

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


async def rows_of(client, path: str) -> list[dict[str, Any]]:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    data: list[dict[str, Any]] = response.json()["data"]
    return data


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
            {"model": "other:1b", **nothing, "requests": 1, "errors": 1, "latency_ms": {"p50": 3, "p95": 5}},
            {"model": "tiny:latest", **TINY},
        ],
        "has_more": False,
        "next": None,
        "total": {**TINY, "requests": 3, "errors": 1, "refused": 9, "latency_ms": {"p50": 75, "p95": 463}},
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


async def test_groups_by_key_are_told_by_what_people_call_the_key(alice, admin, desk):
    made = (await alice.post("/me/keys", json={"name": "laptop"})).json()
    await desk.house.store.ledger.settle(record(request_id="req_of_laptop", key_id=made["id"]))
    named = {"key_id": made["id"], "key_name": "laptop", "key_prefix": made["prefix"]}
    for client, path in ((alice, "/v1/usage/summary"), (admin, "/admin/usage/summary")):
        rows = {row["key_id"]: row for row in await rows_of(client, f"{path}?group_by=key,model")}
        assert rows[made["id"]].items() >= named.items()
        # Of one that is no more, and of none.
        assert [(rows[key]["key_name"], rows[key]["key_prefix"]) for key in ("key_1", None)] == [(None, None)] * 2
        assert "key_name" not in (await rows_of(client, path))[0]


MIA = EndUser("eu_0123456789abcdef01234567", "alice", "mia@school.example", START)


async def test_groups_by_end_user_are_told_by_what_the_app_calls_the_person(alice, admin, desk):
    await desk.house.store.end_users.add(MIA, 10)
    for number, person in enumerate((MIA.id, "eu_of_one_who_is_erased", None)):
        await desk.house.store.ledger.settle(record(request_id=f"req_for_{number}", model="new", end_user_id=person))
    for client, path in ((alice, "/v1/usage/summary"), (admin, "/admin/usage/summary")):
        rows = await rows_of(client, f"{path}?group_by=model,end_user&model=new")
        told = {row["end_user_id"]: row["end_user_value"] for row in rows}
        assert told == {MIA.id: MIA.value, "eu_of_one_who_is_erased": None, None: None}
        assert "end_user_value" not in (await rows_of(client, path))[0]


async def test_what_keys_and_people_are_called_is_not_for_admins_of_a_team(admin, desk):
    key = (await admin.post("/admin/users/alice/keys", json={"name": "private"})).json()
    await desk.house.store.end_users.add(MIA, 10)
    await admin.post("/admin/teams", json={"team_id": "blue"})
    await desk.house.store.ledger.settle(
        record(request_id="req_in_blue", key_id=key["id"], team_id="blue", end_user_id=MIA.id)
    )
    [row] = await rows_of(admin, "/admin/teams/blue/usage/summary?group_by=key,end_user")
    assert (row["key_id"], row["end_user_id"]) == (key["id"], MIA.id)
    assert not row.keys() & {"key_name", "key_prefix", "end_user_value"}


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


@pytest.mark.parametrize(
    ("group", "field", "found"),
    [
        ("upstream", "upstream", {"default": 3, "second": 1}),
        ("endpoint", "endpoint", {"/v1/chat/completions": 3, "/api/chat": 1}),
        ("tag:team", "tag", {"blue": 1, "red": 1, None: 2}),
        ("tag:a%253Ab%252Cc%2525", "tag", {"=1": 1, None: 3}),
    ],
)
async def test_groups_by_what_only_requests_have(admin, group, field, found):
    rows = await rows_of(admin, f"/admin/usage/summary?group_by={group}")
    assert {row[field]: row["requests"] for row in rows} == found
    assert {row["refused"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ("upstream=second", 1),
        ("endpoint=/v1/chat/completions", 3),
        ("tag=team:blue", 1),
        ("tag=team:", 2),
        ("tag=team:black", 0),
        ("tag=a%253Ab%252Cc%2525:%3D1", 1),
    ],
)
async def test_filters_by_what_only_requests_have(admin, query, requests):
    total = (await admin.get(f"/admin/usage/summary?{query}")).json()["total"]
    assert (total["requests"], total["refused"]) == (requests, None)
    assert len((await admin.get(f"/admin/usage?{query}")).json()["data"]) == requests
    assert len((await admin.get(f"/admin/usage.csv?{query}")).text.splitlines()) == requests + 1


async def test_refusals_are_beside_the_requests_of_their_user(admin):
    body = (await admin.get("/admin/usage/summary?group_by=user")).json()
    assert [(row["user_id"], row["requests"], row["refused"]) for row in body["data"]] == [
        (None, 0, 40),
        ("alice", 3, 9),
        ("bob", 1, 0),
    ]
    assert body["total"]["refused"] == 49
    for user_id, refused in (("alice", 9), ("bob", 0), ("nobody", 0), ("", 40)):
        total = (await admin.get(f"/admin/usage/summary?user_id={user_id}")).json()["total"]
        assert total["refused"] == refused


@pytest.mark.parametrize(
    ("order", "models"),
    [
        ("", ["huge", "other:1b", "tiny:latest"]),
        ("&order_by=-cost_usd", ["tiny:latest", "huge", "other:1b"]),
        ("&order_by=cost_usd", ["huge", "other:1b", "tiny:latest"]),
        ("&order_by=-refused", ["tiny:latest", "huge", "other:1b"]),
        ("&order_by=-errors", ["other:1b", "huge", "tiny:latest"]),
        ("&order_by=latency_p50", ["other:1b", "tiny:latest", "huge"]),
        ("&order_by=-latency_p50", ["tiny:latest", "other:1b", "huge"]),
    ],
)
async def test_rows_are_ordered_by_a_figure(alice, order, models):
    rows = await rows_of(alice, f"/v1/usage/summary?group_by=model{order}")
    assert [row["model"] for row in rows] == models


async def test_pages_hold_all_rows_in_order(alice):
    path, seen, after = "/v1/usage/summary?group_by=model,day&order_by=-total_tokens&limit=1", [], ""
    while True:
        body = (await alice.get(path + after)).json()
        seen += [(row["model"], row["day"]) for row in body["data"]]
        assert body["total"]["total_tokens"] == 140
        if not body["has_more"]:
            break
        after = f"&after={body['next']}"
    assert body["next"] is None
    assert seen == [
        ("tiny:latest", "2026-11-19"),
        ("tiny:latest", "2026-11-20"),
        ("huge", "2026-11-20"),
        ("other:1b", "2026-11-20"),
    ]


async def test_a_page_holds_a_thousand_rows_unless_told_otherwise(desk, admin):
    for number in range(1001):
        await desk.house.store.ledger.settle(record(request_id=f"req_{number}", model=f"model-{number:04}"))
    body = (await admin.get("/admin/usage/summary?group_by=model")).json()
    assert (len(body["data"]), body["has_more"]) == (1000, True)
    rest = (await admin.get(f"/admin/usage/summary?group_by=model&after={body['next']}")).json()
    assert [row["model"] for row in rest["data"]] == [
        "model-0998",
        "model-0999",
        "model-1000",
        "other:1b",
        "tiny:latest",
    ]


NINETEENTH, TWENTIETH = "from=2026-11-19&to=2026-11-20", "from=2026-11-20&to=2026-11-21"


async def test_a_period_is_compared_with_the_one_before(alice):
    body = (await alice.get(f"/v1/usage/summary?{TWENTIETH}&compare=true")).json()
    before = (await alice.get(f"/v1/usage/summary?{NINETEENTH}")).json()
    assert [(row["model"], row["previous"]["requests"]) for row in body["data"]] == [
        ("huge", 0),
        ("other:1b", 0),
        ("tiny:latest", 1),
    ]
    [same] = before["data"]
    same.pop("model")
    assert body["data"][2]["previous"] == same
    assert body["total"]["previous"] == before["total"]
    assert body["data"][0]["previous"] == dict.fromkeys(TINY, 0) | {
        "cost_usd": "0", "first_token_ms": None, "latency_ms": None
    }  # fmt: skip


async def test_without_compare_there_is_nothing_previous(alice):
    body = (await alice.get(f"/v1/usage/summary?{TWENTIETH}&compare=false")).json()
    assert ["previous" in each for each in [body["total"], *body["data"]]] == [False] * 4


async def test_what_is_previous_is_null_where_figures_are(alice):
    [row] = await rows_of(alice, f"/v1/usage/summary?group_by=upstream&{NINETEENTH}&compare=true")
    assert (row["refused"], row["previous"]["refused"], row["previous"]["requests"]) == (None, None, 0)


@pytest.mark.parametrize(
    ("group", "period", "requests", "previous"),
    [
        ("day", TWENTIETH, 2, 1),
        ("day", "from=2026-11-20&to=2026-11-20T12:30:00Z", 2, 1),  # the same half of the 19th, with one at 11
        ("day", "from=2026-11-20T11:30:00Z&to=2026-11-20T12:30:00Z", 2, 0),
        ("day", "from=2026-11-20&to=2026-11-20T14:00:00Z", 2, 1),
        ("hour", "from=2026-11-20T12:00:00Z&to=2026-11-21T13:00:00Z", 2, 1),  # 25 hours
        ("hour", "from=2026-11-20T12:00:00Z&to=2026-11-21T12:00:00Z", 2, 0),  # the same hour of the day before
        ("day,hour", "from=2026-11-20T12:00:00Z&to=2026-11-21T13:00:00Z", 2, 0),  # by two days
        ("day", "from=1970-01-01&to=9999-12-31", 2, 0),
    ],
)
async def test_days_and_hours_are_compared_with_those_as_much_earlier(alice, group, period, requests, previous):
    body = (await alice.get(f"/v1/usage/summary?group_by={group}&{period}&compare=true")).json()
    row = body["data"][-1]
    assert (row["requests"], row["previous"]["requests"]) == (requests, previous)


async def test_hours_of_part_of_a_day_are_compared_with_those_of_the_day_before(desk, alice):
    await desk.house.store.ledger.settle(record(request_id="req_before", created_at=START - 86_400_000))
    part = "from=2026-11-20&to=2026-11-20T13:00:00Z"
    [row] = await rows_of(alice, f"/v1/usage/summary?group_by=day,hour&{part}&compare=true")
    assert (row["hour"], row["requests"], row["previous"]["requests"]) == ("2026-11-20T12:00:00Z", 2, 1)


@pytest.mark.parametrize(
    ("query", "param", "words"),
    [
        ("group_by=model,user", "group_by", "model, day, hour, key, upstream, endpoint, status, end_user, tag:NAME"),
        ("group_by=colour", "group_by", "'colour' is none of them."),
        ("group_by=tag:", "group_by", "'tag:' is none of them."),
        ("group_by=tag:one,tag:two", "group_by", "more than one tag:NAME"),
        ("group_by=tag:one,tag:one", "group_by", "more than one tag:NAME"),
        ("group_by=model,model", "group_by", "each once"),
        ("order_by=colour", "order_by", "requests, prompt_tokens, cached_tokens"),
        ("order_by=--requests", "order_by", "'--requests' is none of them."),
        ("order_by=", "order_by", "with '-' in front for the largest first"),
        ("tag=team", "tag", "NAME:VALUE"),
        ("tag=:blue", "tag", "NAME:VALUE"),
        ("after=req_1", "after", "'next'"),
        ("after=-1", "after", "'next'"),
        ("limit=0", "limit", "1"),
        ("compare=perhaps", "compare", ""),
        ("compare_from=2026-11-01", "compare_from", "needs 'compare=true'"),
        ("compare=false&compare_from=2026-11-01", "compare_from", "needs 'compare=true'"),
        ("from=2026-11-21&to=2026-11-20", "from", "must not be later"),
    ],
)
async def test_what_is_wrong_is_named_with_what_there_is(alice, query, param, words):
    response = await alice.get(f"/v1/usage/summary?{query}")
    error = shape_of(response)
    assert (response.status_code, error["param"]) == (422, param)
    assert words in error["message"]


async def test_any_period_is_answered(alice):
    body = (await alice.get("/v1/usage/summary?from=1970-01-01&to=9999-12-31&compare=true")).json()
    assert (body["total"]["requests"], body["total"]["previous"]["requests"]) == (3, 0)


@pytest.mark.parametrize(
    "query",
    [
        "group_by=key",
        "group_by=status&tag=team:red",
        "group_by=hour&upstream=second&endpoint=/api/chat",
        "order_by=-cost_usd&compare=true&from=2026-01-01",
    ],
)
async def test_ones_own_summary_has_nothing_of_others(desk, alice, query):
    own = (await alice.get(f"/v1/usage/summary?{query}")).json()
    async with desk.client(BOB_KEY) as bob:
        others = (await bob.get("/v1/usage/summary")).json()
    assert (others["total"]["cost_usd"], others["total"]["refused"]) == ("1", 0)
    assert (own["user_id"], own["total"]["cost_usd"] in {"0", "0.000123000001"}) == ("alice", True)
    assert own["total"]["refused"] in {9, None}


async def test_anothers_key_user_or_team_shows_nothing(desk, alice):
    [bobs] = desk.house.accounts.keys_of("bob")
    await desk.house.store.ledger.settle(record(request_id="req_bobs", user_id="bob", key_id=bobs.id))
    await desk.house.store.refusals.add([(REFUSED[0][0]._replace(user_id="bob", key_id=bobs.id), 5)])
    body = (await alice.get(f"/v1/usage/summary?key_id={bobs.id}")).json()
    assert (body["data"], body["total"]["requests"], body["total"]["refused"]) == ([], 0, 0)
    for query in ("user_id=bob", "team=red", "group_by=user", "group_by=team"):
        assert (await alice.get(f"/v1/usage/summary?{query}")).status_code == 422


async def test_a_key_of_a_person_who_was_forgotten_is_found(desk, admin):
    [bobs] = desk.house.accounts.keys_of("bob")
    await desk.house.store.ledger.settle(record(request_id="req_bobs", user_id="bob", key_id=bobs.id))
    left = (await admin.delete("/admin/users/bob?erase=true")).json()["user_id"]
    rows = await rows_of(admin, "/admin/usage/summary?group_by=key,user")
    assert (bobs.id, left, 1) in [(row["key_id"], row["user_id"], row["requests"]) for row in rows]
    body = (await admin.get(f"/admin/usage/summary?group_by=user&key_id={bobs.id}")).json()
    assert [(row["user_id"], row["requests"]) for row in body["data"]] == [(left, 1)]
    assert body["total"]["requests"] == 1
    listed = (await admin.get(f"/admin/usage?key_id={bobs.id}")).json()
    assert ([each["user_id"] for each in listed["data"]], listed["totals"]["requests"]) == ([left], 1)
    assert (await admin.get("/admin/usage?key_id=key_unknown")).json()["totals"]["requests"] == 0


@pytest.mark.parametrize("path", ["/v1/usage", "/admin/usage", "/admin/users/alice/usage"])
async def test_an_empty_key_is_what_was_used_without_one(alice, admin, path):
    client = alice if path == "/v1/usage" else admin
    listed = (await client.get(f"{path}?key_id=")).json()
    summary = (await client.get(f"{path}/summary?key_id=")).json()
    assert ([each["key_id"] for each in listed["data"]], listed["totals"]["requests"]) == ([None], 1)
    used = [row["model"] for row in summary["data"] if row["requests"]]  # requests of unknown keys are refused
    assert (used, summary["total"]["requests"]) == (["other:1b"], 1)
