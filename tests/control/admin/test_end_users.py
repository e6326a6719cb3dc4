"""Keys that act for others, and the people they act for, as admins and their owners manage them."""

from __future__ import annotations

import pytest

from tests.control.desk import ALICE_KEY, shape_of
from tollkeeper.rules.limits import NO_LIMITS, Limits
from tollkeeper.store.ports.accounts import Acting

PATH = "/admin/users/alice/keys"
NOT_ACTING = {
    "acts_for": None,
    "acts_from": None,
    "acts_for_create": None,
    "acts_for_max": None,
    "acts_for_limits": None,
}


def acting_of(body):
    return {name: body[name] for name in NOT_ACTING}


@pytest.fixture
async def mia(desk):
    """One of alice's, with a limit."""
    acting = Acting(limits=Limits(counts={"requests_per_day": 5}))
    owner = await desk.house.accounts.end_users.named("alice", "mia@example.org", acting)
    return owner.id


async def test_an_admin_makes_a_key_that_acts_for_others(admin, alice):
    made = await admin.post(PATH, json={"acts_for": "users"})
    assert made.status_code == 201
    body = made.json()
    assert acting_of(body) == {
        "acts_for": "users",
        "acts_from": "headers",
        "acts_for_create": True,
        "acts_for_max": 10_000,
        "acts_for_limits": NO_LIMITS.body(),
    }
    own = (await alice.get("/me/keys")).json()["data"]
    assert [acting_of(key) for key in own] == [NOT_ACTING, acting_of(body)], "its user sees what it is"


async def test_how_a_key_acts_is_changed_field_by_field(admin):
    fields = {
        "acts_for": "users",
        "acts_from": "body",
        "acts_for_create": False,
        "acts_for_max": 7,
        "acts_for_limits": {"requests_per_day": 5, "cost_usd_total": "0.5"},
    }
    made = (await admin.post(PATH, json=fields)).json()
    path = f"/admin/keys/{made['id']}"
    limits = NO_LIMITS.body() | {"requests_per_day": 5, "cost_usd_total": 0.5}
    assert acting_of(made) == fields | {"acts_for_limits": limits}
    change = {"acts_from": "headers", "acts_for_limits": {"requests_per_day": None}}
    changed = (await admin.patch(path, json=change)).json()
    assert (changed["acts_from"], changed["acts_for_max"]) == ("headers", 7)
    assert changed["acts_for_limits"]["requests_per_day"] is None
    assert changed["acts_for_limits"]["cost_usd_total"] == 0.5
    changed = (await admin.patch(path, json={"acts_for_limits": None})).json()
    assert changed["acts_for_limits"] == NO_LIMITS.body()
    assert acting_of((await admin.patch(path, json={"name": "app"})).json())["acts_for"] == "users"
    assert acting_of((await admin.patch(path, json={"acts_for": None})).json()) == NOT_ACTING
    rotated = await admin.post(f"/admin/keys/{made['id']}/rotate")
    assert acting_of(rotated.json()) == NOT_ACTING


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"acts_for": "everyone"}, "acts_for"),
        ({"acts_for": True}, "acts_for"),
        ({"acts_for": "users", "acts_from": "cookie"}, "acts_from"),
        ({"acts_for": "users", "acts_for_create": "yes"}, "acts_for_create"),
        ({"acts_for": "users", "acts_for_max": 0}, "acts_for_max"),
        ({"acts_for": "users", "acts_for_max": 10**9}, "acts_for_max"),
        ({"acts_for": "users", "acts_for_max": None}, "acts_for_max"),
        ({"acts_for": "users", "acts_for_limits": {"requests": 1}}, "acts_for_limits.requests"),
        ({"acts_for": "users", "acts_for_limits": {"queue_weight": 5}}, "acts_for_limits.queue_weight"),
        ({"acts_from": "body"}, "acts_from"),
        ({"acts_for": None, "acts_for_max": 5}, "acts_for_max"),
        ({"acts_for": "users", "acts_as": "users"}, "acts_as"),
    ],
)
async def test_what_has_no_sense_is_refused_and_named(admin, desk, fields, param):
    for answer in (
        await admin.post(PATH, json=fields),
        await admin.patch(f"/admin/keys/{desk.house.accounts.keys_of('alice')[0].id}", json=fields),
    ):
        assert answer.status_code == 422
        assert shape_of(answer)["param"] == param
    assert len(desk.house.accounts.keys_of("alice")) == 1


@pytest.mark.parametrize("fields", [{"acts_for": "users"}, {"acts_for": None}, {"acts_from": "body"}])
async def test_users_cannot_make_such_keys_themselves(alice, desk, fields):
    answer = await alice.post("/me/keys", json=fields)
    assert answer.status_code == 403
    assert shape_of(answer)["param"] == "acts_for"
    key_id = desk.house.accounts.keys_of("alice")[0].id
    assert (await alice.patch(f"/admin/keys/{key_id}", json=fields)).status_code == 403


async def test_an_admin_may_make_one_for_themselves(desk, admin):
    made = await admin.post("/admin/users", json={"user_id": "boss", "role": "admin"})
    async with desk.client(made.json()["api_key"]) as boss:
        assert (await boss.post("/me/keys", json={"acts_for": "users"})).status_code == 201


async def test_end_users_are_listed_for_admins_and_for_their_owner_only(desk, admin, alice, mia):
    for client, path in ((admin, "/admin/users/ALICE/end-users"), (alice, "/me/end-users")):
        [row] = (await client.get(path)).json()["data"]
        assert row == {
            "id": mia,
            "user_id": "alice",
            "value": "mia@example.org",
            "status": "active",
            "created_at": "2026-11-20T12:00:00.123Z",
            "limits": NO_LIMITS.body() | {"requests_per_day": 5},
            "usage": {},
        }
    assert (await admin.get(f"/admin/end-users/{mia}")).json() == row
    assert desk.usage.asked[-1].id == mia
    async with desk.client() as nobody:
        assert (await nobody.get("/me/end-users")).status_code == 401
    assert (await alice.get("/admin/users/alice/end-users")).status_code == 403
    assert (await alice.get(f"/admin/end-users/{mia}")).status_code == 403
    assert (await admin.get("/admin/users/bob/end-users")).json()["data"] == []
    assert (await admin.get("/admin/users/nobody/end-users")).status_code == 404


async def test_a_long_list_comes_in_pages_and_is_searched(desk, admin):
    for number in range(25):
        await desk.house.accounts.end_users.named("alice", f"Person {number:02}", Acting())
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await admin.get(f"/admin/users/alice/end-users?limit=10{after and '&after=' + after}")).json()
        seen += [row["value"] for row in page["data"]]
        after = page["next"]
    assert sorted(seen) == [f"Person {number:02}" for number in range(25)]
    found = (await admin.get("/admin/users/alice/end-users?q=person 1")).json()["data"]
    assert len(found) == 10
    ids = [row["id"] for row in found[:3]]
    named = (await admin.get(f"/admin/users/alice/end-users?id={','.join(ids)},eu_nobody")).json()["data"]
    assert [row["id"] for row in named] == ids
    assert (await admin.get("/admin/users/alice/end-users?id=a%00b")).status_code == 422
    assert (await admin.get("/admin/users/alice/end-users?value=x")).status_code == 422


async def test_limits_of_an_end_user_are_read_and_merged(desk, admin, mia):
    path = f"/admin/end-users/{mia}/limits"
    assert (await admin.get(path)).json() == NO_LIMITS.body() | {"requests_per_day": 5, "usage": {}}
    put = await admin.put(path, json={"tokens_total": 100, "requests_per_day": None})
    assert (put.status_code, put.json()) == (200, NO_LIMITS.body() | {"tokens_total": 100})
    for name, wrong in (("tokens", 1), ("queue_weight", 2), ("tokens_total", -1)):
        refused = await admin.put(path, json={name: wrong})
        assert (refused.status_code, shape_of(refused)["param"]) == (422, name)
    assert (await admin.get(path)).json()["tokens_total"] == 100
    entry = (await desk.house.audit())[0]
    assert (entry.action, entry.target, entry.address) == ("end_user.limits", mia, "192.0.2.7")


async def test_an_end_user_is_blocked_and_let_in_again(admin, mia):
    path = f"/admin/end-users/{mia}"
    assert (await admin.patch(path, json={"status": "blocked"})).json()["status"] == "blocked"
    assert (await admin.get(path)).json()["status"] == "blocked"
    assert (await admin.patch(path, json={"status": "active"})).json()["status"] == "active"
    for wrong in ({"status": "erased"}, {}, {"status": "active", "value": "noa"}):
        assert (await admin.patch(path, json=wrong)).status_code == 422


async def test_erasing_leaves_an_id_and_nothing_else(desk, admin, mia):
    path = f"/admin/end-users/{mia}"
    for _ in range(2):
        erased = await admin.delete(path)
        assert erased.status_code == 200
        assert (erased.json()["value"], erased.json()["status"]) == (None, "erased")
        assert erased.json()["limits"] == NO_LIMITS.body()
    refused = await admin.put(path + "/limits", json={"tokens_total": 1})
    assert (refused.status_code, shape_of(refused)["code"]) == (409, "end_user_erased")
    assert "mia" not in (await admin.get("/admin/audit")).text
    assert (await admin.get("/admin/end-users/eu_0")).status_code == 404


async def test_who_has_only_an_own_key_cannot_change_end_users(desk, mia):
    async with desk.client(ALICE_KEY) as alice:
        for answer in (
            await alice.delete(f"/admin/end-users/{mia}"),
            await alice.patch(f"/admin/end-users/{mia}", json={"status": "blocked"}),
            await alice.put(f"/admin/end-users/{mia}/limits", json={}),
        ):
            assert answer.status_code == 403
