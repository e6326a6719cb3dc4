from __future__ import annotations

import pytest

from tests.control.desk import ADMIN_KEY, ALICE_KEY, BOB_KEY, BOOTSTRAP, shape_of

USERS_PATHS = ("/me", "/me/keys", "/v1/usage", "/v1/usage/summary", "/v1/usage/summary.csv")
KEYS: list[dict[str, list[str]]] = [{"bearer": []}, {"x-api-key": []}, {"api-key": []}, {"session": []}]
ADMINS_PATHS = (
    "/admin/users",
    "/admin/users/alice",
    "/admin/users/alice/usage",
    "/admin/users/alice/usage/summary",
    "/admin/users/alice/keys",
    "/admin/usage",
    "/admin/usage/summary",
    "/admin/usage/summary.csv",
    "/admin/prices",
    "/admin/prices/tiny/history",
    "/admin/aliases",
    "/admin/audit",
)


@pytest.mark.parametrize("path", [*USERS_PATHS, *ADMINS_PATHS, "/metrics"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer sk-wrong"},
        {"authorization": f"Basic {ALICE_KEY}"},
        {"authorization": ADMIN_KEY},
        {"x-api-key": "sk-wrong"},
        {"authorization": f"Bearer {ADMIN_KEY}", "x-api-key": ALICE_KEY},
    ],
    ids=str,
)
async def test_no_way_in_without_one_good_key(anyone, path, headers):
    response = await anyone.get(path, headers=headers)
    error = shape_of(response)
    assert (response.status_code, error["type"], error["code"]) == (401, "invalid_request_error", "invalid_api_key")
    assert response.headers["www-authenticate"] == "Bearer"
    assert ALICE_KEY not in response.text
    assert ADMIN_KEY not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {ALICE_KEY}"},
        {"authorization": f"bearer  {ALICE_KEY} "},
        {"x-api-key": ALICE_KEY},
        {"authorization": f"Bearer {ALICE_KEY}", "x-api-key": ALICE_KEY},
    ],
    ids=str,
)
async def test_the_ways_to_send_a_key(anyone, headers):
    response = await anyone.get("/me", headers=headers)
    assert (response.status_code, response.json()["user_id"]) == (200, "alice")


async def test_two_headers_that_differ(anyone):
    headers = [("authorization", f"Bearer {ALICE_KEY}"), ("authorization", f"Bearer {BOB_KEY}")]
    assert (await anyone.get("/me", headers=headers)).status_code == 401
    assert (await anyone.get("/me", headers=[("x-api-key", ALICE_KEY), ("x-api-key", BOB_KEY)])).status_code == 401


@pytest.mark.parametrize("path", [*ADMINS_PATHS, "/metrics"])
async def test_users_are_no_admins(alice, path):
    response = await alice.get(path)
    error = shape_of(response)
    assert (response.status_code, error["type"], error["code"]) == (403, "permission_error", "forbidden")


@pytest.mark.parametrize("path", USERS_PATHS)
async def test_the_bootstrap_key_has_no_account(desk, path):
    async with desk.client(BOOTSTRAP) as client:
        response = await client.get(path)
    assert response.status_code == 403
    assert "/admin/usage" in shape_of(response)["message"]


@pytest.mark.parametrize("key", [BOOTSTRAP, ADMIN_KEY])
async def test_admins_get_in(desk, key):
    async with desk.client(key) as client:
        statuses = {path: (await client.get(path)).status_code for path in (*ADMINS_PATHS, "/metrics")}
    assert statuses.pop("/admin/prices/tiny/history") == 404  # no price was ever made
    assert set(statuses.values()) == {200}


async def test_who_asks_is_settled_before_the_body_is_read(anyone, alice):
    for client, status in ((anyone, 401), (alice, 403)):
        response = await client.post("/admin/users", content=b"{", headers={"content-type": "application/json"})
        assert response.status_code == status


async def test_a_suspended_account(desk, admin, alice):
    assert (await admin.patch("/admin/users/alice", json={"status": "suspended"})).status_code == 200
    response = await alice.get("/me")
    error = shape_of(response)
    assert (response.status_code, error["code"]) == (403, "account_suspended")


async def test_every_guarded_path_is_documented_as_guarded(anyone):
    document = (await anyone.get("/openapi.json")).json()
    public = {"/", "/health", "/ready", "/metrics", "/auth/login", "/auth/second-factor", "/auth/providers"}
    public |= {path for path in document["paths"] if path.startswith("/auth/oidc/")}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path not in public:
                ways = [{"session": []}] if path.startswith("/auth/") else KEYS
                if path == "/auth/session":
                    ways = [*ways, {}]  # which says whether there is one
                assert operation["security"] == ways, path
