from __future__ import annotations

import pytest

from tests.control.desk import ALICE_KEY, BOB_KEY, shape_of
from tests.services.in_memory import record
from tollkeeper.rules.limits import NO_LIMITS
from tollkeeper.rules.usage import Usage


@pytest.fixture
async def key_id(alice) -> str:
    """The id of alice's first key."""
    identity: str = (await alice.get("/me/keys")).json()["data"][0]["id"]
    return identity


async def test_me(alice):
    assert (await alice.get("/me")).json() == {
        "user_id": "alice",
        "name": "Alice",
        "role": "user",
        "status": "active",
        "created_at": "2026-11-20T12:00:00.123Z",
        "team": None,
        "team_admin": False,
        "address": None,
        "tax_id": None,
        "email": None,
        "month": {"requests": 0, "total_tokens": 0, "cost_usd": "0"},
        "limits": NO_LIMITS.body(),
        "usage": {},
        "team_name": None,
        "team_limits": None,
        "team_usage": None,
        "queue": {"waiting": 0, "running": 0, "position": None, "estimate_s": None},
    }


@pytest.mark.parametrize("place", ["/me/keys", "/admin/users/alice/keys"])
async def test_a_new_key_is_shown_once(alice, admin, desk, place):
    client = alice if place.startswith("/me") else admin
    response = await client.post(place, json={"name": "laptop", "expires_at": "2026-12-24T00:00:00Z"})
    body = response.json()
    secret = body.pop("api_key")
    assert response.status_code == 201
    assert body == {
        "id": body["id"],
        "name": "laptop",
        "prefix": f"{secret[:6]}…{secret[-4:]}",
        "created_at": "2026-11-20T12:00:00.123Z",
        "last_used_at": None,
        "expires_at": "2026-12-24T00:00:00.000Z",
        "status": "active",
        "month": {"requests": 0, "total_tokens": 0, "cost_usd": "0"},
        "limits": NO_LIMITS.body(),
        "usage": {},
        "acts_for": None,
        "acts_from": None,
        "acts_for_create": None,
        "acts_for_max": None,
        "acts_for_limits": None,
    }
    async with desk.client(secret) as laptop:
        assert (await laptop.get("/me")).json()["user_id"] == "alice"
    listing = await client.get(place)
    assert secret not in listing.text
    assert {key["name"] for key in listing.json()["data"]} == {"default", "laptop"}
    assert listing.json()["data"][1]["last_used_at"] == "2026-11-20T12:00:00.123Z"


@pytest.mark.parametrize("place", ["/me/keys", "/admin/users/ALICE/keys"])
async def test_a_list_has_what_was_used_with_each_key_this_month(alice, admin, desk, key_id, place):
    other = (await alice.post("/me/keys")).json()["id"]
    now, used = desk.house.clock.ms, Usage(prompt_tokens=10, completion_tokens=5)
    for number, (key, at) in enumerate([(key_id, now), (key_id, now), (other, now), (other, now - 40 * 86_400_000)]):
        made = record(request_id=f"req_{number}", key_id=key, created_at=at, usage=used, cost_pico=500_000_000_000)
        await desk.house.store.ledger.settle(made)
    keys = (await (alice if place.startswith("/me") else admin).get(place)).json()["data"]
    assert [key["month"] for key in keys] == [
        {"requests": 2, "total_tokens": 30, "cost_usd": "1"},
        {"requests": 1, "total_tokens": 15, "cost_usd": "0.5"},
    ]
    changed = (await admin.patch(f"/admin/keys/{key_id}", json={"name": "mine"})).json()
    assert changed["month"] == keys[0]["month"]


async def test_a_key_needs_no_body(alice):
    assert (await alice.post("/me/keys")).json()["name"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": 5}, "name"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"expires_at": 1795176000000}, "expires_at"),
        ({"limits": {"x": 1}}, "limits.x"),
        ({"limits": []}, "limits"),
        ({"secret": "sk-alice-1"}, "secret"),
    ],
)
async def test_a_new_key_that_is_wrong(alice, body, param):
    response = await alice.post("/me/keys", json=body)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


async def test_pages_of_keys(alice):
    for number in range(4):
        await alice.post("/me/keys", json={"name": str(number)})
    first = (await alice.get("/me/keys?limit=3")).json()
    rest = (await alice.get(f"/me/keys?limit=3&after={first['next']}")).json()
    assert [key["name"] for key in first["data"] + rest["data"]] == ["default", "0", "1", "2", "3"]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)


async def test_rotating_at_once(alice, desk, key_id):
    response = await alice.post(f"/me/keys/{key_id}/rotate")
    assert response.status_code == 201
    assert (await alice.get("/me")).status_code == 401
    async with desk.client(response.json()["api_key"]) as renewed:
        statuses = [key["status"] for key in (await renewed.get("/me/keys")).json()["data"]]
    assert statuses == ["revoked", "active"]


@pytest.mark.parametrize("place", ["/me/keys", "/admin/keys"])
async def test_rotating_with_grace(alice, admin, desk, key_id, place):
    client = alice if place.startswith("/me") else admin
    response = await client.post(f"{place}/{key_id}/rotate", json={"grace_seconds": 60})
    assert response.status_code == 201
    old = (await alice.get("/me/keys")).json()["data"][0]
    assert (old["status"], old["expires_at"]) == ("active", "2026-11-20T12:01:00.123Z")
    desk.house.clock.ms += 60_000
    assert (await alice.get("/me")).status_code == 401


@pytest.mark.parametrize("grace", [-1, 0.5, "60", True, 10**9, None])
async def test_a_grace_that_is_none(alice, key_id, grace):
    response = await alice.post(f"/me/keys/{key_id}/rotate", json={"grace_seconds": grace})
    assert (response.status_code, shape_of(response)["param"]) == (422, "grace_seconds")


async def test_revoking(alice, admin, key_id):
    second = (await alice.post("/me/keys")).json()["id"]
    response = await alice.delete(f"/me/keys/{second}")
    assert (response.status_code, response.json()["status"]) == (200, "revoked")
    response = await admin.delete(f"/admin/keys/{key_id}")
    assert (response.status_code, response.json()["status"]) == (200, "revoked")
    assert (await alice.get("/me")).status_code == 401
    assert (await admin.post(f"/admin/keys/{key_id}/rotate")).status_code == 409
    assert (await admin.delete(f"/admin/keys/{key_id}")).status_code == 200


async def test_changing_a_key(admin, key_id):
    response = await admin.patch(f"/admin/keys/{key_id}", json={"name": "x", "expires_at": "2027-01-01"})
    assert (response.json()["name"], response.json()["expires_at"]) == ("x", "2027-01-01T00:00:00.000Z")
    response = await admin.patch(f"/admin/keys/{key_id}", json={"expires_at": None})
    assert (response.json()["name"], response.json()["expires_at"]) == ("x", None)


async def test_others_keys_look_as_if_they_were_not_there(alice, desk, key_id):
    async with desk.client(BOB_KEY) as bob:
        foreign = await bob.delete(f"/me/keys/{key_id}")
        absent = await bob.delete("/me/keys/key_0000")
        assert (await bob.post(f"/me/keys/{key_id}/rotate")).status_code == 404
    assert foreign.status_code == absent.status_code == 404
    assert foreign.text.replace(key_id, "") == absent.text.replace("key_0000", "")
    assert (await alice.get("/me")).status_code == 200


async def test_the_first_key_of_the_fixture_is_shown_shortened(alice):
    [key] = (await alice.get("/me/keys")).json()["data"]
    assert key["prefix"] == f"{ALICE_KEY[:6]}…{ALICE_KEY[-4:]}"


async def test_a_page_ends_early_where_limits_name_many_models(alice):
    limits = {"models": {f"m{number}": {"requests_total": 1} for number in range(90)}}
    for number in range(5):
        await alice.post("/me/keys", json={"name": str(number), "limits": limits})
    seen: list[list[str]] = []
    after = ""
    while True:
        page = (await alice.get(f"/me/keys?limit=1000{after}")).json()
        seen.append([key["name"] for key in page["data"]])
        if not page["has_more"]:
            break
        after = f"&after={page['next']}"
    assert seen == [["default", "0", "1"], ["2", "3"], ["4"]]
