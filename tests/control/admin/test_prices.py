from __future__ import annotations

import pytest

from tests.control.desk import shape_of

PRICE = {"model": "tiny:latest", "input_usd_per_mtok": "0.15", "output_usd_per_mtok": "0.6"}


async def test_one_price(admin, desk):
    response = await admin.put("/admin/prices", json=PRICE)
    [price] = response.json()["data"]
    assert response.status_code == 200
    assert price == {
        "id": price["id"],
        "model": "tiny:latest",
        "upstream": None,
        "tier": None,
        "above_input_tokens": None,
        "seeded": False,
        "input_usd_per_mtok": "0.15",
        "cached_input_usd_per_mtok": None,
        "cache_write_usd_per_mtok": None,
        "cache_write_1h_usd_per_mtok": None,
        "output_usd_per_mtok": "0.6",
        "usd_per_request": None,
        "usd_per_image": None,
        "audio_usd_per_minute": None,
        "speech_usd_per_mchar": None,
        "effective_at": "2026-11-20T12:00:00.123Z",
        "created_at": "2026-11-20T12:00:00.123Z",
    }
    assert (await admin.get("/admin/prices")).json() == response.json()
    assert desk.app.state.services.prices.in_force("tiny:latest", None, desk.house.clock()).output == 600_000


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        ("0.15", "0.15"),
        ("2.50", "2.5"),
        (0.15, "0.15"),
        (3, "3"),
        (3.0, "3"),
        (0, "0"),
        (0.000001, "0.000001"),
        (999999.999999, "999999.999999"),
        ("1000000", "1000000"),
    ],
)
async def test_figures_are_exact(admin, figure, written):
    response = await admin.put("/admin/prices", json={**PRICE, "input_usd_per_mtok": figure})
    assert response.json()["data"][0]["input_usd_per_mtok"] == written


async def test_a_figure_is_not_rounded_on_its_way(admin):
    content = b'{"model": "m", "output_usd_per_mtok": 1, "input_usd_per_mtok": 0.15000000000000000001}'
    response = await admin.put("/admin/prices", content=content, headers={"content-type": "application/json"})
    assert (response.status_code, shape_of(response)["param"]) == (422, "input_usd_per_mtok")


@pytest.mark.parametrize(
    "figure", [-1, "-0.1", 1000001, "0.0000001", 1e-7, "free", "", "NaN", "Infinity", True, None, [], {}, "1" * 5000]
)
async def test_figures_that_are_none(admin, figure):
    response = await admin.put("/admin/prices", json={**PRICE, "input_usd_per_mtok": figure})
    assert (response.status_code, shape_of(response)["param"]) == (422, "input_usd_per_mtok")


async def test_what_is_kept_in_a_cache_for_an_hour_has_a_price_of_its_own(admin):
    given = {**PRICE, "cache_write_usd_per_mtok": "1.25", "cache_write_1h_usd_per_mtok": 2}
    response = await admin.put("/admin/prices", json=given)
    assert response.status_code == 200
    assert response.json()["data"][0]["cache_write_1h_usd_per_mtok"] == "2"
    assert (await admin.get("/admin/prices")).json() == response.json()


async def test_what_is_not_counted_in_tokens_has_prices_of_its_own(admin):
    units = {
        "usd_per_request": "0.002", "usd_per_image": "0.04", "audio_usd_per_minute": "0.006",
        "speech_usd_per_mchar": "15",
    }  # fmt: skip
    response = await admin.put("/admin/prices", json={**PRICE, **units})
    assert response.status_code == 200
    shown = response.json()["data"][0]
    assert {name: shown[name] for name in units} == units
    for name in units:
        wrong = await admin.put("/admin/prices", json={**PRICE, name: "-1"})
        assert (wrong.status_code, shape_of(wrong)["param"]) == (422, name)


async def test_several_at_once_all_or_none(admin):
    other = {**PRICE, "model": "gpt-4*", "cached_input_usd_per_mtok": "0.01", "cache_write_usd_per_mtok": "0.2"}
    response = await admin.put("/admin/prices", json={"data": [PRICE, {**other, "effective_at": "2020-01-01"}]})
    assert (response.status_code, shape_of(response)["param"]) == (422, "effective_at")
    response = await admin.put("/admin/prices", json={"data": [PRICE, {**PRICE, "input_usd_per_mtok": "x"}]})
    assert shape_of(response)["param"] == "data.1.input_usd_per_mtok"
    assert (await admin.get("/admin/prices")).json()["data"] == []
    response = await admin.put("/admin/prices", json={"data": [PRICE, other]})
    assert [price["model"] for price in response.json()["data"]] == ["tiny:latest", "gpt-4*"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({**PRICE, "input_usd": "1"}, "input_usd"),
        ({"model": "x", "input_usd_per_mtok": 1}, "output_usd_per_mtok"),
        ({**PRICE, "model": "*x"}, "model"),
        ({**PRICE, "effective_at": "2026-11-20T12:00:00Z"}, "effective_at"),
        ({"data": []}, "data"),
        ({"data": [PRICE], "model": "x"}, "model"),
        ([PRICE], None),
    ],
)
async def test_a_price_that_is_wrong(admin, body, param):
    response = await admin.put("/admin/prices", json=body)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


async def test_a_price_for_later_and_the_history(admin, desk):
    await admin.put("/admin/prices", json={**PRICE, "model": "hf.co/a/B:q4"})
    await admin.put("/admin/prices", json={**PRICE, "model": "hf.co/a/b:q4", "effective_at": "2027-01-01"})
    assert [price["id"] for price in (await admin.get("/admin/prices")).json()["data"]] == [1]
    history = (await admin.get("/admin/prices/hf.co/a/B:q4/history")).json()
    assert [price["id"] for price in history["data"]] == [2, 1]
    assert history == (await admin.get("/admin/prices/hf.co%2Fa%2Fb%3Aq4/history")).json()
    first = (await admin.get("/admin/prices/hf.co/a/b:q4/history?limit=1")).json()
    assert (first["has_more"], first["next"]) == (True, "2")
    rest = (await admin.get("/admin/prices/hf.co/a/b:q4/history?limit=1&after=2")).json()
    assert ([price["id"] for price in rest["data"]], rest["has_more"]) == ([1], False)
    desk.house.clock.ms += 60 * 86_400_000
    assert [price["id"] for price in (await admin.get("/admin/prices")).json()["data"]] == [2]


async def test_a_model_without_a_history(admin):
    response = await admin.get("/admin/prices/nope/history")
    assert (response.status_code, shape_of(response)["param"]) == (404, "model")


async def test_aliases_are_replaced_whole(admin):
    assert (await admin.get("/admin/aliases")).json() == {}
    first = {"gpt-4o-mini": "llama3.2:1b", "gpt-4o": "llama3.2:3b"}
    assert (await admin.put("/admin/aliases", json=first)).json() == first
    second = {"gpt-4o": "llama3.2:1b"}
    assert (await admin.put("/admin/aliases", json=second)).json() == second
    assert (await admin.get("/admin/aliases")).json() == second
    [entry] = (await admin.get("/admin/audit?limit=1")).json()["data"]
    assert (entry["actor"], entry["detail"], entry["address"]) == (
        "root",
        {"gpt-4o": ["llama3.2:1b"]},
        "192.0.2.7",
    )


@pytest.mark.parametrize("body", [{"a": 1}, {"a": None}, {"a": ""}, {"": "b"}, {"a": "b c"}, {"a b": "c"}, [], "x"])
async def test_aliases_that_are_none(admin, body):
    response = await admin.put("/admin/aliases", json=body)
    assert response.status_code == 422
    shape_of(response)


async def test_aliases_are_shown_as_they_count(admin):
    written = {"Library/GPT-4:latest": "llama3.2:1b", "my/Model:V1": "TINY"}
    shown = {"gpt-4": "llama3.2:1b", "my/model:v1": "TINY"}
    assert (await admin.put("/admin/aliases", json=written)).json() == shown
    assert (await admin.get("/admin/aliases")).json() == shown


@pytest.mark.parametrize("second", ["gpt-4", "library/GPT-4", "Gpt-4:Latest"])
async def test_two_spellings_of_one_alias(admin, second):
    before = {"a": "b"}
    await admin.put("/admin/aliases", json=before)
    response = await admin.put("/admin/aliases", json={"GPT-4": "x", second: "y"})
    error = shape_of(response)
    assert (response.status_code, error["param"], error["code"]) == (422, second, "invalid_value")
    assert "'GPT-4'" in error["message"]
    assert (await admin.get("/admin/aliases")).json() == before


async def test_a_price_of_one_upstream_a_tier_and_a_length_stands_beside_the_others(admin):
    longer = PRICE | {"upstream": "azure", "tier": "flex", "above_input_tokens": 200_000}
    added = (await admin.put("/admin/prices", json={"data": [PRICE, longer]})).json()["data"]
    assert [(each["upstream"], each["tier"], each["above_input_tokens"]) for each in added] == [
        (None, None, None),
        ("azure", "flex", 200_000),
    ]
    first = (await admin.get("/admin/prices?limit=1")).json()
    rest = (await admin.get("/admin/prices", params={"after": first["next"]})).json()
    assert first["data"] + rest["data"] == added
    history = (await admin.get("/admin/prices/tiny:latest/history")).json()["data"]
    assert history == added[::-1]


@pytest.mark.parametrize("wrong", [{"above_input_tokens": 0}, {"upstream": "a b"}, {"tier": ""}])
async def test_what_names_no_upstream_tier_or_length(admin, wrong):
    assert (await admin.put("/admin/prices", json=PRICE | wrong)).status_code == 422
