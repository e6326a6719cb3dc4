"""Alerts and events, for admins, and a user's own."""

from __future__ import annotations

import pytest

from tests.services.in_memory import ROOT
from tollkeeper.services.accounts.accounts import UserChange
from tollkeeper.store.ports.alerts import Alert
from tollkeeper.store.ports.events import Event

EVENTS = [
    Event("evt_1", 1_795_176_000_000, "budget.threshold", '{"percent":80}', "alice"),
    Event("evt_2", 1_795_176_000_001, "upstream.down", '{"upstream":"gpu"}'),
    Event("evt_3", 1_795_176_000_002, "budget.exhausted", '{"percent":100}', "bob"),
]
ALERTS = [
    Alert("user", "alice", "tiny", "cost_usd_per_month", 80, 1, 80, EVENTS[0].at, "evt_1", "alice"),
    Alert("upstream", "gpu", "", "down", 0, 0, 0, EVENTS[1].at, "evt_2"),
    Alert("user", "bob", "", "tokens_total", 100, 0, 100, EVENTS[2].at, "evt_3", "bob"),
]


@pytest.fixture(autouse=True)
async def happened(desk):
    for alert, event in zip(ALERTS, EVENTS, strict=True):
        await desk.services.alerts.open(alert, event)


async def test_open_alerts_come_newest_first(admin):
    found = (await admin.get("/admin/alerts")).json()["data"]
    assert [alert["id"] for alert in found] == ["bob", "gpu", "alice"]
    assert found[2] == {
        "id": "alice",
        "kind": "user",
        "user_id": "alice",
        "team_id": None,
        "limit": "cost_usd_per_month",
        "model": "tiny",
        "percent": 80,
        "since": "2026-11-20T12:00:00.000Z",
        "event_id": "evt_1",
    }
    assert (found[1]["kind"], found[1]["limit"], found[1]["percent"]) == ("upstream", None, None)
    page = (await admin.get("/admin/alerts", params={"limit": 2})).json()
    assert (page["has_more"], page["next"]) == (True, "evt_2")


async def test_a_user_sees_their_own_only(alice):
    assert [alert["id"] for alert in (await alice.get("/me/alerts")).json()["data"]] == ["alice"]
    assert (await alice.get("/admin/alerts")).status_code == 403
    assert (await alice.get("/admin/events")).status_code == 403


async def test_events_come_newest_first_and_by_type_and_user(admin):
    # The users of the desk were made with a key each.
    found = (await admin.get("/admin/events")).json()["data"]
    assert len(found) == 6
    [event] = (await admin.get("/admin/events", params={"type": "upstream.down"})).json()["data"]
    assert event == {
        "id": "evt_2",
        "type": "upstream.down",
        "timestamp": "2026-11-20T12:00:00.001Z",
        "data": {"upstream": "gpu"},
    }
    of_bob = (await admin.get("/admin/events", params={"user_id": "bob"})).json()["data"]
    assert [each["type"] for each in of_bob] == ["budget.exhausted", "key.created"]
    page = (await admin.get("/admin/events", params={"limit": 1})).json()
    assert page["next"] == "evt_3"
    assert (await admin.get("/admin/events", params={"after": "evt_3", "limit": 1})).json()["data"] == [event]


async def test_events_are_found_by_team(admin, desk):
    await desk.services.events.add([Event("evt_4", EVENTS[2].at, "budget.threshold", "{}", team_id="blue")])
    found = (await admin.get("/admin/events", params={"team_id": "blue"})).json()["data"]
    assert [each["id"] for each in found] == ["evt_4"]


async def test_members_of_a_team_see_its_alerts_and_those_of_others_nowhere(alice, desk, admin):
    accounts = desk.house.accounts
    for team in ("blue", "red"):
        await accounts.teams.create(team, ROOT)
        alert = Alert("team", team, "", "tokens_total", 80, 0, 80, EVENTS[2].at, f"evt_{team}", team_id=team)
        await desk.services.alerts.open(alert, Event(alert.event_id, alert.at, "budget.threshold", "{}"))
    assert [alert["id"] for alert in (await alice.get("/me/alerts")).json()["data"]] == ["alice"]
    await accounts.update_user("alice", ROOT, UserChange(team="blue"))
    found = (await alice.get("/me/alerts")).json()["data"]
    assert {(alert["kind"], alert["id"], alert["team_id"]) for alert in found} == {
        ("user", "alice", None),
        ("team", "blue", "blue"),
    }


async def test_a_page_of_events_with_long_invoices_ends_early(admin, desk):
    data = f'{{"lines":"{"x" * 1_000_000}"}}'
    await desk.services.events.add([Event(f"evt_9{i}", EVENTS[2].at, "invoice.finalized", data) for i in range(3)])
    page = (await admin.get("/admin/events", params={"type": "invoice.finalized"})).json()
    assert [each["id"] for each in page["data"]] == ["evt_92", "evt_91"]
    assert (page["has_more"], page["next"]) == (True, "evt_91")
    page = (await admin.get("/admin/events", params={"type": "invoice.finalized", "after": "evt_91"})).json()
    assert [each["id"] for each in page["data"]] == ["evt_90"]


async def test_a_type_that_is_none_is_refused(admin):
    assert (await admin.get("/admin/events", params={"type": "key.made"})).status_code == 422
