"""What admins see of models and upstreams, and users of models, in front of a scripted upstream."""

from __future__ import annotations

from tests.gateway.conftest import ADMIN, TEST
from tollkeeper.services.prices import NewPrice
from tollkeeper.services.upstream.config import UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}


async def test_models_with_what_is_known_of_them(gateway):
    house = gateway.house
    await house.catalog.refresh()
    await house.prices.put([NewPrice("eye:*", 150_000, 600_000)], TEST)
    await house.catalog.replace({"gpt-4o": "Eye", "vision": "eye:latest", "lost": "none:1b"}, TEST)
    eye, tiny = (await gateway.client.get("/admin/models", headers=AS_ADMIN)).json()["data"]
    assert (eye["name"], eye["upstream"], eye["sees_images"]) == ("eye:latest", "default", None)
    assert eye["aliases"] == ["gpt-4o", "vision"]
    assert (eye["pricing"]["input_usd_per_mtok"], tiny["pricing"], tiny["aliases"]) == ("0.15", None, [])
    assert eye["modified_at"].startswith("2026-")
    await house.catalog.learn()
    shown = (await gateway.client.get("/admin/models", headers=AS_ADMIN)).json()["data"]
    assert [model["sees_images"] for model in shown] == [True, False]
    own = (await gateway.client.get("/v1/models")).json()["data"]
    assert [(model["id"], model["vision"]) for model in own] == [("eye:latest", True), ("tiny:latest", False)]
    assert (await gateway.client.get("/v1/models/tiny")).json()["vision"] is False


async def test_models_come_in_pages(gateway):
    await gateway.house.catalog.refresh()
    first = (await gateway.client.get("/admin/models?limit=1", headers=AS_ADMIN)).json()
    assert ([model["name"] for model in first["data"]], first["next"]) == (["eye:latest"], "eye:latest")
    rest = (await gateway.client.get(f"/admin/models?after={first['next']}", headers=AS_ADMIN)).json()
    assert ([model["name"] for model in rest["data"]], rest["has_more"]) == (["tiny:latest"], False)


async def test_facts_are_asked_for_once(gateway, up):
    await gateway.house.catalog.refresh()
    for _ in range(3):
        await gateway.house.catalog.learn()
    assert len(up.calls("POST /api/show")) == 2


async def test_upstreams_and_how_they_are(start, up):
    upstreams = [
        UpstreamConfig("default", "ollama", up.url),
        UpstreamConfig("gone", "openai-compatible", "http://ann:sesame@127.0.0.1:9/base"),
    ]
    async with start(upstreams=upstreams) as gateway:
        await gateway.house.catalog.refresh()
        answer = await gateway.client.get("/admin/upstreams", headers=AS_ADMIN)
        assert "sesame" not in answer.text
        default, gone = answer.json()["data"]
        assert default == {
            "id": "default",
            "kind": "ollama",
            "base_url": up.url,
            "models": 2,
            "health": {"state": "up", "in_flight": 0, "error": None},
        }
        assert (gone["base_url"], gone["models"]) == ("http://127.0.0.1:9/base", 0)
        assert gone["health"]["state"] == "down"
        assert gone["health"]["error"]
