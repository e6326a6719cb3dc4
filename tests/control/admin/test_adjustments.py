from __future__ import annotations

from typing import Any

import pytest

from tests.control.desk import shape_of

NO_AMOUNTS: list[Any] = [
    0, "0", "x", "", "NaN", True, None, [], 1e-13, 1000001, "1" * 30, "1_0", " 1 ", "1\n", "１", "1e2", "+1", ".5", "-",
]  # fmt: skip
REFUND: dict[str, Any] = {"user_id": "ALICE", "cost_usd": "-1.50", "reason": "a batch that failed"}


@pytest.mark.parametrize(
    ("figure", "pico"), [("-1.50", -15 * 10**11), (0.1, 10**11), (-0.000001, -(10**6)), (1000000, 10**18)]
)
async def test_a_correction_is_a_new_record(admin, desk, figure, pico):
    response = await admin.post("/admin/adjustments", json={**REFUND, "cost_usd": figure})
    assert response.status_code == 201
    [(user_id, cost, reason, by)] = desk.adjusted
    assert (user_id, cost, reason, by.name, by.address) == ("alice", pico, REFUND["reason"], "root", "192.0.2.7")
    [listed] = (await admin.get("/admin/users/alice/usage")).json()["data"]
    assert response.json() == listed
    assert (listed["endpoint"], listed["metadata"]) == ("adjustment", {"reason": REFUND["reason"]})


async def test_it_is_in_the_audit_log(admin):
    await admin.post("/admin/adjustments", json=REFUND)
    [entry] = (await admin.get("/admin/audit?limit=1")).json()["data"]
    assert (entry["actor"], entry["action"], entry["target"]) == ("root", "adjustment.create", "alice")
    assert entry["detail"] == {"cost_usd": "-1.5", "reason": REFUND["reason"]}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        *(({"cost_usd": figure}, "cost_usd") for figure in NO_AMOUNTS),
        ({"cost_usd": "0.1000000000000000000000000000000000001"}, "cost_usd"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"user_id": 5}, "user_id"),
        ({"note": "x"}, "note"),
    ],
)
async def test_an_adjustment_that_is_wrong(admin, desk, change, param):
    response = await admin.post("/admin/adjustments", json={**REFUND, **change})
    assert (response.status_code, shape_of(response)["param"]) == (422, param)
    assert desk.adjusted == []


async def test_of_nobody_and_by_nobody(admin, alice, desk):
    assert (await admin.post("/admin/adjustments", json={**REFUND, "user_id": "nobody"})).status_code == 404
    assert (await alice.post("/admin/adjustments", json=REFUND)).status_code == 403
    assert desk.adjusted == []


async def test_an_amount_beyond_decimals_is_422(admin, desk):
    body = b'{"user_id": "ALICE", "cost_usd": 1e999999, "reason": "a slip"}'
    response = await admin.post("/admin/adjustments", content=body)
    assert (response.status_code, shape_of(response)["param"]) == (422, "cost_usd")
    assert desk.adjusted == []
