from __future__ import annotations

import json
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from tests.control.desk import BOOTSTRAP, shape_of
from tests.services.in_memory import START, record
from tollkeeper.control.admin import organization
from tollkeeper.rules.usage import Usage
from tollkeeper.store.ports.records import ADJUSTMENT

DAY, HOUR, MINUTE = 86_400, 3_600, 60
NOW = START // 1000
TODAY = NOW // DAY * DAY
COMPLETIONS = "/v1/organization/usage/completions"
EMBEDDINGS = "/v1/organization/usage/embeddings"
COSTS = "/v1/organization/costs"
PATHS = (COMPLETIONS, EMBEDDINGS, COSTS)
NUMBERS = count(1)


async def settle(desk, at: int = NOW, **fields: Any) -> None:
    fields = {"usage": Usage(100, 40, 10, 20, 5), "cost_pico": 123_000_000, **fields}
    made = record(request_id=f"req_{next(NUMBERS):012x}", created_at=at * 1000, settled_at=at * 1000, **fields)
    await desk.house.store.ledger.settle(made)


async def results(client, path: str, query: str) -> list[dict[str, Any]]:
    response = await client.get(f"{path}?start_time={TODAY}&{query}")
    assert response.status_code == 200, response.text
    return [result for bucket in response.json()["data"] for result in bucket["results"]]


async def test_a_page_of_completions_in_full(desk, admin):
    await settle(desk)
    response = await admin.get(f"{COMPLETIONS}?start_time={TODAY - DAY}")
    assert response.json() == {
        "object": "page",
        "data": [
            {"object": "bucket", "start_time": TODAY - DAY, "end_time": TODAY, "results": []},
            {
                "object": "bucket",
                "start_time": TODAY,
                "end_time": TODAY + DAY,
                "results": [
                    {
                        "object": "organization.usage.completions.result",
                        "input_tokens": 100,
                        "input_uncached_tokens": 50,
                        "input_cached_tokens": 40,
                        "input_cache_write_tokens": 10,
                        "output_tokens": 20,
                        "input_audio_tokens": 0,
                        "output_audio_tokens": 0,
                        "num_model_requests": 1,
                        "project_id": None,
                        "user_id": None,
                        "api_key_id": None,
                        "model": None,
                        "batch": None,
                        "service_tier": None,
                        "api_source": None,
                    }
                ],
            },
        ],
        "has_more": False,
        "next_page": None,
    }


async def test_embeddings_are_counted_apart(desk, admin):
    await settle(desk)
    await settle(desk, endpoint="/v1/embeddings", usage=Usage(7))
    await settle(desk, endpoint="/api/embed", usage=Usage(3), model="embed:1b")
    await settle(desk, endpoint="/v1/moderations")
    assert [found["input_tokens"] for found in await results(admin, COMPLETIONS, "group_by=model")] == [100]
    assert await results(admin, EMBEDDINGS, "group_by=model") == [
        {
            "object": "organization.usage.embeddings.result",
            "input_tokens": tokens,
            "num_model_requests": 1,
            "project_id": None,
            "user_id": None,
            "api_key_id": None,
            "model": model,
        }
        for model, tokens in (("embed:1b", 3), ("tiny:latest", 7))
    ]


async def test_costs_are_exact_numbers_and_hold_all_that_the_ledger_has(desk, admin):
    await settle(desk, cost_pico=10**18 + 1)
    await settle(desk, endpoint="/v1/embeddings", model="other:1b", cost_pico=5)
    await settle(desk, endpoint=ADJUSTMENT, model="", key_id=None, usage=Usage(), cost_pico=-(10**6))
    response = await admin.get(f"{COSTS}?start_time={TODAY}")
    [bucket] = json.loads(response.text, parse_float=Decimal)["data"]
    [whole] = bucket["results"]
    assert list(whole) == [
        "project_id", "user_id", "api_key_id", "object", "amount", "line_item", "quantity", "quantity_unit",
        "api_source",
    ]  # fmt: skip
    assert whole["amount"] == {"value": Decimal("999999.999999000006"), "currency": "usd"}
    items = await results(admin, COSTS, "group_by=line_item")
    assert [item["line_item"] for item in items] == ["adjustments", "other:1b", "tiny:latest"]
    [refund] = await results(admin, COSTS, "group_by=line_item&line_items=adjustments")
    assert refund["amount"]["value"] == -0.000001


@pytest.mark.parametrize("query", ["group_by=user_id,model", "group_by=user_id&group_by=model",
                                   "group_by[]=user_id&group_by[]=model", "group_by%5B%5D=user_id&group_by%5b%5d=model",
                                   "group_by[0]=user_id&group_by[1]=model"])  # fmt: skip
async def test_lists_are_taken_as_clients_send_them(desk, admin, query):
    await settle(desk)
    await settle(desk, user_id="bob", model="other:1b")
    found = await results(admin, COMPLETIONS, query)
    assert [(each["user_id"], each["model"]) for each in found] == [("alice", "tiny:latest"), ("bob", "other:1b")]


async def test_groups_that_have_one_value_here(desk, admin):
    await settle(desk, key_id=None)
    [found] = await results(admin, COMPLETIONS, "group_by=batch,api_source,service_tier,api_key_id")
    assert (found["batch"], found["api_source"], found["service_tier"], found["api_key_id"]) == (
        False,
        "unlabeled",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("filters", "left"),
    [
        ("user_ids=ALICE", 1),
        ("user_ids=bob,alice", 2),
        ("user_ids=nobody", 0),
        ("api_key_ids[]=key_2", 1),
        ("models=other:1b&user_ids=alice", 0),
        ("batch=true", 0),
        ("batch=false", 2),
    ],
)
async def test_filters(desk, admin, filters, left):
    await settle(desk)
    await settle(desk, user_id="bob", key_id="key_2", model="other:1b")
    assert sum(found["num_model_requests"] for found in await results(admin, COMPLETIONS, filters)) == left


@pytest.mark.parametrize(("width", "seconds"), [("1m", MINUTE), ("1h", HOUR), ("1d", DAY)])
async def test_a_period_may_begin_and_end_within_a_bucket(desk, admin, width, seconds):
    start = TODAY - 3 * seconds + 7
    for at in (start - 1, start, TODAY - seconds, TODAY - 1 - seconds, TODAY - 4):
        await settle(desk, at)
    end = TODAY - 4
    response = await admin.get(f"{COMPLETIONS}?start_time={start}&end_time={end}&bucket_width={width}")
    assert [
        (found["start_time"], found["end_time"], sum(each["num_model_requests"] for each in found["results"]))
        for found in response.json()["data"]
    ] == [
        (start, TODAY - 2 * seconds, 1),
        (TODAY - 2 * seconds, TODAY - seconds, 1),
        (TODAY - seconds, end, 1),
    ]


@pytest.mark.parametrize(
    ("path", "width", "seconds", "by_default", "most"),
    [
        (COMPLETIONS, "1m", MINUTE, 60, 1440),
        (COMPLETIONS, "1h", HOUR, 24, 168),
        (EMBEDDINGS, "1d", DAY, 7, 31),
        (COSTS, "1d", DAY, 7, 180),
    ],
)
async def test_a_page_has_as_many_buckets_as_openais(admin, path, width, seconds, by_default, most):
    url = f"{path}?start_time={NOW - 2000 * seconds}&bucket_width={width}"
    assert len((await admin.get(url)).json()["data"]) == by_default
    assert len((await admin.get(f"{url}&limit={most}")).json()["data"]) == most
    error = shape_of(await admin.get(f"{url}&limit={most + 1}"))
    assert error["param"] == "limit"
    assert str(most) in error["message"]


async def test_pages_follow_each_other_without_gaps_or_repetition(desk, admin):
    for hour in range(50):
        await settle(desk, TODAY - hour * HOUR)
    url = f"{COMPLETIONS}?start_time={TODAY - 60 * HOUR + 11}&bucket_width=1h&limit=7"
    page, starts, counted = (await admin.get(url)).json(), [], 0
    while True:
        assert len(page["data"]) <= 7
        starts += [(found["start_time"], found["end_time"]) for found in page["data"]]
        counted += sum(each["num_model_requests"] for found in page["data"] for each in found["results"])
        if not page["has_more"]:
            break
        await settle(desk, TODAY + 10 * HOUR)  # what is new does not move pages
        page = (await admin.get(f"{url}&page={page['next_page']}")).json()
    assert page["next_page"] is None
    assert starts[0][0] == TODAY - 60 * HOUR + 11
    assert [end for _, end in starts[:-1]] == [start for start, _ in starts[1:]]
    assert starts[-1][1] == TODAY + 13 * HOUR
    assert counted >= 50


async def test_what_has_not_begun_is_left_out(admin):
    response = await admin.get(f"{COMPLETIONS}?start_time={NOW}&end_time=253402300799&bucket_width=1h")
    assert [found["start_time"] for found in response.json()["data"]] == [NOW]
    assert response.json()["has_more"] is False
    later = (await admin.get(f"{COMPLETIONS}?start_time={NOW + 2 * DAY}")).json()
    assert (later["data"], later["has_more"]) == ([], False)


async def test_a_page_ends_before_it_has_too_many_results(desk, admin, monkeypatch):
    monkeypatch.setattr(organization, "MOST_RESULTS", 5)
    for hour in range(4):
        for user in ("alice", "bob"):
            await settle(desk, TODAY + hour * HOUR, user_id=user)
    url = f"{COMPLETIONS}?start_time={TODAY}&bucket_width=1h&group_by=user_id"
    first = (await admin.get(url)).json()
    assert [len(found["results"]) for found in first["data"]] == [2, 2]
    second = (await admin.get(f"{url}&page={first['next_page']}")).json()
    assert [len(found["results"]) for found in second["data"][:2]] == [2, 2]
    assert second["data"][0]["start_time"] == TODAY + 2 * HOUR
    monkeypatch.setattr(organization, "MOST_RESULTS", 1)
    error = shape_of(await admin.get(url))
    assert (error["param"], error["type"]) == ("group_by", "invalid_request_error")


async def test_minutes_of_pruned_records_are_refused_not_missing(desk, admin):
    await settle(desk, NOW - 2 * DAY)
    await settle(desk, NOW)
    await desk.house.store.ledger.prune((NOW - DAY) * 1000)
    url = f"{COMPLETIONS}?start_time={NOW - 2 * DAY}&bucket_width="
    error = shape_of(await admin.get(url + "1m"))
    assert error["param"] == "start_time"
    assert "1h or 1d" in error["message"]
    assert [found["num_model_requests"] for page in (await admin.get(url + "1d")).json()["data"]
            for found in page["results"]] == [1, 1]  # fmt: skip
    assert (await admin.get(f"{COMPLETIONS}?start_time={NOW - DAY}&bucket_width=1m")).status_code == 200


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("", "start_time"),
        ("start_time=yesterday", "start_time"),
        ("start_time=-1", "start_time"),
        ("start_time=99999999999999", "start_time"),
        ("start_time=1.5", "start_time"),
        (f"start_time={NOW}&end_time={NOW}", "start_time"),
        (f"start_time={NOW}&start_time={NOW}", "start_time"),
        (f"start_time={NOW}&bucket_width=1w", "bucket_width"),
        (f"start_time={NOW}&limit=0", "limit"),
        (f"start_time={NOW}&group_by=colour", "group_by.0"),
        (f"start_time={NOW}&page=page_5", "page"),
        (f"start_time={NOW}&page=page_{NOW + 1}", "page"),
        (f"start_time={NOW}&page=page_999999999999", "page"),
        (f"start_time={NOW}&page=nonsense", "page"),
        (f"start_time={NOW}&colour=blue", "colour"),
        (f"start_time={NOW}&user_ids={','.join('a' * 101)}", "user_ids"),
    ],
)
@pytest.mark.parametrize("path", PATHS)
async def test_what_is_wrong_is_named(admin, path, query, param):
    response = await admin.get(f"{path}?{query}")
    assert response.status_code == 422
    assert shape_of(response)["param"] == param


async def test_costs_come_by_day_only(admin):
    error = shape_of(await admin.get(f"{COSTS}?start_time={NOW}&bucket_width=1h"))
    assert error["param"] == "bucket_width"
    assert shape_of(await admin.get(f"{COSTS}?start_time={NOW}&models=a"))["param"] == "models"


@pytest.mark.parametrize("path", PATHS)
async def test_it_is_for_admins(desk, alice, anyone, path):
    assert (await alice.get(f"{path}?start_time={NOW}")).status_code == 403
    assert (await anyone.get(f"{path}?start_time={NOW}")).status_code == 401
    async with desk.client(BOOTSTRAP) as bootstrap:
        assert (await bootstrap.get(f"{path}?start_time={NOW}")).status_code == 200


async def test_a_project_is_a_team(desk, admin):
    await settle(desk, team_id="red")
    await settle(desk, endpoint="/v1/embeddings", team_id="red")
    await settle(desk, user_id="bob")
    for path, counted in ((COMPLETIONS, [None, "red"]), (EMBEDDINGS, ["red"]), (COSTS, [None, "red"])):
        assert [found["project_id"] for found in await results(admin, path, "group_by=project_id")] == counted
        assert len(await results(admin, path, "project_ids=red,blue&group_by=user_id")) == 1
