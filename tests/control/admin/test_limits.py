from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import START
from tollkeeper.rules.limits import COUNTED, NO_LIMITS
from tollkeeper.store.ports.counters import LimitStatus

ALICE = "/admin/users/alice/limits"
DEFAULTS = "/admin/limits/defaults"
NONE: dict[str, Any] = dict.fromkeys(
    (*COUNTED, "max_concurrent_requests", "max_tokens_per_request", "queue_weight", "allowed_models", "alerts")
)
JSON = {"content-type": "application/json"}


async def test_every_field_is_shown_and_none_is_set(admin):
    nothing = {**NONE, "models": {}}
    assert (await admin.get(DEFAULTS)).json() == nothing
    assert (await admin.get(ALICE)).json() == {**nothing, "usage": {}}


async def test_a_change_merges_and_null_clears(admin):
    assert (await admin.put(ALICE, json={"tokens_per_day": 1000, "requests_per_minute": 0})).status_code == 200
    response = await admin.put(ALICE, json={"tokens_per_day": None, "max_concurrent_requests": 2})
    wanted = {**NONE, "models": {}, "requests_per_minute": 0, "max_concurrent_requests": 2}
    assert response.json() == wanted
    assert (await admin.get("/admin/users/ALICE/limits")).json() == {**wanted, "usage": {}}
    assert (await admin.put(ALICE, json={})).json() == wanted


async def test_models_merge_one_level_by_canonical_name(admin):
    await admin.put(ALICE, json={"models": {"library/Tiny:1B": {"requests_total": 5}, "b": {"requests_total": 1}}})
    body = (await admin.put(ALICE, json={"models": {"tiny:1b": {"tokens_total": 7}, "b": None}})).json()
    assert {name: value for name, value in body["models"]["tiny:1b"].items() if value is not None} == {
        "requests_total": 5,
        "tokens_total": 7,
    }
    assert list(body["models"]) == ["tiny:1b"]
    body = (await admin.put(ALICE, json={"models": {"new": {}, "tiny:1b": {"requests_total": None}}})).json()
    assert list(body["models"]) == ["tiny:1b"]
    body = (await admin.put(ALICE, json={"models": {"tiny:1b": {"tokens_total": None}}})).json()
    assert body["models"] == {}
    body = (await admin.put(ALICE, json={"models": None, "allowed_models": ["A", "a", "Library/b"]})).json()
    assert (body["models"], body["allowed_models"]) == ({}, ["a", "b"])
    assert (await admin.put(ALICE, json={"allowed_models": []})).json()["allowed_models"] == []


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("0.1", "0.1"),
        ('"0.1"', "0.1"),
        ("0.30000000000000004", None),
        ("0.123456789012", "0.123456789012"),
        ("123456789012.123456789012", "123456789012.123456789012"),
        ("5.0", "5"),
        ("1e-12", "1E-12"),
        ("0", "0"),
    ],
)
async def test_cost_is_a_number_of_json_and_exact(admin, sent, shown):
    response = await admin.put(ALICE, content=f'{{"cost_usd_per_day": {sent}}}', headers=JSON)
    if shown is None:
        assert (response.status_code, shape_of(response)["param"]) == (422, "cost_usd_per_day")
        return
    for answer in (response, await admin.get(ALICE)):
        assert f'"cost_usd_per_day":{shown},' in answer.text
        assert json.loads(answer.text, parse_float=Decimal)["cost_usd_per_day"] == Decimal(shown)


@pytest.mark.parametrize("place", [ALICE, DEFAULTS])
@pytest.mark.parametrize(
    ("sent", "param"),
    [
        ('{"tokens_per_week": 1}', "tokens_per_week"),
        ('{"usage": {}}', "usage"),
        ('{"tokens_per_day": -1}', "tokens_per_day"),
        ('{"tokens_per_day": 1.5}', "tokens_per_day"),
        ('{"tokens_per_day": "5"}', "tokens_per_day"),
        ('{"tokens_per_day": true}', "tokens_per_day"),
        ('{"tokens_per_day": 1e999}', "tokens_per_day"),
        ('{"cost_usd_total": -0.5}', "cost_usd_total"),
        ('{"cost_usd_total": "NaN"}', "cost_usd_total"),
        ('{"cost_usd_total": 1e-13}', "cost_usd_total"),
        ('{"cost_usd_total": 1e-999999999}', "cost_usd_total"),
        ('{"cost_usd_total": "0.00000000000000000000000000000000001"}', "cost_usd_total"),
        ('{"cost_usd_total": 1.' + "0" * 120 + "1}", "cost_usd_total"),
        ('{"cost_usd_total": []}', "cost_usd_total"),
        ('{"queue_weight": 0}', "queue_weight"),
        ('{"queue_weight": 101}', "queue_weight"),
        ('{"allowed_models": "a"}', "allowed_models"),
        ('{"allowed_models": ["a b"]}', "allowed_models"),
        ('{"models": {"tiny": {"tokens_per_day": -1}}}', "models.tiny.tokens_per_day"),
        ('{"models": {"tiny": {"max_concurrent_requests": 1}}}', "models.tiny.max_concurrent_requests"),
        ('{"models": {"tiny": 5}}', "models.tiny"),
        ('{"models": {"tiny*": {}}}', "models"),
        ('{"models": {"A": {}, "a": {}}}', "models"),
        ("[]", None),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(admin, place, sent, param):
    await admin.put(place, json={"tokens_per_day": 9})
    response = await admin.put(place, content=sent, headers=JSON)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)
    assert (await admin.get(place)).json()["tokens_per_day"] == 9


async def test_limits_of_nobody_and_of_a_closed_account(admin):
    assert (await admin.get("/admin/users/nobody/limits")).status_code == 404
    assert (await admin.put("/admin/users/nobody/limits", json={})).status_code == 404
    await admin.delete("/admin/users/alice")
    assert shape_of(await admin.put(ALICE, json={}))["code"] == "account_closed"


async def test_limits_are_for_admins(alice):
    assert (await alice.put(ALICE, json={"tokens_per_day": None})).status_code == 403


async def test_new_users_get_the_defaults_and_keep_them(admin, desk):
    await admin.put(DEFAULTS, json={"tokens_per_day": 10, "requests_total": 3})
    await admin.post("/admin/users", json={"user_id": "carol"})
    await admin.post("/admin/users", json={"user_id": "dave", "limits": {"tokens_per_day": None, "tokens_total": 7}})
    await admin.put(DEFAULTS, json={"tokens_per_day": 99})
    accounts = desk.house.accounts
    assert accounts.user("carol").limits.counts == {"tokens_per_day": 10, "requests_total": 3}
    assert accounts.user("dave").limits.counts == {"requests_total": 3, "tokens_total": 7}
    assert accounts.user("alice").limits == NO_LIMITS
    response = await admin.post("/admin/users", json={"user_id": "erin", "limits": {"models": {"a": {"x": 1}}}})
    assert (response.status_code, shape_of(response)["param"]) == (422, "limits.models.a.x")
    assert (await admin.get("/admin/users/erin")).status_code == 404


async def test_usage_is_shown_to_the_user_and_to_admins(admin, alice, desk):
    desk.usage.table = {
        "tokens_per_day": LimitStatus("tokens_per_day", 1000, 300, 40, START + 60_000),
        "cost_usd_total": LimitStatus("cost_usd_total", 5 * 10**11, 123, 0, None),
    }
    await admin.put(ALICE, json={"tokens_per_day": 1000})
    shown = {
        "tokens_per_day": {
            "limit": 1000,
            "used": 300,
            "reserved": 40,
            "remaining": 660,
            "resets_at": "2026-11-20T12:01:00.123Z",
        },
        "cost_usd_total": {
            "limit": Decimal("0.5"),
            "used": Decimal("0.000000000123"),
            "reserved": 0,
            "remaining": Decimal("0.499999999877"),
            "resets_at": None,
        },
    }
    for response in (await admin.get(ALICE), await alice.get("/me")):
        assert json.loads(response.text, parse_float=Decimal)["usage"] == shown
    assert (await alice.get("/me")).json()["limits"]["tokens_per_day"] == 1000
    assert [owner.id for owner in desk.usage.asked] == ["alice"] * 3


async def test_keys_have_limits_of_their_own(admin, alice, desk):
    made = (await admin.post("/admin/users/alice/keys", json={"limits": {"cost_usd_per_month": 0.1}})).json()
    assert made["limits"] == {**NONE, "models": {}, "cost_usd_per_month": 0.1}
    response = await admin.patch(f"/admin/keys/{made['id']}", json={"limits": {"requests_total": 5}, "name": "x"})
    wanted = {**NONE, "models": {}, "cost_usd_per_month": 0.1, "requests_total": 5}
    assert (response.json()["name"], response.json()["limits"]) == ("x", wanted)
    assert (await admin.patch(f"/admin/keys/{made['id']}", json={"name": "y"})).json()["limits"] == wanted
    rotated = (await alice.post(f"/me/keys/{made['id']}/rotate")).json()
    assert rotated["limits"] == wanted
    listed = (await alice.get("/me/keys")).json()["data"]
    assert [key["limits"] for key in listed] == [{**NONE, "models": {}}, wanted, wanted]
    assert (await admin.patch(f"/admin/keys/{made['id']}", json={"limits": None})).json()["limits"] == listed[0][
        "limits"
    ]
    response = await admin.patch(f"/admin/keys/{made['id']}", json={"limits": {"requests_total": -5}})
    assert (response.status_code, shape_of(response)["param"]) == (422, "limits.requests_total")
    assert (await alice.post("/me/keys", json={"limits": {"requests_total": 1}})).json()["limits"][
        "requests_total"
    ] == 1


async def test_changes_are_in_the_audit_log(admin):
    await admin.put(ALICE, json={"cost_usd_per_day": "0.10", "models": {"tiny": {"requests_total": 1}}})
    await admin.put(DEFAULTS, json={"tokens_per_day": 5})
    newest, before = (await admin.get("/admin/audit?limit=2")).json()["data"]
    assert (newest["action"], newest["actor"]) == ("limits.defaults", "root")
    assert newest["detail"] == {"limits": {"tokens_per_day": 5}}
    assert (before["action"], before["target"]) == ("user.limits", "alice")
    assert before["detail"] == {"limits": {"cost_usd_per_day": "0.1", "models": {"tiny": {"requests_total": 1}}}}
