"""What users see and do of their own."""

import pytest

from tests.control.desk import BOB_KEY, shape_of


async def test_oneself_with_limits_and_usage(alice):
    me = (await alice.get("/me")).json()
    assert me["user_id"] == "alice"
    assert set(me) >= {"limits", "usage"}


async def test_keys_of_ones_own(alice):
    made = (await alice.post("/me/keys", json={"name": "laptop"})).json()
    listed = (await alice.get("/me/keys")).json()["data"]
    assert made["id"] in [key["id"] for key in listed]
    rotated = await alice.post(f"/me/keys/{made['id']}/rotate", json={})
    assert rotated.status_code == 201
    revoked = await alice.delete(f"/me/keys/{rotated.json()['id']}")
    assert revoked.status_code == 200


async def test_one_key(alice, admin):
    made = (await alice.post("/me/keys", json={"name": "laptop"})).json()
    del made["api_key"]
    for client, place in ((alice, "/me/keys"), (admin, "/admin/keys")):
        response = await client.get(f"{place}/{made['id']}")
        assert (response.status_code, response.json()) == (200, made)
        assert (await client.get(f"{place}/key_nobodys")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/me/keys/{}"), ("DELETE", "/me/keys/{}"), ("POST", "/me/keys/{}/rotate")]
)
async def test_keys_of_others_look_as_if_there_were_none(alice, desk, method, path):
    bobs = desk.house.accounts.identify(BOB_KEY).key.id
    told = [
        await alice.request(method, path.format(key_id), json={} if method == "POST" else None)
        for key_id in (bobs, "key_nobodys")
    ]
    assert [answer.status_code for answer in told] == [404, 404]
    assert shape_of(told[0])["message"] == shape_of(told[1])["message"].replace("key_nobodys", bobs)
    assert desk.house.accounts.identify(BOB_KEY).key.id == bobs


async def test_a_key_with_limits_makes_none_without(desk, admin):
    made = (await admin.post("/admin/users/alice/keys", json={"limits": {"tokens_total": 5}})).json()
    async with desk.client(made["api_key"]) as limited:
        for path in ("/me/keys", f"/me/keys/{made['id']}/rotate"):
            response = await limited.post(path, json={})
            assert (response.status_code, shape_of(response)["code"]) == (403, "forbidden")
