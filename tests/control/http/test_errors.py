from __future__ import annotations

import httpx2
import pytest

from tests.control.desk import shape_of
from tollkeeper.rules.errors import ServerOverloaded


@pytest.mark.parametrize("path", ["/nope", "/admin/nope", "/v1/nope", "/admin/users/a/b/c/d", "/docs/nope"])
async def test_a_path_that_is_not_there(anyone, path):
    response = await anyone.get(path)
    error = shape_of(response)
    assert (response.status_code, error["type"], error["code"]) == (404, "invalid_request_error", "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/me", "GET, HEAD"),
        ("PUT", "/me/keys", "GET, HEAD, POST"),
        ("PUT", "/admin/users", "GET, HEAD, POST"),
        ("POST", "/admin/users/alice", "DELETE, GET, HEAD, PATCH"),
        ("POST", "/health", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_there(anyone, method, path, allow):
    response = await anyone.request(method, path)
    error = shape_of(response)
    assert (response.status_code, error["code"], response.headers["allow"]) == (405, "method_not_allowed", allow)


BAD_JSON = [b"{", b"nope", b"", b'{"user_id": NaN}', b'\xff{"a": 1}', b'{"a": "\xe9"}', b"[" * 50_000 + b"]" * 50_000]


@pytest.mark.parametrize("body", BAD_JSON, ids=range(len(BAD_JSON)))
async def test_a_body_that_is_not_json(admin, body):
    response = await admin.post("/admin/users", content=body, headers={"content-type": "application/json"})
    shape_of(response)
    assert response.status_code == (422 if body == b"" else 400)


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
async def test_a_body_that_is_not_an_object(admin, body):
    response = await admin.post("/admin/users", json=body)
    assert response.status_code == 422
    assert shape_of(response)["param"] is None


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_is_json_whatever_it_calls_itself(admin, kind):
    response = await admin.post("/admin/users", content=b'{"user_id": "carol"}', headers={"content-type": kind})
    assert response.status_code == 201


async def test_a_body_that_is_too_large(admin):
    response = await admin.post("/admin/users", json={"user_id": "carol", "name": "x" * 1_000_000})
    error = shape_of(response)
    assert (response.status_code, error["code"]) == (413, "request_too_large")


async def test_a_body_that_is_too_large_without_a_length(admin):
    async def parts():
        for _ in range(20):
            yield b" " * 100_000

    response = await admin.post("/admin/users", content=parts(), headers={"content-type": "application/json"})
    assert response.status_code == 413
    assert shape_of(response)["code"] == "request_too_large"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "user_id"),
        ({"user_id": 5}, "user_id"),
        ({"user_id": "-"}, "user_id"),
        ({"user_id": "carol\n"}, "user_id"),
        ({"user_id": "carol", "limits": []}, "limits"),
        ({"user_id": "carol", "Role": "admin"}, "Role"),
        ({"user_id": "carol", "role": "owner"}, "role"),
        ({"user_id": "carol", "name": ""}, "name"),
        ({"user_id": "carol", "password": "12345"}, "password"),
        ({"user_id": "carol", "password": 123456}, "password"),
    ],
)
async def test_the_field_at_fault_is_named(admin, body, param):
    response = await admin.post("/admin/users", json=body)
    error = shape_of(response)
    assert (response.status_code, error["param"], error["type"]) == (422, param, "invalid_request_error")
    assert f"'{param}'" in error["message"] or param in error["message"]


async def test_a_password_that_is_refused_is_not_repeated(admin):
    response = await admin.post("/admin/users", json={"user_id": "carol", "password": ["s3cret"]})
    assert response.status_code == 422
    assert "s3cret" not in response.text


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/usage?form=2026-11-20", "form"),
        ("/v1/usage?from=yesterday", "from"),
        ("/v1/usage?to=1795176000", "to"),
        ("/v1/usage?from=2026-11-21&to=2026-11-20", "from"),
        ("/v1/usage?status=done", "status"),
        ("/v1/usage?limit=0", "limit"),
        ("/v1/usage?limit=1001", "limit"),
        ("/v1/usage?limit=ten", "limit"),
        ("/v1/usage/summary?group_by=user", "group_by"),
        ("/v1/usage/summary?group_by=", "group_by"),
        ("/v1/usage/summary?group_by=model,model", "group_by"),
        ("/v1/usage/summary?limit=1001", "limit"),
        ("/me?verbose=1", "verbose"),
        ("/me/keys?after=key_nope", "after"),
        ("/v1/usage?status=failed&limit=5&status=completed", "status"),
    ],
)
async def test_the_query_parameter_at_fault_is_named(alice, path, param):
    response = await alice.get(path)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


async def test_what_nobody_expected_is_a_500_without_detail(desk, admin, monkeypatch, caplog):
    def broken() -> None:
        raise RuntimeError("the pepper is 5ecret")

    monkeypatch.setattr(desk.house.accounts, "users", broken)
    response = await admin.get("/admin/users")
    error = shape_of(response)
    assert (response.status_code, error["type"], error["code"]) == (500, "server_error", "internal_error")
    assert "5ecret" not in response.text
    assert "GET /admin/users failed" in caplog.text
    assert "the pepper is 5ecret" in caplog.text  # the operator is told


async def test_a_store_that_cannot_write_is_a_503(desk, admin):
    desk.house.store.fail = "disk full"
    response = await admin.post("/admin/users", json={"user_id": "carol"})
    assert (response.status_code, shape_of(response)["code"]) == (503, "ledger_unavailable")
    assert (await admin.get("/admin/users/carol")).status_code == 404


async def test_when_to_try_again_is_told(desk, admin, monkeypatch):
    def busy() -> None:
        raise ServerOverloaded("Too much to do. Try again.", retry_after=1.2)

    monkeypatch.setattr(desk.house.accounts, "users", busy)
    response: httpx2.Response = await admin.get("/admin/users")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
