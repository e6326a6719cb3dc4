"""Paths as clients write them."""

from __future__ import annotations

import pytest

from tests.gateway.conftest import ADMIN, ask
from tests.gateway.test_bad_input import check


@pytest.mark.parametrize("key", ["", "/k/{key}"])
async def test_a_slash_behind_a_relayed_path_says_nothing(gateway, up, key):
    up.models["org/model:latest"] = ("completion",)
    before = key.format(key=gateway.secrets["alice"])
    if key:
        del gateway.client.headers["authorization"]
    for path in ("/v1/chat/completions/", "/completions/", "/v1/embeddings/", "/chat/completions/?a=b"):
        answer = await gateway.client.post(before + path, json=ask(prompt="x", input="x"))
        assert answer.status_code == 200, path
    for path in ("/v1/models/", "/models/", "/v1/models/?limit=5"):
        assert {model["id"] for model in (await gateway.client.get(before + path)).json()["data"]} >= {"tiny:latest"}
    for path in ("/v1/models/tiny", "/models/tiny/", "/v1/models/tiny:latest/"):
        assert (await gateway.client.get(before + path)).json()["id"] == "tiny:latest"
    for path in ("/v1/models/org/model", "/v1/models/org/model/", "/v1/models/org%2Fmodel/"):
        assert (await gateway.client.get(before + path)).json()["id"] == "org/model:latest"
    assert {record.endpoint for record in await gateway.records()} == {
        "/v1/chat/completions", "/v1/completions", "/v1/embeddings",
    }  # fmt: skip


async def test_a_slash_behind_a_path_of_the_control_plane_says_nothing(gateway):
    client, admin = gateway.client, {"authorization": f"Bearer {ADMIN}"}
    for path in ("/health/", "/ready/", "/docs/", "/openapi.json/", "/me/", "/me/keys/", "/v1/usage/?limit=1"):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert not answer.history
    for path in ("/admin/users/", "/admin/users/alice/", "/admin/usage/summary/?group_by=model", "/metrics/"):
        assert (await client.get(path, headers=admin)).status_code == 200, path
    made = await client.post("/admin/users/", json={"user_id": "carol"}, headers=admin)
    assert made.status_code == 201
    assert (await client.delete("/admin/users/carol/", headers=admin)).status_code == 200
    assert (await client.put("/health/")).headers["allow"] == (await client.put("/health")).headers["allow"]
    body = {"username": "alice", "password": "wrong"}
    assert check(await client.post("/auth/login/", json=body), 401, "invalid_credentials")


async def test_pages_keep_theirs_and_so_does_the_root(gateway):
    assert (await gateway.client.get("/")).json()["name"] == "tollkeeper"
    assert (await gateway.client.get("/ui")).headers["location"] == "/ui/"
    pages = [await gateway.client.get(path) for path in ("/ui/", "/ui/home", "/ui/home/", "/ui/admin/users/")]
    assert {page.headers["content-type"] for page in pages} == {"text/html; charset=utf-8"}
    browser = {"accept": "text/html"}
    for path in ("/login", "/login/", "/chat/?next=%2Fchat"):
        answer = await gateway.client.get(path, headers=browser)
        assert answer.headers["location"] == "/ui" + path.replace("/?", "?").removesuffix("/")


@pytest.mark.parametrize(
    "path", ["/nothing/", "//", "/v1//models", "/me//", "/me%2F", "/v1/nothing", "/v1", "/api/nothing"]
)
async def test_no_other_slash_is_taken_away(gateway, path):
    async with gateway.raw() as (reader, writer):
        writer.write(gateway.head(path, "Connection: close", method="GET"))
        answer = await reader.read()
    status = 200 if path == "//" else 404
    assert answer.startswith(b"HTTP/1.1 %d " % status)


@pytest.mark.parametrize("asked", ["/chat/completions", "/completions", "/embeddings"])
@pytest.mark.parametrize("before", ["/openai", "/v1", "/openai/v1", ""])
async def test_a_deployment_of_azures_is_a_model_here(gateway, before, asked):
    for model in ("tiny", "org/model"):
        answer = await gateway.client.post(f"{before}/deployments/{model}{asked}?api-version=2024-10-21", json=ask())
        assert f"Use POST /v1{asked}, with the model's name" in check(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "way"),
    [
        ("POST", "/api/pull", "by POST /admin/models/pull."),
        ("POST", "/api/copy", "by POST /admin/models/copy."),
        ("DELETE", "/api/delete", "by DELETE /admin/models/{name}."),
        ("POST", "/api/push", "on the machine of the Ollama itself."),
        ("POST", "/api/create", "on the machine of the Ollama itself."),
        (
            "POST",
            "/api/blobs/sha256:29fdb92e57cf0827ded04ae6461b5931d01fa595843f55d36f5b275a52087dd2",
            "on the machine",
        ),
    ],
)
@pytest.mark.parametrize("key", ["", "/k/{key}"])
async def test_what_changes_models_is_for_admins(gateway, up, key, method, path, way):
    asked = await gateway.client.request(
        method, key.format(key=gateway.secrets["alice"]) + path, json={"model": "tiny"}
    )
    assert asked.status_code == 403
    assert "Models are for admins to change" in asked.text
    assert way in asked.text
    assert not [request for request in up.requests if path in request.target]


async def test_what_clients_of_openrouter_ask_is_there_behind_a_key_as_well(gateway, up):
    client, key = gateway.client, gateway.secrets["alice"]
    answer = await client.post("/v1/chat/completions", json=ask())
    [record] = await gateway.records()
    del client.headers["authorization"]
    for given_id in (answer.json()["id"], answer.headers["x-request-id"]):
        for place, headers in ((f"/k/{key}", {}), ("", {"authorization": f"Bearer {key}"})):
            found = await client.get(f"{place}/api/v1/generation?id={given_id}", headers=headers)
            assert found.json()["data"]["request_id"] == record.request_id
            state = await client.get(f"{place}/api/v1/key/", headers=headers)
            assert state.json()["data"]["creator_user_id"] == "alice"
    assert state.json()["data"]["usage"] == record.cost_pico / 10**12
    assert (await client.head(f"/k/{key}/api/v1/key")).status_code == 200
    assert check(await client.get(f"/k/{key}/api/v1/generation?id=chatcmpl-0"), 404, "not_found", "id")
    assert check(await client.get("/k/sk-wrong/api/v1/key"), 401, "invalid_api_key")
    assert check(await client.get("/api/v1/key"), 401, "invalid_api_key")
    # Beside it, errors are OpenAI's; around it, Ollama's.
    assert check(await client.get("/api/v1/nothing"), 404, "not_found")
    assert check(await client.get(f"/k/{key}/api/v1/nothing"), 404, "not_found")
    assert check(await client.get(f"/k/{key}/me"), 404, "not_found")
    assert list((await client.get("/api/nothing")).json()) == ["error"]
    assert (await client.get(f"/k/{key}/api/version")).status_code == 200
