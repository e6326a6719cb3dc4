"""Invoices, as admins see and change them."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import START

CHANGES = ("finalize", "pay", "void", "credit-note")


async def actions(desk):
    return [entry.action for entry in await desk.house.audit() if entry.action.startswith("invoice.")]


def refused(answer, status, code):
    assert answer.status_code == status, answer.text
    error = shape_of(answer)
    assert error["code"] == code
    return error["message"]


async def test_a_month_is_finalized_once(desk, admin, used):
    first = await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    assert first.status_code == 200
    body = first.json()
    assert (body["object"], body["month"], body["issued"], body["already"]) == ("list", "2026-10", 2, 0)
    assert sorted(invoice["number"] for invoice in body["data"]) == ["TK-2026-000001", "TK-2026-000002"]
    assert {invoice["status"] for invoice in body["data"]} == {"finalized"}
    again = await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    assert again.status_code == 200
    assert (again.json()["issued"], again.json()["already"]) == (0, 2)
    assert again.json()["data"] == body["data"]
    assert await actions(desk) == ["invoice.finalize"] * 2


@pytest.mark.parametrize("name", ["alice", "ALICE"])
async def test_of_one_user_only(admin, used, name):
    body = (await admin.post("/admin/invoices/finalize", json={"month": "2026-10", "user_id": name})).json()
    assert [invoice["payer"]["user_id"] for invoice in body["data"]] == ["alice"]
    assert body["issued"] == 1


async def test_by_the_id_of_a_draft(admin, used):
    [draft] = (await admin.get("/admin/invoices?month=2026-10&user=alice")).json()["data"]
    first = await admin.post(f"/admin/invoices/{draft['id']}/finalize")
    assert (first.status_code, first.json()["status"]) == (200, "finalized")
    number = first.json()["number"]
    for name in (draft["id"], number, first.json()["id"]):
        again = await admin.post(f"/admin/invoices/{name}/finalize")
        assert (again.status_code, again.json()) == (200, first.json())


async def test_a_month_that_has_not_ended(admin, used):
    told = refused(await admin.post("/admin/invoices/finalize", json={"month": "2026-11"}), 409, "month_not_ended")
    assert "2026-12-01" in told
    answer = await admin.post("/admin/invoices/draft-2026-11-user-alice/finalize")
    refused(answer, 409, "month_not_ended")


async def test_a_draft_of_nothing(admin, used):
    refused(await admin.post("/admin/invoices/draft-2026-09-user-alice/finalize"), 409, "nothing_open")


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({}, "month"),
        ({"month": "2026-13"}, "month"),
        ({"month": "october"}, "month"),
        ({"month": 202610}, "month"),
        ({"month": "2026-10", "user": "alice"}, "user"),
        ({"month": "2026-10", "user_id": "alice", "team_id": "blue"}, "team_id"),
    ],
)
async def test_what_cannot_be_finalized(admin, used, form, param):
    answer = await admin.post("/admin/invoices/finalize", json=form)
    assert (answer.status_code, shape_of(answer)["param"]) == (422, param)


@pytest.mark.parametrize("form", [{"user_id": "nobody"}, {"team_id": "none"}])
async def test_payers_that_there_are_not(admin, used, form):
    answer = await admin.post("/admin/invoices/finalize", json={"month": "2026-10", **form})
    assert answer.status_code == 404
    shape_of(answer)


async def test_paid(desk, admin, alice, finalized):
    number = finalized["alice"]["number"]
    form = {"reference": "bank 4711", "paid_at": "2026-11-19T10:00:00Z"}
    paid = (await admin.post(f"/admin/invoices/{number}/pay", json=form)).raise_for_status().json()
    assert (paid["status"], paid["reference"], paid["paid_at"]) == ("paid", "bank 4711", "2026-11-19T10:00:00.000Z")
    assert paid["sha256"] == finalized["alice"]["sha256"]
    assert (await alice.get(f"/me/invoices/{number}")).json() == paid
    assert (await actions(desk)).count("invoice.pay") == 1
    told = refused(await admin.post(f"/admin/invoices/{number}/void", json={"reason": "x"}), 409, "invoice_state")
    assert "credit note" in told
    assert (await admin.post(f"/admin/invoices/{number}/pay")).status_code == 409


async def test_paid_without_a_body(admin, finalized):
    paid = (await admin.post(f"/admin/invoices/{finalized['bob']['id']}/pay")).raise_for_status().json()
    assert (paid["status"], paid["reference"]) == ("paid", None)
    assert paid["paid_at"] == "2026-11-20T12:00:00.123Z"
    assert START


async def test_void(desk, admin, alice, finalized):
    number = finalized["alice"]["number"]
    void = (await admin.post(f"/admin/invoices/{number}/void", json={"reason": "wrong address"})).json()
    assert (void["status"], void["reason"], void["number"]) == ("void", "wrong address", number)
    assert (await actions(desk)).count("invoice.void") == 1
    listed = (await alice.get("/me/invoices")).json()["data"]
    assert [(each["status"], each["month"]) for each in listed] == [
        ("draft", "2026-11"), ("draft", "2026-10"), ("void", "2026-10"),
    ]  # fmt: skip
    anew = (await admin.post("/admin/invoices/finalize", json={"month": "2026-10", "user_id": "alice"})).json()
    assert (anew["issued"], anew["data"][0]["number"]) == (1, "TK-2026-000003")
    assert anew["data"][0]["total_exact_usd"] == finalized["alice"]["total_exact_usd"]


async def test_a_credit_note(desk, admin, finalized):
    number = finalized["alice"]["number"]
    told = refused(
        await admin.post(f"/admin/invoices/{number}/credit-note", json={"reason": "x"}), 409, "invoice_state"
    )
    assert "oid" in told
    await admin.post(f"/admin/invoices/{number}/pay", json={})
    answer = await admin.post(f"/admin/invoices/{number}/credit-note", json={"reason": "twice"})
    note = answer.json()
    assert answer.status_code == 201
    assert (note["number"], note["corrects"]) == ("TK-2026-000003", number)
    assert note["total_exact_usd"] == "-" + finalized["alice"]["total_exact_usd"]
    assert (await actions(desk)).count("invoice.credit_note") == 1
    html = await admin.get(f"/admin/invoices/{note['number']}.html")
    assert "Credit note TK-2026-000003" in html.text


@pytest.mark.parametrize("change", ["void", "credit-note"])
async def test_a_reason_must_be_given(admin, finalized, change):
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}, {"reason": 1}):
        answer = await admin.post(f"/admin/invoices/{finalized['alice']['id']}/{change}", json=body)
        assert (answer.status_code, shape_of(answer)["param"]) == (422, "reason")
    answer = await admin.post(f"/admin/invoices/{finalized['alice']['id']}/{change}", json={"reason": " "})
    assert answer.status_code == 422


@pytest.mark.parametrize("change", CHANGES)
async def test_invoices_that_there_are_not(admin, change):
    answer = await admin.post(f"/admin/invoices/inv_none/{change}", json={"reason": "x"} if "o" in change[1:] else {})
    assert answer.status_code == 404
    shape_of(answer)


@pytest.mark.parametrize("change", ["pay", "void", "credit-note"])
async def test_drafts_are_not_changed(admin, used, change):
    body = {} if change == "pay" else {"reason": "x"}
    refused(await admin.post(f"/admin/invoices/draft-2026-10-user-alice/{change}", json=body), 409, "invoice_state")


async def listed(admin, query):
    body = (await admin.get(f"/admin/invoices{query}")).raise_for_status().json()
    return [(each["payer"]["user_id"], each["month"], each["status"]) for each in body["data"]]


async def test_lists(admin, used):
    assert await listed(admin, "") == []
    assert await listed(admin, "?month=2026-10") == [("alice", "2026-10", "draft"), ("bob", "2026-10", "draft")]
    assert await listed(admin, "?status=draft") == [
        ("alice", "2026-11", "draft"), ("alice", "2026-10", "draft"), ("bob", "2026-10", "draft"),
    ]  # fmt: skip
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    await admin.post("/admin/invoices/TK-2026-000001/pay")
    both = await listed(admin, "?month=2026-10")
    assert sorted(both) == [("alice", "2026-10", "paid"), ("bob", "2026-10", "finalized")]
    assert await listed(admin, "") == both
    assert await listed(admin, "?status=paid") == [("alice", "2026-10", "paid")]
    assert await listed(admin, "?user=BOB") == [("bob", "2026-11", "draft"), ("bob", "2026-10", "finalized")]
    assert await listed(admin, "?user=bob&status=finalized") == [("bob", "2026-10", "finalized")]
    assert await listed(admin, "?status=draft&month=2026-10") == []
    assert await listed(admin, "?status=void") == []


async def test_lists_of_a_user_are_the_users_own(admin, alice, used, finalized):
    theirs = (await admin.get("/admin/users/Alice/invoices")).json()
    own = (await alice.get("/me/invoices")).json()
    assert [each["id"] for each in theirs["data"]] == [each["id"] for each in own["data"]]
    assert (await admin.get("/admin/users/nobody/invoices")).status_code == 404
    assert (await admin.get("/admin/teams/none/invoices")).status_code == 404


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("month=2026-1", "month"),
        ("status=open", "status"),
        ("user=a&team=b", "team"),
        ("users=a", "users"),
        ("limit=0", "limit"),
    ],
)
async def test_wrong_filters(admin, query, param):
    answer = await admin.get(f"/admin/invoices?{query}")
    assert (answer.status_code, shape_of(answer)["param"]) == (422, param)


async def test_verify(admin, finalized):
    assert (await admin.get("/admin/invoices/verify")).json() == {"ok": True, "faults": []}
    number = finalized["alice"]["number"]
    assert (await admin.get(f"/admin/invoices/verify?number={number}")).json() == {"ok": True, "faults": []}
    assert (await admin.get("/admin/invoices/verify?number=TK-0")).status_code == 404


async def test_users_may_not(alice):
    for method, path in (
        ("GET", "/admin/invoices"),
        ("GET", "/admin/invoices/x"),
        ("GET", "/admin/invoices/verify"),
        ("GET", "/admin/users/alice/invoices"),
        ("GET", "/admin/teams/blue/invoices"),
        ("POST", "/admin/invoices/finalize"),
        *(("POST", f"/admin/invoices/x/{change}") for change in CHANGES),
    ):
        answer = await alice.request(method, path)
        assert (answer.status_code, shape_of(answer)["code"]) == (403, "forbidden")
