"""The models there are, and what admins do with them, in front of a scripted Ollama; `tests/ollama/test_lifecycle.py`
has a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.control.desk import Desk, shape_of
from tests.scripted import ScriptedUpstream, json_response, ollama_error
from tests.services.in_memory import ROOT, START, record
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.services.models.prices import NewPrice
from tollkeeper.services.upstreams.config import UpstreamConfig
from tollkeeper.services.upstreams.probes import read_loaded

DIGEST, OTHER = "a" * 64, "b" * 64
TAG = {
    "model": "tiny:latest",
    "digest": DIGEST,
    "modified_at": "2026-11-20T12:00:00.123Z",
    "size": 1000,
    "details": {"family": "llama", "parameter_size": "1.2B", "quantization_level": "Q8_0"},
}
LOADED = {
    "model": "tiny:latest", "size": 900, "size_vram": 800, "expires_at": "2026-11-20T12:05:00Z", "context_length": 2048,
}  # fmt: skip


@pytest.fixture
async def up() -> AsyncIterator[ScriptedUpstream]:
    async with ScriptedUpstream() as upstream:
        tags(upstream, TAG)
        upstream.route("GET /api/ps", json_response({"models": [LOADED]}))
        upstream.route("POST /api/generate", json_response({"done": True}))
        yield upstream


def tags(upstream: ScriptedUpstream, *models: dict[str, Any]) -> None:
    upstream.route("GET /api/tags", json_response({"models": models}))


@pytest.fixture
async def pool(desk: Desk, up: ScriptedUpstream) -> AsyncIterator[Desk]:
    """Upstreams `a`, an Ollama, and `llama`, a compatible server, which both have tiny."""
    registry = desk.registry
    up.route("GET /v1/models", json_response({"data": [{"id": "tiny:latest"}, {"id": "large"}]}))
    registry.add(UpstreamConfig("a", OLLAMA, up.url))
    registry.add(UpstreamConfig("llama", OPENAI_COMPATIBLE, up.url))
    await desk.services.catalog.refresh()
    await read_loaded(registry.get("a"))
    yield desk
    await registry.close()


async def of(admin: httpx2.AsyncClient, name: str = "tiny:latest") -> dict[str, Any]:
    models = (await admin.get("/admin/models")).json()["data"]
    return next(model for model in models if model["name"] == name)


async def actions(desk: Desk) -> list[tuple[str, str]]:
    return [(entry.action, entry.target) for entry in await desk.house.audit() if entry.action.startswith("model.")]


@pytest.mark.usefixtures("pool")
async def test_all_that_is_known_of_a_model(admin, desk, monkeypatch):
    await desk.services.prices.put([NewPrice("tiny:latest", 150_000, 600_000)], ROOT)
    monkeypatch.setattr(desk.services.resolver, "aliases_by_model", lambda: {"tiny:latest": ["gpt-4o-mini"]})
    desk.house.store._tables.records["req_1"] = record(created_at=START)
    tiny, large = await of(admin), await of(admin, "large")
    assert (tiny["upstream"], tiny["upstreams"], tiny["aliases"]) == ("a", ["a", "llama"], ["gpt-4o-mini"])
    assert tiny["pricing"]["input_usd_per_mtok"] == "0.15"
    assert (tiny["requests_this_month"], tiny["last_used_at"]) == (1, "2026-11-20T12:00:00.123Z")
    assert (tiny["pinned"], large["pricing"], large["requests_this_month"], large["last_used_at"]) == (
        None, None, 0, None,
    )  # fmt: skip
    ollama, compatible = tiny["places"]
    pricing = ollama.pop("pricing")
    assert pricing["output_usd_per_mtok"] == "0.6"
    assert ollama == {
        "upstream": "a",
        "managed": True,
        "digest": DIGEST,
        "size_bytes": 1000,
        "family": "llama",
        "parameter_size": "1.2B",
        "quantization": "Q8_0",
        "context": None,
        "modified_at": "2026-11-20T12:00:00.000Z",
        "loaded": {
            "memory_bytes": 900,
            "gpu_memory_bytes": 800,
            "until": "2026-11-20T12:05:00.000Z",
            "context": 2048,
        },
        "running": 0,
        "changed": False,
        "pin_error": None,
    }
    assert (compatible["managed"], compatible["digest"], compatible["size_bytes"], compatible["loaded"]) == (
        False, None, None, None,
    )  # fmt: skip


@pytest.mark.usefixtures("pool")
async def test_pages_go_on_by_name(admin):
    first = (await admin.get("/admin/models", params={"limit": 1})).json()
    assert ([model["name"] for model in first["data"]], first["next"]) == (["large"], "large")
    second = (await admin.get("/admin/models", params={"limit": 1, "after": "large"})).json()
    assert ([model["name"] for model in second["data"]], second["next"]) == (["tiny:latest"], None)


@pytest.mark.usefixtures("pool")
async def test_a_model_is_loaded_where_it_is_ours_to_change(admin, up, desk):
    done = await admin.post("/admin/models/load", json={"model": "Tiny", "keep_alive_seconds": 60})
    assert (done.status_code, done.json()) == (200, {"model": "tiny:latest", "upstreams": ["a"], "failed": {}})
    [sent] = up.calls("POST /api/generate")
    assert sent.json == {"model": "tiny:latest", "keep_alive": 60, "stream": False}
    assert await actions(desk) == [("model.load", "tiny:latest")]


@pytest.mark.usefixtures("pool")
async def test_a_model_is_unloaded(admin, up, desk):
    up.route("GET /api/ps", json_response({"models": []}))
    done = await admin.post("/admin/models/unload", json={"model": "tiny", "upstream": "a"})
    assert done.json()["upstreams"] == ["a"]
    assert up.calls("POST /api/generate")[0].json["keep_alive"] == 0
    assert (await of(admin))["places"][0]["loaded"] is None
    assert await actions(desk) == [("model.unload", "tiny:latest")]


@pytest.mark.usefixtures("pool")
async def test_what_was_done_is_no_failure_where_the_upstream_then_does_not_say_what_it_has_loaded(admin, up):
    up.route("GET /api/ps", ollama_error(500, "busy"))
    done = await admin.post("/admin/models/unload", json={"model": "tiny", "upstream": "a"})
    assert (done.status_code, done.json()["upstreams"]) == (200, ["a"])


@pytest.mark.usefixtures("pool")
async def test_what_an_upstream_says_is_told_to_admins(admin, up):
    up.route("POST /api/generate", ollama_error(500, "model requires more system memory (9 GiB) than is available"))
    refused = await admin.post("/admin/models/load", json={"model": "tiny"})
    assert refused.status_code == 502
    assert "more system memory" in shape_of(refused)["message"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param"),
    [
        ("load", {"model": "nope"}, 404, "model_not_found", "model"),
        ("load", {"model": "tiny", "upstream": "nope"}, 404, "not_found", "id"),
        ("load", {"model": "tiny", "upstream": "llama"}, 400, "unsupported_by_upstream", "upstream"),
        ("load", {"model": "large"}, 400, "unsupported_by_upstream", "model"),
        ("load", {"model": "tiny", "keep_alive_seconds": 0}, 422, "invalid_value", "keep_alive_seconds"),
        ("load", {"model": "a b"}, 422, "invalid_value", "model"),
        ("load", {}, 422, "invalid_value", "model"),
        ("unload", {"model": "nope"}, 404, "model_not_found", "model"),
        ("copy", {"model": "tiny", "to": "tiny"}, 409, "already_exists", "to"),
        ("pin", {"model": "nope"}, 404, "model_not_found", "model"),
        ("pin", {"model": "tiny", "digest": "short"}, 422, "invalid_value", "digest"),
        ("pin", {"model": "tiny", "digest": "current"}, 422, "invalid_value", "digest"),
        ("pin", {"model": "tiny", "loaded": False}, 422, "invalid_value", "loaded"),
        ("pin", {"model": "tiny", "digest": None}, 422, "invalid_value", "digest"),
        ("unpin", {"model": "tiny"}, 404, "model_not_found", "model"),
        ("evict", {}, 422, "invalid_value", "after_seconds"),
        ("evict", {"after_seconds": 1, "how": "forget"}, 422, "invalid_value", "how"),
        ("evict", {"after_seconds": 1, "upstream": "nope"}, 404, "not_found", "id"),
        ("pull", {"model": "x", "upstream": "llama"}, 400, "unsupported_by_upstream", "upstream"),
        ("pull", {"model": "x", "upstream": "nope"}, 404, "not_found", "id"),
    ],
)
@pytest.mark.usefixtures("pool")
async def test_what_is_wrong_is_named(admin, desk, up, path, body, status, code, param):
    if body.get("digest") == "current":
        tags(up, TAG, TAG | {"model": "other"})
        desk.registry.add(UpstreamConfig("b", OLLAMA, up.url))
        await desk.services.catalog.refresh()
        tags(up, TAG | {"digest": OTHER})
        await desk.services.catalog.refresh_changed([desk.registry.get("b")])
    answer = await admin.post(f"/admin/models/{path}", json=body)
    error = shape_of(answer)
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert await actions(desk) == []


@pytest.mark.usefixtures("pool")
async def test_a_model_gets_a_second_name(admin, up, desk):
    up.route("POST /api/copy", json_response({}))
    tags(up, TAG, TAG | {"model": "saved:latest"})
    done = await admin.post("/admin/models/copy", json={"model": "tiny", "to": "saved"})
    assert done.json() == {"model": "tiny:latest", "upstreams": ["a"], "failed": {}}
    assert up.calls("POST /api/copy")[0].json == {"source": "tiny:latest", "destination": "saved"}
    assert (await of(admin, "saved:latest"))["upstreams"] == ["a"]
    assert await actions(desk) == [("model.copy", "tiny:latest")]


@pytest.mark.usefixtures("pool")
async def test_a_deleted_model_is_gone_at_once(admin, up, desk):
    up.route("DELETE /api/delete", json_response({}))
    tags(up)
    done = await admin.delete("/admin/models/tiny:latest")
    assert (done.status_code, done.json()["upstreams"]) == (200, ["a"])
    assert up.calls("DELETE /api/delete")[0].json == {"model": "tiny:latest"}
    assert (await of(admin))["upstreams"] == ["llama"]
    assert await actions(desk) == [("model.delete", "tiny:latest")]


@pytest.mark.usefixtures("pool")
async def test_names_with_slashes_are_names(admin, up):
    name = "127.0.0.1:5000/library/x:1"
    refused = await admin.delete(f"/admin/models/{name}")
    assert name in shape_of(refused)["message"]


@pytest.mark.usefixtures("pool")
async def test_a_model_in_use_is_deleted_by_force_only(admin, up, desk):
    up.route("DELETE /api/delete", json_response({}))
    desk.registry.get("a").load.take("tiny:latest")
    refused = await admin.delete("/admin/models/tiny:latest", params={"upstream": "a"})
    assert (refused.status_code, shape_of(refused)["code"]) == (409, "model_in_use")
    assert not up.calls("DELETE /api/delete")
    done = await admin.delete("/admin/models/tiny:latest", params={"upstream": "a", "force": "true"})
    assert done.status_code == 200
    assert up.calls("DELETE /api/delete")


@pytest.mark.usefixtures("pool")
async def test_a_pinned_model_stays(admin, up, desk):
    up.route("DELETE /api/delete", json_response({}))
    pinned = await admin.post("/admin/models/pin", json={"model": "tiny"})
    assert pinned.json() == {"model": "tiny:latest", "digest": None, "loaded": True}
    for refused in (
        await admin.delete("/admin/models/tiny:latest"),
        await admin.post("/admin/models/unload", json={"model": "tiny"}),
    ):
        assert (refused.status_code, shape_of(refused)["code"]) == (409, "model_pinned")
    unpinned = await admin.post("/admin/models/unpin", json={"model": "tiny"})
    assert unpinned.json() == pinned.json()
    assert (await of(admin))["pinned"] is None
    assert (await admin.delete("/admin/models/tiny:latest")).status_code == 200
    assert await actions(desk) == [(f"model.{each}", "tiny:latest") for each in ("delete", "unpin", "pin")]


@pytest.mark.usefixtures("pool")
async def test_a_pin_is_changed_by_what_is_given(admin):
    async def pin(**fields: Any) -> tuple[str | None, bool]:
        body = (await admin.post("/admin/models/pin", json={"model": "tiny", **fields})).json()
        return body["digest"], body["loaded"]

    assert await pin(digest=f"sha256:{OTHER}") == (OTHER, False)
    shown = await of(admin)
    assert shown["pinned"] == {"model": "tiny:latest", "digest": OTHER, "loaded": False}
    assert [place["changed"] for place in shown["places"]] == [True, True]
    assert await pin() == (OTHER, True)
    assert await pin(digest="current") == (DIGEST, True)
    assert [place["changed"] for place in (await of(admin))["places"]] == [False, True]
    assert await pin(loaded=False) == (DIGEST, False)
    assert await pin(digest=None, loaded=True) == (None, True)


@pytest.mark.usefixtures("pool")
async def test_what_nobody_uses_is_evicted(admin, up, desk):
    up.route("GET /api/ps", json_response({"models": []}))
    desk.house.clock.ms += 10_000
    body = {"after_seconds": 10, "dry_run": True}
    told = (await admin.post("/admin/models/evict", json=body)).json()
    assert told == {
        "how": "unload",
        "after_seconds": 10.0,
        "dry_run": True,
        "evicted": [],
    }  # it was first seen just now
    desk.house.clock.ms += 10_000
    told = (await admin.post("/admin/models/evict", json=body)).json()["evicted"]
    assert told == [{"model": "tiny:latest", "upstream": "a", "last_used_at": None, "error": None}]
    assert not up.calls("POST /api/generate")
    done = (await admin.post("/admin/models/evict", json={"after_seconds": 10})).json()["evicted"]
    assert done == told
    assert up.calls("POST /api/generate")[0].json["keep_alive"] == 0
    assert await actions(desk) == [("model.evict", "*")]


@pytest.mark.usefixtures("pool")
async def test_an_admin_is_needed(alice, up):
    for path in ("pull", "load", "unload", "pin", "unpin", "copy", "evict"):
        assert (await alice.post(f"/admin/models/{path}", json={"model": "tiny"})).status_code == 403
    assert (await alice.delete("/admin/models/tiny")).status_code == 403
    assert not up.calls("POST /api/generate")


@pytest.mark.usefixtures("pool")
async def test_nothing_is_done_that_cannot_be_recorded(admin, up, desk):
    desk.house.store.fail = "the disk is full"
    for path, body in (("load", {}), ("unload", {}), ("copy", {"to": "x"}), ("pin", {}), ("pull", {})):
        answer = await admin.post(f"/admin/models/{path}", json={"model": "tiny", **body})
        assert (answer.status_code, shape_of(answer)["code"]) == (503, "ledger_unavailable")
    assert (await admin.delete("/admin/models/tiny")).status_code == 503
    assert (await of(admin))["pinned"] is None
    assert desk.services.jobs.all() == []
    assert {request.target for request in up.requests} <= {"/api/tags", "/api/ps", "/v1/models"}
