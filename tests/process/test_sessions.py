"""Who is signed in stays so when the gateway is killed."""

import httpx2 as httpx
import pytest

from tests.process.served import served
from tollkeeper.wire.http.cookies import cookie_name

pytestmark = pytest.mark.process
NOBODY = "http://127.0.0.1:9"


def cookie(gateway):
    """What the session's cookie is called there."""
    return cookie_name(gateway.url.partition("://")[2])


def send(gateway, method, path, *, token=None, csrf_token="", body=None):
    headers = {"origin": gateway.url, "x-csrf-token": csrf_token}
    if token is not None:
        headers["cookie"] = f"{cookie(gateway)}={token}"
    return httpx.request(method, gateway.url + path, headers=headers, json=body, verify=False)


def sign_in(gateway):
    answer = send(gateway, "POST", "/auth/login", body={"username": "alice", "password": "wonderland"})
    return {"token": answer.cookies[cookie(gateway)], "csrf_token": answer.json()["csrf_token"]}


def test_a_kill_ends_no_session_and_brings_none_back(tmp_path):
    with served(tmp_path, NOBODY) as gateway:
        gateway.admin("POST", "/admin/users", {"user_id": "alice", "password": "wonderland"})
        kept, left = sign_in(gateway), sign_in(gateway)
        assert send(gateway, "POST", "/auth/logout", **left).status_code == 204
        gateway.kill()
        gateway.exit_code()
    with served(tmp_path, NOBODY) as gateway:
        assert send(gateway, "GET", "/auth/session", **kept).json()["csrf_token"] == kept["csrf_token"]
        assert send(gateway, "POST", "/me/keys", body={}, **kept).status_code == 201
        assert send(gateway, "GET", "/auth/session", **left).status_code == 401
        changed = send(
            gateway, "POST", "/auth/password", **kept,
            body={"current_password": "wonderland", "new_password": "looking-glass"},
        )  # fmt: skip
        assert changed.status_code == 200
        new = {"token": changed.cookies[cookie(gateway)], "csrf_token": changed.json()["csrf_token"]}
        gateway.kill()
        gateway.exit_code()
    with served(tmp_path, NOBODY) as gateway:
        assert send(gateway, "GET", "/auth/session", **kept).status_code == 401
        assert send(gateway, "GET", "/auth/session", **new).status_code == 200
