"""A user's own invoices."""

from __future__ import annotations

import csv
import io

import pytest

from tests.control.desk import shape_of
from tollkeeper.wire.invoices.style import POLICY


async def test_the_list_begins_with_the_draft_of_this_month(alice, used):
    body = (await alice.get("/me/invoices")).raise_for_status().json()
    assert (body["object"], body["has_more"], body["next"]) == ("list", False, None)
    # October has ended, and is not finalized.
    assert [(each["status"], each["month"]) for each in body["data"]] == [("draft", "2026-11"), ("draft", "2026-10")]
    november, october = body["data"]
    assert november["number"] is november["issued_at"] is november["sha256"] is None
    assert november["payer"] == {"user_id": "alice", "name": "Alice", "address": None, "tax_id": None}
    assert november["total_exact_usd"] == "0.0501"
    assert october["total_exact_usd"] == "0.1002"
    assert october["seller"]["name"] == "The Lab"
    assert [(line["class"], line["tokens"], line["cost_exact_usd"]) for line in october["lines"]] == [
        ("input", 2_000_000, "0.1"),
        ("output", 2_000, "0.0002"),
    ]


async def test_a_user_who_used_nothing_has_an_empty_draft(alice):
    [draft] = (await alice.get("/me/invoices")).json()["data"]
    assert (draft["status"], draft["lines"], draft["total_usd"]) == ("draft", [], "0.00")


async def test_an_invoice_is_found_by_its_id_and_its_number(alice, finalized):
    mine = finalized["alice"]
    assert mine["number"].startswith("TK-2026-")
    for name in (mine["id"], mine["number"]):
        answer = await alice.get(f"/me/invoices/{name}")
        assert answer.json() == mine
        assert answer.headers["vary"] == "accept, accept-encoding"
        assert answer.headers["cache-control"] == "no-store"
    draft = (await alice.get("/me/invoices")).json()["data"][0]
    assert (await alice.get(f"/me/invoices/{draft['id']}")).json()["lines"] == draft["lines"]


async def test_others_invoices_look_as_if_they_did_not_exist(alice, finalized, used):
    theirs = finalized["bob"]
    names = [theirs["id"], theirs["number"], "draft-2026-11-user-bob", "draft-2026-11-team-blue", "inv_none", "TK-0"]
    told = set()
    for name in names:
        for suffix in ("", ".csv", ".html"):
            answer = await alice.get(f"/me/invoices/{name}{suffix}")
            assert answer.status_code == 404
            told.add(shape_of(answer)["message"].replace(name, "…"))
    assert len(told) == 1


@pytest.mark.parametrize("by", ["suffix", "accept"])
async def test_as_html(alice, finalized, by):
    number = finalized["alice"]["number"]
    answer = await (
        alice.get(f"/me/invoices/{number}.html")
        if by == "suffix"
        else alice.get(f"/me/invoices/{number}", headers={"accept": "text/html,*/*;q=0.8"})
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == f"{POLICY}; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert f"Invoice {number}" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize("by", ["suffix", "accept"])
async def test_as_csv(alice, finalized, by):
    number = finalized["alice"]["number"]
    answer = await (
        alice.get(f"/me/invoices/{number}.csv")
        if by == "suffix"
        else alice.get(f"/me/invoices/{number}", headers={"accept": "text/csv"})
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{number}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["number"], row["class"], row["cost_exact_usd"]) for row in rows] == [
        (number, "input", "0.1"),
        (number, "output", "0.0002"),
    ]


async def test_pages_of_the_list(alice, finalized, used):
    first = (await alice.get("/me/invoices?limit=1")).json()
    assert (first["data"][0]["status"], first["has_more"]) == ("draft", True)
    second = (await alice.get(f"/me/invoices?limit=1&after={first['next']}")).json()
    assert [each["number"] for each in second["data"]] == [finalized["alice"]["number"]]
    assert (second["has_more"], second["next"]) == (False, None)
    answer = await alice.get("/me/invoices?after=draft:nonsense")
    assert (answer.status_code, shape_of(answer)["param"]) == (422, "after")


async def test_credit(alice, admin):
    given = {"user_id": "alice", "amount_usd": "2.5", "reason": "prepaid"}
    assert (await admin.post("/admin/credits", json=given)).status_code == 201
    body = (await alice.get("/me/credits")).json()
    assert body["balance_usd"] == "2.5"
    assert [(entry["kind"], entry["amount_usd"], entry["reason"]) for entry in body["data"]] == [
        ("granted", "2.5", "prepaid")
    ]


async def test_nobody_else_is_served(anyone):
    for path in ("/me/invoices", "/me/invoices/x", "/me/invoices/x.csv", "/me/invoices/x.html", "/me/credits"):
        assert (await anyone.get(path)).status_code == 401
