from __future__ import annotations

import gzip
import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.control.desk import ADMIN_KEY, open_desk
from tollkeeper.control import docs


async def test_the_front_door(anyone):
    response = await anyone.get("/")
    assert response.json() == {"name": "tollkeeper", "version": "1.2.3", "status": "ok", "docs": "/docs"}
    response = await anyone.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (response.status_code, response.headers["location"]) == (307, "/ui/")


@pytest.mark.parametrize("path", ["/login", "/chat", "/admin"])
async def test_short_ways_to_pages(anyone, path):
    response = await anyone.get(path, headers={"accept": "text/html,*/*;q=0.8"})
    assert (response.status_code, response.headers["location"]) == (307, f"/ui{path}")
    assert response.headers["vary"] == "accept"
    asked = await anyone.get(f"{path}?next=%2Fchat&period=7d", headers={"accept": "text/html"})
    assert asked.headers["location"] == f"/ui{path}?next=%2Fchat&period=7d"
    assert (await anyone.get(path)).status_code == 404  # what is no browser gets no page


async def test_health(anyone):
    response = await anyone.get("/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": "1.2.3"})


async def test_ready_and_why_not(anyone, desk):
    response = await anyone.get("/ready")
    assert response.status_code == 200
    assert response.json() == {"status": "ready", "parts": {"ledger": None, "upstreams": None}}
    desk.parts["upstreams"] = "default: connection refused"
    response = await anyone.get("/ready")
    assert response.status_code == 503
    assert response.json()["parts"] == {"ledger": None, "upstreams": "default: connection refused"}


async def test_metrics_for_admins(admin):
    response = await admin.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(response.text)}
    assert {"tollkeeper_requests", "tollkeeper_in_flight", "tollkeeper_loop_lag_seconds"} <= names


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.9.9.9", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.42.7.7", 200),
        ("10.43.0.1", 401),
        ("192.0.2.7", 401),
        ("", 401),
        ("testclient", 401),
    ],
)
async def test_metrics_without_a_key(address, status):
    desk = await open_desk(metrics_networks=("127.0.0.0/8", "::1", "10.42.0.0/16"))
    async with desk.client(address=address) as client:
        assert (await client.get("/metrics")).status_code == status
        assert (await client.get("/metrics", headers={"x-forwarded-for": address})).status_code == 401
    async with (await open_desk()).client(address=address) as client:
        assert (await client.get("/metrics")).status_code == 401
    async with desk.client(ADMIN_KEY, address=address) as client:
        assert (await client.get("/metrics", headers={"x-forwarded-for": address})).status_code == 200


async def test_the_documentation_is_all_from_here(anyone):
    page = await anyone.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["style-src"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\ssrc=)", page.text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page.text)
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 5
    for link in links:
        assert link.startswith("/")
        assert (await anyone.get(link)).status_code == 200, link


async def test_swagger_ui_is_version_5_and_asks_nobody(anyone):
    script = await anyone.get("/docs/swagger-ui.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert 'PACKAGE_VERSION:"5.' in script.text
    ours = (await anyone.get("/docs/docs.js")).text
    assert "validatorUrl: null" in ours
    assert 'url: "/openapi.json"' in ours


@pytest.mark.parametrize("name", ["__init__.py", "..%2Fmain.py", "..%2f..%2fapp.py", "%2Fetc%2Fpasswd"])
async def test_nothing_else_is_served(anyone, name):
    assert (await anyone.get(f"/docs/{name}")).status_code == 404


async def test_the_document_describes_all_paths(anyone):
    response = await anyone.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    relayed = ["POST {}/chat/completions", "POST {}/completions", "POST {}/embeddings", "GET {}/models"]
    for prefix in ("", "/v1"):
        assert {text.format(prefix) for text in relayed} | {f"GET {prefix}/models/{{id}}"} <= operations
    assert {
        "GET /", "GET /health", "GET /ready", "GET /metrics",
        "GET /v1/usage", "GET /v1/usage/summary",
        "GET /me", "GET /me/keys", "POST /me/keys", "POST /me/keys/{key_id}/rotate", "DELETE /me/keys/{key_id}",
        "POST /admin/users", "GET /admin/users",
        "GET /admin/users/{user_id}", "PATCH /admin/users/{user_id}", "DELETE /admin/users/{user_id}",
        "GET /admin/users/{user_id}/usage", "GET /admin/users/{user_id}/usage/summary",
        "GET /admin/users/{user_id}/keys", "POST /admin/users/{user_id}/keys",
        "POST /admin/keys/{key_id}/rotate", "PATCH /admin/keys/{key_id}", "DELETE /admin/keys/{key_id}",
        "GET /admin/usage", "GET /admin/usage/summary",
        "GET /admin/prices", "PUT /admin/prices", "GET /admin/prices/{model}/history",
        "GET /admin/aliases", "PUT /admin/aliases", "GET /admin/audit",
    } <= operations  # fmt: skip


async def test_the_document_is_written_and_compressed_once(anyone, desk, monkeypatch):
    written, write = [], docs._write_document

    def counted(app):
        written.append(app)
        return write(app)

    monkeypatch.setattr(docs, "_write_document", counted)
    for offered in ("gzip", "identity", "gzip"):
        async with anyone.stream("GET", "/openapi.json", headers={"accept-encoding": offered}) as response:
            raw = b"".join([part async for part in response.aiter_raw()])
        assert response.headers.get("content-encoding", "identity") == offered
        assert response.headers["vary"] == "accept-encoding"
        assert json.loads(gzip.decompress(raw) if offered == "gzip" else raw)["openapi"]
    assert written == [desk.app]


async def test_every_reference_in_the_document_is_there(anyone):
    text = (await anyone.get("/openapi.json")).text
    document = (await anyone.get("/openapi.json")).json()
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= set(document["components"]["schemas"])
    identities = re.findall(r'"operationId":"([^"]+)"', text)
    assert len(identities) == len(set(identities))
    assert "HTTPValidationError" not in text
