from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import START, record
from tollkeeper.rules.usage import Usage


async def test_a_user_is_made_with_a_first_key(admin, desk):
    response = await admin.post(
        "/admin/users", json={"user_id": "carol", "name": "Carol", "role": "admin", "password": "wonderland"}
    )
    body = response.json()
    key = body.pop("api_key")
    assert response.status_code == 201
    assert body == {
        "user_id": "carol",
        "name": "Carol",
        "role": "admin",
        "status": "active",
        "created_at": "2026-11-20T12:00:00.123Z",
        "team": None,
        "team_admin": False,
        "address": None,
        "tax_id": None,
        "email": None,
    }
    async with desk.client(key) as carol:
        assert (await carol.get("/admin/users/carol")).status_code == 200
        [shown] = (await carol.get("/me/keys")).json()["data"]
    assert shown["name"] == "default"
    assert key not in str(shown)


async def test_a_taken_user_id_is_a_conflict(admin):
    response = await admin.post("/admin/users", json={"user_id": "ALICE"})
    error = shape_of(response)
    assert (response.status_code, error["code"], error["param"]) == (409, "already_exists", "user_id")


async def test_users_are_listed_with_this_months_usage(admin, desk):
    october = START - 30 * 86_400_000
    for number, (at, tokens) in enumerate([(START, 10), (START, 20), (october, 1000)]):
        usage = Usage(prompt_tokens=tokens, completion_tokens=1)
        await desk.house.store.ledger.settle(
            record(request_id=f"req_{number}", created_at=at, usage=usage, cost_pico=123_000_000)
        )
    body = (await admin.get("/admin/users")).json()
    assert [user["user_id"] for user in body["data"]] == ["alice", "bob", "root"]
    assert body["data"][0]["month"] == {"requests": 2, "total_tokens": 32, "cost_usd": "0.000246"}
    assert body["data"][1]["month"] == {"requests": 0, "total_tokens": 0, "cost_usd": "0"}
    assert {key: body[key] for key in ("object", "has_more", "next")} == {
        "object": "list",
        "has_more": False,
        "next": None,
    }
    assert (await admin.get("/admin/users/Alice")).json() == body["data"][0]


async def test_a_month_ends_where_the_next_begins(admin, alice, desk):
    """A clock that was ahead dated records later: they belong to a month that has not come."""
    november, december = 1_793_491_200_000, 1_796_083_200_000
    moments = [november - 1, november, START, december - 1, december, december + 40 * 86_400_000]
    for number, at in enumerate(moments):
        made = record(
            request_id=f"req_{number}", created_at=at, usage=Usage(prompt_tokens=10**number), cost_pico=10**12
        )
        await desk.house.store.ledger.settle(made)
    month = {"requests": 3, "total_tokens": 1110, "cost_usd": "3"}
    assert (await admin.get("/admin/users")).json()["data"][0]["month"] == month
    assert (await admin.get("/admin/users?sort=tokens&order=desc")).json()["data"][0]["month"] == month
    assert (await admin.get("/admin/users/alice")).json()["month"] == month
    assert (await alice.get("/me")).json()["month"] == month


async def test_pages_of_users(admin):
    seen, after = [], ""
    while True:
        page = (await admin.get(f"/admin/users?limit=2{after}")).json()
        seen += [user["user_id"] for user in page["data"]]
        assert page["has_more"] is (page["next"] is not None)
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == ["alice", "bob", "root"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=LI", ["alice"]),
        ("q=o", ["bob", "root"]),
        ("role=admin", ["root"]),
        ("status=closed", ["bob"]),
        ("status=active&role=user", ["alice"]),
        ("q=nobody", []),
    ],
)
async def test_searching(admin, query, found):
    await admin.delete("/admin/users/bob")
    body = (await admin.get(f"/admin/users?{query}")).json()
    assert [user["user_id"] for user in body["data"]] == found


async def test_changing_a_user(admin):
    response = await admin.patch("/admin/users/alice", json={"name": None, "role": "admin", "password": "wonderland"})
    assert response.status_code == 200
    assert response.json()["name"] is None
    assert response.json()["role"] == "admin"
    assert (await admin.patch("/admin/users/alice", json={})).json()["role"] == "admin"
    for body, param in (({"role": None}, "role"), ({"user_id": "x"}, "user_id"), ({"limits": {}}, "limits")):
        response = await admin.patch("/admin/users/alice", json=body)
        assert (response.status_code, shape_of(response)["param"]) == (422, param)
    assert (await admin.patch("/admin/users/nobody", json={"name": "x"})).status_code == 404


@pytest.mark.parametrize("change", [{"status": "suspended"}, {"status": "closed"}, {"role": "user"}])
async def test_nobody_locks_themselves_out(admin, change):
    for user_id in ("root", "ROOT"):
        response = await admin.patch(f"/admin/users/{user_id}", json=change)
        assert (response.status_code, shape_of(response)["code"]) == (409, "own_account")
    assert (await admin.delete("/admin/users/root")).status_code == 409
    assert (await admin.get("/admin/users/root")).json()["status"] == "active"
    assert (await admin.patch("/admin/users/root", json={"name": "The root", "role": "admin"})).status_code == 200


async def test_closing_an_account(admin, alice):
    response = await admin.delete("/admin/users/alice")
    assert (response.status_code, response.json()["status"]) == (200, "closed")
    assert (await alice.get("/me")).status_code == 401
    assert (await admin.delete("/admin/users/alice")).status_code == 200
    response = await admin.patch("/admin/users/alice", json={"status": "active"})
    assert (response.status_code, shape_of(response)["code"]) == (409, "account_closed")
    assert (await admin.get("/admin/users/alice")).json()["status"] == "closed"
    assert (await admin.get("/admin/users/alice/usage")).status_code == 200


async def test_changes_are_in_the_audit_log_with_who_and_from_where(admin):
    await admin.patch("/admin/users/alice", json={"password": "wonderland"})
    response = await admin.get("/admin/audit?limit=1")
    [entry] = response.json()["data"]
    assert entry == {
        "id": entry["id"],
        "at": "2026-11-20T12:00:00.123Z",
        "actor": "root",
        "action": "user.update",
        "target": "alice",
        "detail": {"password": "changed"},
        "address": "192.0.2.7",
    }
    older = (await admin.get(f"/admin/audit?after={response.json()['next']}")).json()
    assert [entry["target"] for entry in older["data"]] == ["root", "bob", "alice"]
    assert older["has_more"] is False
    for wrong in ("x", "-1", "９", "1" * 30):
        response = await admin.get("/admin/audit", params={"after": wrong})
        assert (response.status_code, shape_of(response)["param"]) == (422, "after")
