"""Whatever has a name or an id, found by a part of it; of keys no more than what lists show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.control.desk import ADMIN_KEY, ALICE_KEY, BOB_KEY, Desk
from tests.scripted import ScriptedUpstream, json_response
from tests.services.in_memory import ROOT, START, record
from tollkeeper.control.admin.search import MOST, closeness
from tollkeeper.rules.ids import request_id, response_id
from tollkeeper.rules.kinds import OLLAMA
from tollkeeper.rules.times import parse_time
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.store.ports.reports import Filter
from tollkeeper.wire import credentials

REQUEST = request_id(START, b"\x01" * 8)


@pytest.fixture
async def pool(desk: Desk) -> AsyncIterator[None]:
    """An upstream `gpu-1` with two models."""
    async with ScriptedUpstream() as up:
        up.route("GET /api/tags", json_response({"models": [{"model": "tiny:latest"}, {"model": "alicorn:1b"}]}))
        desk.registry.add(UpstreamConfig("gpu-1", OLLAMA, up.url))
        await desk.services.catalog.refresh()
        yield
        await desk.registry.close()


async def found(admin: httpx2.AsyncClient, q: str, *kinds: str) -> list[tuple[str, str]]:
    response = await admin.get("/admin/search", params={"q": q})
    hits = response.raise_for_status().json()["data"]
    return [(hit["kind"], hit["id"]) for hit in hits if not kinds or hit["kind"] in kinds]


async def test_names_and_ids_of_all_kinds(desk: Desk, admin: httpx2.AsyncClient, pool: None) -> None:
    await desk.services.accounts.teams.create("alignment", ROOT, name="The blue team")
    assert await found(admin, "ali") == [("user", "alice"), ("team", "alignment"), ("model", "alicorn:1b")]
    assert await found(admin, " BLUE ") == [("team", "alignment")]
    assert await found(admin, "tiny") == [("model", "tiny:latest")]
    assert await found(admin, "pu-1") == [("upstream", "gpu-1")]
    assert await found(admin, "nothing of the kind") == await found(admin, "  ") == []
    response = await admin.get("/admin/search?q=alice")
    assert response.json()["data"][0] == {
        "kind": "user",
        "id": "alice",
        "name": "Alice",
        "prefix": None,
        "user_id": None,
        "status": "active",
    }


async def test_the_closest_come_first_and_only_a_few_of_each_kind(desk: Desk, admin: httpx2.AsyncClient) -> None:
    accounts = desk.services.accounts
    for number in range(MOST + 3):
        await accounts.create_user(f"an-x{number}", ROOT)
    await accounts.create_user("x", ROOT)
    await accounts.create_user("zed", ROOT, name="X Æ")
    await accounts.create_user("xavier", ROOT)
    users = await found(admin, "x", "user")
    assert users == [("user", name) for name in ("x", "xavier", "zed", "an-x0", "an-x1")]
    assert [closeness("x", *named) for named in [("x",), ("a", "X"), ("xa",), ("a", "xa"), ("ax",), ("a", "b")]] == [
        0, 1, 2, 3, 4, None,
    ]  # fmt: skip


async def test_a_key_leads_to_its_user_and_is_never_told(desk: Desk, admin: httpx2.AsyncClient) -> None:
    [key] = desk.services.accounts.keys_of("alice")
    named = await desk.services.accounts.create_key("bob", ROOT, name="nightly")
    for q in (key.prefix, key.prefix.replace("…", "..."), ALICE_KEY, "sk-ali", key.id):
        response = await admin.get("/admin/search", params={"q": q})
        [hit] = response.json()["data"]
        assert hit == {
            "kind": "key",
            "id": key.id,
            "name": key.name,
            "prefix": key.prefix,
            "user_id": "alice",
            "status": "active",
        }
        assert ALICE_KEY not in response.text
    assert await found(admin, "night") == [("key", named.key.id)]
    assert await found(admin, ALICE_KEY[:-1] + "x") == []
    for secret in (ADMIN_KEY, BOB_KEY, named.secret):
        response = await admin.get("/admin/search", params={"q": secret})
        assert len(response.json()["data"]) == 1
        assert secret not in response.text
        assert "digest" not in response.text


async def test_a_request_by_the_beginning_of_its_id(desk: Desk, admin: httpx2.AsyncClient) -> None:
    later = request_id(START + 1, b"\x02" * 8)
    for each in (REQUEST, later):
        await desk.house.store.ledger.settle(record(request_id=each, user_id="bob", status="failed"))
    for q in (REQUEST, REQUEST[4:], REQUEST.upper(), response_id("chatcmpl-", REQUEST), REQUEST[:20]):
        assert await found(admin, q) == [("request", REQUEST)]
    assert await found(admin, REQUEST[:12]) == [("request", later), ("request", REQUEST)]
    assert await found(admin, REQUEST[:11]) == [], "so many requests are meant that none is"
    hit = (await admin.get(f"/admin/search?q={REQUEST}")).json()["data"][0]
    assert (hit["user_id"], hit["status"]) == ("bob", "failed")


async def test_no_record_is_read_for_what_cannot_be_an_id(
    desk: Desk, admin: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Filter] = []

    async def records(which: Filter, **_: Any) -> list[Any]:
        asked.append(which)
        return []

    monkeypatch.setattr(desk.services.reports, "records", records)
    for q in ("alice", "req", "req_", "r", "%", "fade", REQUEST):
        await found(admin, q)
    assert asked == [Filter(request_id=REQUEST)]


async def test_an_invoice_by_its_number_or_id(desk: Desk, admin: httpx2.AsyncClient) -> None:
    october = parse_time("2026-10-09T12:00:00Z")
    await desk.house.store.ledger.settle(
        record(request_id=request_id(october, bytes(8)), created_at=october, settled_at=october, cost_pico=10**12)
    )
    [invoice] = (await admin.post("/admin/invoices/finalize", json={"month": "2026-10"})).json()["data"]
    for q in (invoice["number"], invoice["number"].lower(), invoice["id"]):
        assert await found(admin, q) == [("invoice", invoice["id"])]
    hit = (await admin.get("/admin/search", params={"q": invoice["number"]})).json()["data"][0]
    assert (hit["name"], hit["user_id"], hit["status"]) == (invoice["number"], "alice", "finalized")
    assert await found(admin, "draft-2026-11-user-alice", "invoice") == []


async def test_it_is_for_admins(alice: httpx2.AsyncClient, anyone: httpx2.AsyncClient) -> None:
    assert (await alice.get("/admin/search?q=bob")).status_code == 403
    assert (await anyone.get("/admin/search?q=bob")).status_code == 401


async def test_what_is_looked_for_is_read_once_however_many_keys_there_are(
    admin: httpx2.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def redacted(text: str) -> str:
        read.append(text)
        return "sk-ali…5678"

    monkeypatch.setattr(credentials, "redacted", redacted)
    assert len(desk.house.accounts.keys()) > 1
    await admin.get("/admin/search", params={"q": "sk-" + "x" * 40})
    assert len(read) == 1
