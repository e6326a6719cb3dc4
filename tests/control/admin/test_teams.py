"""Teams, as admins manage them, and as admins of a team see it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.desk import Desk, shape_of
from tests.services.in_memory import ROOT, START, record
from tollkeeper.rules.usage import Usage
from tollkeeper.services.accounts.accounts import UserChange

BLUE = "/admin/teams/blue"


@pytest.fixture
async def blue(desk: Desk) -> None:
    """alice is in blue, with up to 1000 tokens a day; so is boss, its admin; bob is in red."""
    for team in ("blue", "red"):
        await desk.house.accounts.teams.create(team, ROOT, limits={"tokens_per_day": 1000})
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team="blue"))
    await desk.house.accounts.update_user("bob", ROOT, UserChange(team="red"))
    await desk.house.accounts.create_user("boss", ROOT, team="blue", team_admin=True, secret="sk-boss-of-blue")


@pytest.fixture
async def boss(desk: Desk, blue: None):
    async with desk.client("sk-boss-of-blue", "192.0.2.8") as client:
        yield client


async def used(desk: Desk, number: int, **fields: Any) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=number)
    await desk.house.store.ledger.settle(record(request_id=f"req_{number}", usage=usage, **fields))


async def test_a_team_is_made_with_its_limits(admin):
    response = await admin.post(
        "/admin/teams", json={"team_id": "blue", "name": "Blue", "address": "1 Sea Road\nSeatown", "tax_id": "XX-1",
                              "limits": {"cost_usd_per_month": "12.50"}},
    )  # fmt: skip
    assert response.status_code == 201
    body = response.json()
    assert body.pop("limits")["cost_usd_per_month"] == 12.5
    assert body == {
        "team_id": "blue",
        "name": "Blue",
        "address": "1 Sea Road\nSeatown",
        "tax_id": "XX-1",
        "status": "active",
        "created_at": "2026-11-20T12:00:00.123Z",
        "closed_at": None,
        "members": 0,
    }


@pytest.mark.parametrize(
    ("form", "status", "param"),
    [
        ({}, 422, "team_id"),
        ({"team_id": "-x"}, 422, "team_id"),
        ({"team_id": "a/b"}, 422, "team_id"),
        ({"team_id": "a" * 65}, 422, "team_id"),
        ({"team_id": 5}, 422, "team_id"),
        ({"team_id": "green", "colour": "green"}, 422, "colour"),
        ({"team_id": "green", "name": ""}, 422, "name"),
        ({"team_id": "green", "name": "a\nb"}, 422, "name"),
        ({"team_id": "green", "limits": {"tokens_per_day": -1}}, 422, "limits.tokens_per_day"),
        ({"team_id": "green", "limits": {"tokens_per_year": 1}}, 422, "limits.tokens_per_year"),
        ({"team_id": "BLUE"}, 409, "team_id"),
    ],
)
async def test_a_team_that_cannot_be_made(admin, blue, form, status, param):
    response = await admin.post("/admin/teams", json=form)
    assert (response.status_code, shape_of(response)["param"]) == (status, param)


async def test_teams_are_listed_with_this_month_s_usage(admin, desk, blue):
    await used(desk, 1, team_id="blue", cost_pico=5)
    await used(desk, 2, team_id="blue", created_at=START - 30 * 86_400_000)
    await used(desk, 3)
    body = (await admin.get("/admin/teams")).json()
    assert [team["team_id"] for team in body["data"]] == ["blue", "red"]
    assert body["total"] == 2
    first = body["data"][0]
    assert first["month"] == {"requests": 1, "total_tokens": 11, "cost_usd": "0.000000000005"}
    assert (first["members"], first["usage"]) == (2, {})
    assert (await admin.get("/admin/teams/Blue")).json() == first
    assert [team["team_id"] for team in (await admin.get("/admin/teams?q=RE")).json()["data"]] == ["red"]
    page = (await admin.get("/admin/teams?limit=1")).json()
    assert (page["has_more"], page["next"]) == (True, "blue")
    assert [team["team_id"] for team in (await admin.get("/admin/teams?after=blue")).json()["data"]] == ["red"]
    assert (await admin.get("/admin/teams?after=green")).status_code == 422


async def test_a_team_is_changed_and_closed(admin, desk, blue):
    response = await admin.patch(BLUE, json={"name": "Bleu", "address": "x"})
    assert (response.json()["name"], response.json()["address"]) == ("Bleu", "x")
    assert (await admin.patch(BLUE, json={"address": None})).json()["address"] is None
    assert (await admin.patch(BLUE, json={"team_id": "green"})).status_code == 422
    refused = await admin.delete(BLUE)
    assert (refused.status_code, shape_of(refused)["code"]) == (409, "team_has_members")
    for user in ("alice", "boss"):
        assert (await admin.patch(f"/admin/users/{user}", json={"team": None})).json()["team"] is None
    closed = await admin.delete(BLUE)
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert closed.json()["closed_at"] == "2026-11-20T12:00:00.123Z"
    refused = await admin.patch("/admin/users/alice", json={"team": "blue"})
    assert (refused.status_code, shape_of(refused)["code"]) == (409, "team_closed")
    assert (await admin.get("/admin/teams?status=active")).json()["total"] == 1
    assert (await admin.get(BLUE)).status_code == 200


@pytest.mark.parametrize("path", ["", "/members", "/limits", "/usage", "/usage/summary"])
async def test_a_team_that_does_not_exist(admin, path):
    response = await admin.get(f"/admin/teams/green{path}")
    assert (response.status_code, shape_of(response)["param"]) == (404, "team_id")


async def test_a_user_is_made_in_a_team_moved_and_taken_out(admin, blue):
    fields = {"team": "BLUE", "team_admin": True, "address": "a\nb", "tax_id": "t", "email": "carol@example.com"}
    made = (await admin.post("/admin/users", json={"user_id": "carol", **fields})).json()
    assert {name: made[name] for name in fields} == fields | {"team": "blue"}
    moved = (await admin.patch("/admin/users/carol", json={"team": "red"})).json()
    assert (moved["team"], moved["team_admin"]) == ("red", False)
    gone = (await admin.patch("/admin/users/carol", json=dict.fromkeys(("team", "address", "tax_id", "email")))).json()
    assert [gone[name] for name in ("team", "address", "tax_id", "email")] == [None] * 4


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"team": "green"}, "team"),
        ({"team": ""}, "team"),
        ({"team": 5}, "team"),
        ({"team": None, "team_admin": True}, "team_admin"),
        ({"team_admin": None}, "team_admin"),
        ({"email": "carol"}, "email"),
        ({"email": "a@b\n"}, "email"),
        ({"email": "Carol <carol@example.com>"}, "email"),
        ({"tax_id": "a\nb"}, "tax_id"),
        ({"address": ""}, "address"),
    ],
)
async def test_a_field_of_a_user_that_is_wrong(admin, blue, form, param):
    response = await admin.patch("/admin/users/alice", json=form)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


async def test_users_are_listed_by_team(admin, blue):
    for query, found in (("BLUE", ["alice", "boss"]), ("red", ["bob"]), ("", ["root"]), ("green", [])):
        body = (await admin.get(f"/admin/users?team={query}")).json()
        assert [user["user_id"] for user in body["data"]] == found


async def test_members_are_listed_with_their_usage(admin, blue):
    body = (await admin.get(f"{BLUE}/members?limit=1")).json()
    assert [user["user_id"] for user in body["data"]] == ["alice"]
    assert (body["total"], body["next"]) == (2, "alice")
    assert body["data"][0] == (await admin.get("/admin/users/alice")).json()
    assert [user["user_id"] for user in (await admin.get(f"{BLUE}/members?after=alice")).json()["data"]] == ["boss"]


async def test_a_team_s_limits_merge(admin, desk, blue):
    body = (await admin.put(f"{BLUE}/limits", json={"requests_per_day": 0})).json()
    assert (body["tokens_per_day"], body["requests_per_day"]) == (1000, 0)
    body = (await admin.get(f"{BLUE}/limits")).json()
    assert (body["requests_per_day"], body["usage"]) == (0, {})
    assert desk.usage.asked[-1] is not None
    assert desk.usage.asked[-1].scope == ("team", "blue")
    response = await admin.put(f"{BLUE}/limits", json={"tokens_per_year": 1})
    assert (response.status_code, shape_of(response)["param"]) == (422, "tokens_per_year")


async def test_a_team_s_records_are_those_made_in_it(admin, desk, blue):
    await used(desk, 1, team_id="blue")
    await used(desk, 2, team_id="blue", user_id="bob")
    await used(desk, 3)
    await used(desk, 4, team_id="red", user_id="bob")
    for path in (f"{BLUE}/usage", "/admin/usage?team=BLUE"):
        body = (await admin.get(path)).json()
        assert [(found["request_id"], found["team_id"]) for found in body["data"]] == [
            ("req_2", "blue"),
            ("req_1", "blue"),
        ]
        assert body["totals"]["requests"] == 2
    assert [found["request_id"] for found in (await admin.get("/admin/usage?team=")).json()["data"]] == ["req_3"]
    assert (await admin.get("/admin/usage?team=green")).json()["data"] == []
    assert [found["request_id"] for found in (await admin.get(f"{BLUE}/usage?user_id=BOB")).json()["data"]] == ["req_2"]
    assert (await admin.get("/admin/usage.csv?team=red")).text.count("\r\n") == 2
    assert (await admin.get(f"{BLUE}/usage?team=red")).status_code == 422


async def test_sums_by_team(admin, desk, blue):
    await used(desk, 1, team_id="blue")
    await used(desk, 2, team_id="blue", user_id="bob")
    await used(desk, 3)
    body = (await admin.get("/admin/usage/summary?group_by=team")).json()
    assert [(row["team_id"], row["requests"]) for row in body["data"]] == [(None, 1), ("blue", 2)]
    assert "team_id" not in body
    body = (await admin.get(f"{BLUE}/usage/summary?group_by=user")).json()
    assert [(row["user_id"], row["requests"]) for row in body["data"]] == [("alice", 1), ("bob", 1)]
    assert (body["team_id"], body["user_id"], body["total"]["requests"]) == ("blue", None, 2)
    assert (await admin.get("/admin/usage/summary?team=")).json()["total"]["requests"] == 1
    assert (await admin.get(f"{BLUE}/usage/summary?group_by=team")).status_code == 422


async def test_a_user_sees_their_team_and_what_is_left_of_its_limits(alice, desk, blue):
    body = (await alice.get("/me")).json()
    assert (body["team"], body["team_name"], body["team_usage"]) == ("blue", None, {})
    assert body["team_limits"]["tokens_per_day"] == 1000
    await desk.house.accounts.update_user("alice", ROOT, UserChange(team=None))
    body = (await alice.get("/me")).json()
    assert [body[name] for name in ("team", "team_name", "team_limits", "team_usage")] == [None] * 4


async def test_changes_are_in_the_audit_log_with_their_author(admin, boss):
    await admin.put(f"{BLUE}/limits", json={"requests_per_day": 5})
    await boss.put("/admin/users/alice/limits", json={"tokens_per_day": 7})
    newest = (await admin.get("/admin/audit?limit=2")).json()["data"]
    assert [(entry["actor"], entry["action"], entry["target"], entry["address"]) for entry in newest] == [
        ("boss", "user.limits", "alice", "192.0.2.8"),
        ("root", "team.limits", "blue", "192.0.2.7"),
    ]


async def test_an_admin_of_a_team_sees_it(boss, desk):
    await used(desk, 1, team_id="blue")
    await used(desk, 2, team_id="red", user_id="bob")
    assert (await boss.get(BLUE)).json()["members"] == 2
    assert [user["user_id"] for user in (await boss.get(f"{BLUE}/members")).json()["data"]] == ["alice", "boss"]
    assert (await boss.get(f"{BLUE}/limits")).json()["tokens_per_day"] == 1000
    assert (await boss.get(f"{BLUE}/usage")).json()["totals"]["requests"] == 1
    assert (await boss.get(f"{BLUE}/usage/summary?group_by=user,day")).json()["total"]["requests"] == 1
    of_another = (await boss.get(f"{BLUE}/usage/summary?user_id=bob&group_by=endpoint&compare=true")).json()
    assert (of_another["data"], of_another["total"]["requests"], of_another["total"]["refused"]) == ([], 0, None)
    assert (await boss.get(f"{BLUE}/usage/summary?team=red")).status_code == 422
    assert (await boss.get("/admin/usage/summary.csv")).status_code == 403
    assert (await boss.get("/admin/users/alice/limits")).status_code == 200
    assert (await boss.get("/admin/users/boss/limits")).status_code == 200


async def test_an_admin_of_a_team_limits_its_members_within_its_limits(boss, alice):
    response = await boss.put("/admin/users/alice/limits", json={"tokens_per_day": 1000, "requests_per_day": 3})
    assert (response.status_code, response.json()["requests_per_day"]) == (200, 3)
    response = await boss.put("/admin/users/alice/limits", json={"tokens_per_day": 1001})
    error = shape_of(response)
    assert (response.status_code, error["param"]) == (422, "tokens_per_day")
    assert "1000" in error["message"]
    assert "1001" in error["message"]
    assert (await boss.put("/admin/users/alice/limits", json={"tokens_per_day": None})).status_code == 200
    assert (await alice.get("/me")).json()["limits"]["tokens_per_day"] is None
    response = await boss.put("/admin/users/alice/limits", json={"tokens_per_year": 1})
    assert (response.status_code, shape_of(response)["param"]) == (422, "tokens_per_year")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/teams"),
        ("POST", "/admin/teams"),
        ("PATCH", BLUE),
        ("DELETE", BLUE),
        ("PUT", f"{BLUE}/limits"),
        ("GET", "/admin/teams/red"),
        ("GET", "/admin/teams/red/members"),
        ("GET", "/admin/teams/red/limits"),
        ("GET", "/admin/teams/red/usage"),
        ("GET", "/admin/teams/red/usage/summary"),
        ("GET", "/admin/teams/green"),
        ("GET", "/admin/users/bob/limits"),
        ("PUT", "/admin/users/bob/limits"),
        ("GET", "/admin/users/root/limits"),
        ("PUT", "/admin/users/root/limits"),
        ("GET", "/admin/users/nobody/limits"),
        ("PUT", "/admin/users/nobody/limits"),
        ("PUT", "/admin/users/boss/limits"),
        ("GET", "/admin/users/alice"),
        ("PATCH", "/admin/users/alice"),
        ("DELETE", "/admin/users/alice"),
        ("GET", "/admin/users/alice/keys"),
        ("POST", "/admin/users/alice/keys"),
        ("GET", "/admin/users/alice/usage"),
        ("GET", "/admin/users"),
        ("GET", "/admin/usage"),
        ("GET", "/admin/limits/defaults"),
        ("GET", "/admin/audit"),
    ],
)
async def test_an_admin_of_a_team_does_nothing_else(boss, desk, method, path):
    before = await desk.house.audit()
    response = await boss.request(method, path, json={} if method in ("POST", "PUT", "PATCH") else None)
    assert (response.status_code, shape_of(response)["code"]) == (403, "forbidden")
    assert await desk.house.audit() == before


async def test_other_teams_and_their_members_look_as_if_they_did_not_exist(boss):
    for paths in (
        ("/admin/teams/red", "/admin/teams/green"),
        ("/admin/users/bob/limits", "/admin/users/nobody/limits", "/admin/users/root/limits"),
    ):
        assert len({(await boss.get(path)).text for path in paths}) == 1


async def test_a_member_who_is_no_admin_sees_nothing_of_the_team(alice, blue):
    for path in ("", "/members", "/limits", "/usage", "/usage/summary"):
        response = await alice.get(f"{BLUE}{path}")
        assert (response.status_code, shape_of(response)["code"]) == (403, "forbidden")
    assert (await alice.get("/admin/users/alice/limits")).status_code == 403


async def test_an_admin_of_a_team_who_is_moved_or_suspended_is_one_no_longer(boss, admin):
    await admin.patch("/admin/users/boss", json={"status": "suspended"})
    assert (await boss.get(BLUE)).status_code == 403
    await admin.patch("/admin/users/boss", json={"status": "active", "team": "red"})
    assert (await boss.get(BLUE)).status_code == 403
    assert (await boss.get("/admin/teams/red")).status_code == 403


async def test_members_who_are_admins_are_not_a_team_admin_s_to_see(boss, admin):
    await admin.patch("/admin/users/root", json={"team": "blue"})
    assert [user["user_id"] for user in (await boss.get(f"{BLUE}/members")).json()["data"]] == ["alice", "boss"]
    assert (await admin.get(f"{BLUE}/members")).json()["total"] == 3
    response = await boss.put("/admin/users/root/limits", json={"requests_per_day": 0})
    assert (response.status_code, shape_of(response)["code"]) == (403, "forbidden")
