"""A team's invoices, for admins and for the admins of the team."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.control.invoices.conftest import OCTOBER
from tests.services.in_memory import ROOT
from tollkeeper.services.accounts.accounts import UserChange


@pytest.fixture
async def blue(desk, admin, use):
    """The team of alice, who is an admin of it, and bob, with use of both in October."""
    made = await admin.post("/admin/teams", json={"team_id": "blue", "name": "The Blues"})
    assert made.status_code == 201, made.text
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team="blue", team_admin=True))
    for user_id in ("alice", "bob"):
        await use(user_id, team_id="blue")
    assert OCTOBER


async def test_a_team_pays_for_its_members(alice, admin, blue):
    listed = (await alice.get("/admin/teams/BLUE/invoices")).raise_for_status().json()["data"]
    assert [(each["status"], each["month"]) for each in listed] == [("draft", "2026-11"), ("draft", "2026-10")]
    assert listed[1]["payer"] == {"team_id": "blue", "name": "The Blues", "address": None, "tax_id": None}
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10", "team_id": "Blue"})
    [_, issued] = (await admin.get("/admin/teams/blue/invoices")).json()["data"]
    assert issued["total_exact_usd"] == "0.1002"
    found = await alice.get(f"/admin/teams/blue/invoices/{issued['number']}")
    assert found.json() == issued
    html = await alice.get(f"/admin/teams/blue/invoices/{issued['id']}.html")
    assert "Team blue" in html.text
    assert (await alice.get(f"/me/invoices/{issued['id']}")).status_code == 404


async def test_only_that_teams_are_shown(alice, admin, blue, desk):
    await admin.post("/admin/teams", json={"team_id": "red"})
    for path in ("red/invoices", "red/invoices/x", "none/invoices", "none/invoices/x.html"):
        assert (await alice.get(f"/admin/teams/{path}")).status_code == 403
    for name in ("draft-2026-10-user-bob", "draft-2026-10-team-red", "inv_none"):
        answer = await alice.get(f"/admin/teams/blue/invoices/{name}")
        assert (answer.status_code, shape_of(answer)["param"]) == (404, "invoice_id")


async def test_members_may_not(desk, admin, blue):
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team_admin=False))
    async with desk.client("sk-alice-of-the-control-tests") as client:
        assert (await client.get("/admin/teams/blue/invoices")).status_code == 403


async def test_all_invoices_are_narrowed_to_a_teams(admin, blue, use):
    await use("bob")
    await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})
    data = (await admin.get("/admin/invoices?team=BLUE&status=finalized")).raise_for_status().json()["data"]
    assert [each["payer"]["team_id"] for each in data] == ["blue"]
    [draft] = (await admin.get("/admin/invoices?team=blue&status=draft")).json()["data"]
    assert (draft["payer"]["team_id"], draft["month"]) == ("blue", "2026-11")
    assert (await admin.get("/admin/invoices?team=red")).status_code == 404
