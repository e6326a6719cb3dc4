"""The requests behind an invoice."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

from tests.control.desk import shape_of
from tests.control.invoices.conftest import OCTOBER
from tests.services.in_memory import ROOT, START
from tollkeeper.control.calls import RECORD_COLUMNS
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.services.billing import billing


def rows_of(answer):
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def ids_of(rows):
    return [row["request_id"] for row in rows]


async def test_a_row_for_each_request_adds_up_to_the_lines(alice, finalized):
    mine = finalized["alice"]
    answer = await alice.get(f"/me/invoices/{mine['number']}/requests.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{mine["number"]}-requests.csv"'
    assert answer.headers["cache-control"] == "no-store"
    rows = rows_of(answer)
    assert list(rows[0]) == ["invoice_id", "number", "item", "month", *RECORD_COLUMNS]
    assert [(row["invoice_id"], row["number"], row["item"], row["month"]) for row in rows] == [
        (mine["id"], mine["number"], "line", "2026-10")
    ] * 2
    assert ids_of(rows) == ["req_000001", "req_000002"]
    assert {row["user_id"] for row in rows} == {"alice"}
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(mine["total_exact_usd"])


async def test_late_ones_and_corrections_are_there_and_a_teams_are_not(admin, alice, finalized, use):
    await use("alice", created_at=OCTOBER + 77)
    await use("alice", created_at=START, team_id="blue")
    adjustment = {"user_id": "alice", "cost_usd": "-1", "reason": "=SUM(A1)"}
    assert (await admin.post("/admin/adjustments", json=adjustment)).status_code == 201
    rows = rows_of(await alice.get("/me/invoices/draft-2026-11-user-alice/requests.csv"))
    assert [(row["item"], row["month"], row["number"]) for row in rows] == [
        ("line", "2026-11", ""), ("late", "2026-10", ""), ("adjustment", "2026-11", ""),
    ]  # fmt: skip
    draft = (await alice.get("/me/invoices/draft-2026-11-user-alice")).json()
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal(draft["total_exact_usd"])


async def test_all_of_them_however_many(alice, finalized, monkeypatch):
    monkeypatch.setattr(billing, "RECORDS_AT_ONCE", 1)
    rows = rows_of(await alice.get(f"/me/invoices/{finalized['alice']['id']}/requests.csv"))
    assert ids_of(rows) == ["req_000001", "req_000002"]


async def test_of_a_void_one_and_of_a_credit_note_they_stay_the_same(admin, finalized):
    alice, bob = finalized["alice"], finalized["bob"]
    before = [ids_of(rows_of(await admin.get(f"/admin/invoices/{each['id']}/requests.csv"))) for each in (alice, bob)]
    await admin.post(f"/admin/invoices/{alice['id']}/void", json={"reason": "wrong"})
    await admin.post(f"/admin/invoices/{bob['id']}/pay")
    note = (await admin.post(f"/admin/invoices/{bob['id']}/credit-note", json={"reason": "wrong"})).json()
    after = [
        ids_of(rows_of(await admin.get(f"/admin/invoices/{each}/requests.csv"))) for each in (alice["id"], note["id"])
    ]
    assert before == after
    assert before == [["req_000001", "req_000002"], ["req_000003"]]


async def test_pruned_ones_cannot_be_listed(desk, admin, finalized):
    await desk.house.store.ledger.prune(OCTOBER + 2)
    answer = await admin.get(f"/admin/invoices/{finalized['alice']['id']}/requests.csv")
    assert (answer.status_code, shape_of(answer)["code"]) == (409, "records_pruned")


async def test_only_the_payer_sees_them(desk, admin, alice, finalized, use):
    theirs = finalized["bob"]
    for name in (theirs["id"], theirs["number"], "draft-2026-10-user-bob", "draft-2026-11-team-blue", "TK-0"):
        assert (await alice.get(f"/me/invoices/{name}/requests.csv")).status_code == 404
        assert (await alice.get(f"/admin/invoices/{name}/requests.csv")).status_code == 403
    for team in ("blue", "red"):
        await admin.post("/admin/teams", json={"team_id": team})
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team="blue", team_admin=True))
    await use("bob", team_id="blue", created_at=START)
    path = "/admin/teams/blue/invoices/draft-2026-11-team-blue"
    assert [row["user_id"] for row in rows_of(await alice.get(f"{path}/requests.csv"))] == ["bob"]
    assert [row["class"] for row in rows_of(await alice.get(f"{path}.csv"))] == ["input", "output"]
    for path in ("red/invoices/draft-2026-11-team-red", "red/invoices/x"):
        for end in ("/requests.csv", ".csv"):
            assert (await alice.get(f"/admin/teams/{path}{end}")).status_code == 403
    for end in ("/requests.csv", ".csv"):
        assert (await alice.get(f"/admin/teams/blue/invoices/{theirs['id']}{end}")).status_code == 404


async def test_nobody_else_is_served(anyone):
    for path in ("/me/invoices/x", "/admin/invoices/x", "/admin/teams/x/invoices/x"):
        assert (await anyone.get(f"{path}/requests.csv")).status_code == 401
