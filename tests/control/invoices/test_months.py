"""Months, and what stands between each and its close."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tollkeeper.control.invoices.months import before


async def test_months_with_use_newest_first(admin, used):
    body = (await admin.get("/admin/months")).raise_for_status().json()
    assert [month["month"] for month in body["data"]] == ["2026-11", "2026-10"]
    november, october = body["data"]
    assert (november["ended"], november["payers"], november["cost_usd"]) == (False, 1, "0.0501")
    assert october == {
        "month": "2026-10",
        "ended": True,
        "payers": 2,
        "open": 2,
        "finalized": 0,
        "unpaid": 0,
        "paid": 0,
        "cost_usd": "0.1503",
        "open_usd": "0.1503",
        "total_usd": "0.00",
    }


async def test_a_list_ends_where_there_is_nothing(admin, used):
    first = (await admin.get("/admin/months?limit=1")).json()
    assert [month["month"] for month in first["data"]] == ["2026-11"]
    second = (await admin.get(f"/admin/months?limit=1&after={first['next']}")).json()
    assert [month["month"] for month in second["data"]] == ["2026-10"]
    third = (await admin.get(f"/admin/months?limit=1&after={second['next']}")).json()
    assert (third["data"], third["has_more"], third["next"]) == ([], False, None)


async def test_this_month_is_there_before_anybody_used_it(admin):
    body = (await admin.get("/admin/months")).json()
    assert [(month["month"], month["payers"]) for month in body["data"]] == [("2026-11", 0)]
    assert body["has_more"] is False


async def test_a_month_before_and_after_its_close(admin, used):
    open_ = (await admin.get("/admin/months/2026-10")).raise_for_status().json()
    assert (open_["ready"], open_["ended"], open_["running"], open_["open"]) == (True, True, 0, 2)
    assert (open_["journals_behind"], open_["differences"]) == ([], None)
    assert (await admin.get("/admin/months/2026-10?verify=true")).json()["differences"] == []
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    await admin.post("/admin/invoices/TK-2026-000001/pay")
    closed = (await admin.get("/admin/months/2026-10")).json()
    assert (closed["open"], closed["finalized"], closed["paid"], closed["open_usd"]) == (0, 1, 1, "0")
    assert closed["unpaid"] == 1
    assert closed["total_usd"] == "0.15"
    assert (await admin.get("/admin/months/2026-11")).json()["ready"] is False


async def test_payers_of_a_month(admin, used, finalized):
    body = (await admin.get("/admin/months/2026-10/payers")).raise_for_status().json()
    assert [(row["user_id"], row["team_id"], row["number"], row["total_usd"]) for row in body["data"]] == [
        ("alice", None, finalized["alice"]["number"], "0.10"),
        ("bob", None, finalized["bob"]["number"], "0.05"),
    ]
    [november] = (await admin.get("/admin/months/2026-11/payers")).json()["data"]
    assert (november["user_id"], november["open_usd"], november["invoice_id"]) == ("alice", "0.0501", None)


@pytest.mark.parametrize(
    ("status", "wanted"),
    [("draft", []), ("finalized", ["alice", "bob"]), ("unpaid", ["alice", "bob"]), ("paid", []), ("void", [])],
)
async def test_payers_by_the_status_of_their_invoice(admin, used, finalized, status, wanted):
    assert await payers(admin, status) == wanted


async def test_who_has_nothing_to_pay_has_nothing_unpaid(admin, used):
    await admin.post("/admin/credits", json={"user_id": "bob", "amount_usd": "1", "reason": "A gift."})
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    month = (await admin.get("/admin/months/2026-10")).json()
    assert (month["finalized"], month["unpaid"]) == (2, 1)
    rows = {status: await payers(admin, status) for status in ("finalized", "unpaid")}
    assert rows == {"finalized": ["alice", "bob"], "unpaid": ["alice"]}


async def payers(admin, status):
    body = (await admin.get(f"/admin/months/2026-10/payers?status={status}")).raise_for_status().json()
    return [row["user_id"] for row in body["data"]]


async def test_pages_of_payers(admin, used):
    first = (await admin.get("/admin/months/2026-10/payers?limit=1")).json()
    second = (await admin.get(f"/admin/months/2026-10/payers?limit=1&after={first['next']}")).json()
    assert [row["user_id"] for row in first["data"] + second["data"]] == ["alice", "bob"]
    assert (second["has_more"], second["next"]) == (False, None)
    answer = await admin.get("/admin/months/2026-10/payers?after=nonsense")
    assert (answer.status_code, shape_of(answer)["param"]) == (422, "after")


async def test_what_is_no_month(admin, alice):
    for path in ("/admin/months/2026-13", "/admin/months/october", "/admin/months/2026-1/payers"):
        answer = await admin.get(path)
        assert (answer.status_code, shape_of(answer)["param"]) == (422, "month")
    for path in ("/admin/months", "/admin/months/2026-10", "/admin/months/2026-10/payers"):
        assert (await alice.get(path)).status_code == 403


def test_the_month_before():
    assert (before("2026-10"), before("2026-01")) == ("2026-09", "2025-12")
