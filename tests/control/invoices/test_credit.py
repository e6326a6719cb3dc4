"""Credit, prepaid or granted."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of


async def test_credit_is_added_and_taken_back(desk, admin):
    first = await admin.post("/admin/credits", json={"user_id": "ALICE", "amount_usd": 5, "reason": "prepaid"})
    assert first.status_code == 201
    body = first.json()
    assert (body["user_id"], body["team_id"], body["kind"]) == ("alice", None, "granted")
    assert (body["amount_usd"], body["balance_usd"], body["by"]) == ("5", "5", "root")
    form = {"user_id": "alice", "amount_usd": "-1.25", "reason": "too much"}
    assert (await admin.post("/admin/credits", json=form)).json()["balance_usd"] == "3.75"
    found = (await admin.get("/admin/credits?user=alice")).json()
    assert (found["balance_usd"], [entry["amount_usd"] for entry in found["data"]]) == ("3.75", ["-1.25", "5"])
    entries = [entry for entry in await desk.house.audit() if entry.action == "credit.add"]
    assert len(entries) == 2
    assert entries[0].actor == "root"


async def test_never_below_nothing(admin):
    form = {"user_id": "alice", "amount_usd": "-1", "reason": "x"}
    answer = await admin.post("/admin/credits", json=form)
    assert (answer.status_code, shape_of(answer)["code"]) == (409, "insufficient_credit")


async def test_an_invoice_uses_it(admin, used):
    await admin.post("/admin/credits", json={"user_id": "alice", "amount_usd": "0.1", "reason": "prepaid"})
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10", "user_id": "alice"})
    invoice = (await admin.get("/admin/invoices?user=alice&status=finalized")).json()["data"][0]
    assert (invoice["credit_exact_usd"], invoice["total_exact_usd"]) == ("0.1", "0.0002")
    found = (await admin.get("/admin/credits?user=alice")).json()
    assert found["balance_usd"] == "0"
    assert (found["data"][0]["kind"], found["data"][0]["invoice_id"]) == ("applied", invoice["id"])


async def test_pages(admin):
    for amount in (1, 2, 3):
        await admin.post("/admin/credits", json={"user_id": "bob", "amount_usd": amount, "reason": "x"})
    first = (await admin.get("/admin/credits?user=bob&limit=2")).json()
    assert ([entry["amount_usd"] for entry in first["data"]], first["has_more"]) == (["3", "2"], True)
    second = (await admin.get(f"/admin/credits?user=bob&limit=2&after={first['next']}")).json()
    assert ([entry["amount_usd"] for entry in second["data"]], second["next"]) == (["1"], None)
    assert second["balance_usd"] == "6"
    assert (await admin.get("/admin/credits?user=bob&after=x")).status_code == 422


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"amount_usd": 1, "reason": "x"}, "user_id"),
        ({"user_id": "alice", "team_id": "blue", "amount_usd": 1, "reason": "x"}, "team_id"),
        ({"user_id": "alice", "amount_usd": 0, "reason": "x"}, "amount_usd"),
        ({"user_id": "alice", "amount_usd": "1e3", "reason": "x"}, "amount_usd"),
        ({"user_id": "alice", "amount_usd": "0.0000000000001", "reason": "x"}, "amount_usd"),
        ({"user_id": "alice", "amount_usd": 1}, "reason"),
        ({"user_id": "alice", "amount_usd": 1, "reason": ""}, "reason"),
    ],
)
async def test_what_is_no_credit(admin, form, param):
    answer = await admin.post("/admin/credits", json=form)
    assert (answer.status_code, shape_of(answer)["param"]) == (422, param)


async def test_payers_that_there_are_not(admin):
    for form in ({"user_id": "nobody"}, {"team_id": "none"}):
        answer = await admin.post("/admin/credits", json={**form, "amount_usd": 1, "reason": "x"})
        assert answer.status_code == 404
    assert (await admin.get("/admin/credits?user=nobody")).status_code == 404
    answer = await admin.get("/admin/credits")
    assert (answer.status_code, shape_of(answer)["param"]) == (422, "user")


async def test_users_may_not(alice):
    assert (await alice.get("/admin/credits?user=alice")).status_code == 403
    assert (await alice.post("/admin/credits", json={})).status_code == 403
