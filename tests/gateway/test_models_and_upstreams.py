"""What admins see of models and upstreams, and users of models, in front of a scripted upstream."""

from __future__ import annotations

import asyncio
import json

from tests.gateway.conftest import ADMIN, TEST
from tests.scripted import ScriptedUpstream, chat_answer, json_response
from tollkeeper.rules.kinds import OLLAMA, OPENAI_COMPATIBLE
from tollkeeper.services.models.prices import NewPrice
from tollkeeper.services.upstreams.config import UpstreamConfig

AS_ADMIN = {"authorization": f"Bearer {ADMIN}"}


async def test_models_with_what_is_known_of_them(gateway):
    context = gateway.context
    await context.catalog.refresh()
    await context.prices.put([NewPrice("eye:*", 150_000, 600_000)], TEST)
    await context.aliases.replace({"gpt-4o": ["Eye"], "vision": ["eye:latest"], "lost": ["none:1b"]}, TEST)
    eye, tiny = (await gateway.client.get("/admin/models", headers=AS_ADMIN)).json()["data"]
    assert (eye["name"], eye["upstream"], eye["sees_images"]) == ("eye:latest", "default", None)
    assert eye["aliases"] == ["gpt-4o", "vision"]
    assert (eye["pricing"]["input_usd_per_mtok"], tiny["pricing"], tiny["aliases"]) == ("0.15", None, [])
    assert eye["modified_at"].startswith("2026-")
    await context.facts.fetch_missing()
    shown = (await gateway.client.get("/admin/models", headers=AS_ADMIN)).json()["data"]
    assert [model["sees_images"] for model in shown] == [True, False]
    own = (await gateway.client.get("/v1/models")).json()["data"]
    assert [(model["id"], model["vision"]) for model in own] == [("eye:latest", True), ("tiny:latest", False)]
    assert (await gateway.client.get("/v1/models/tiny")).json()["vision"] is False


async def test_models_come_in_pages(gateway):
    await gateway.context.catalog.refresh()
    first = (await gateway.client.get("/admin/models?limit=1", headers=AS_ADMIN)).json()
    assert ([model["name"] for model in first["data"]], first["next"]) == (["eye:latest"], "eye:latest")
    rest = (await gateway.client.get(f"/admin/models?after={first['next']}", headers=AS_ADMIN)).json()
    assert ([model["name"] for model in rest["data"]], rest["has_more"]) == (["tiny:latest"], False)


async def test_facts_are_asked_for_once(gateway, up):
    await gateway.context.catalog.refresh()
    for _ in range(3):
        await gateway.context.facts.fetch_missing()
    assert len(up.calls("POST /api/show")) == 2


async def test_upstreams_and_how_they_are(start, up):
    upstreams = [
        UpstreamConfig("default", OLLAMA, up.url),
        UpstreamConfig("gone", OPENAI_COMPATIBLE, "http://ann:sesame@127.0.0.1:9/base", open=True),
    ]
    async with start(upstreams=upstreams) as gateway:
        await gateway.context.catalog.refresh()
        answer = await gateway.client.get("/admin/upstreams", headers=AS_ADMIN)
        assert "sesame" not in answer.text
        default, gone = answer.json()["data"]
        assert (default["id"], default["base_url"], default["model_count"]) == ("default", up.url, 2)
        assert (default["health"]["state"], default["health"]["error"]) == ("up", None)
        assert (gone["base_url"], gone["model_count"]) == ("http://127.0.0.1:9/base", 0)
        assert gone["health"]["state"] == "down"
        assert gone["health"]["error"]


async def test_upstreams_change_while_the_gateway_runs_and_are_there_after_a_start(start, up, tmp_path):
    up.always(json_response(chat_answer()))
    async with ScriptedUpstream({"big:latest": ("completion",)}) as second:
        second.always(json_response(chat_answer()))
        body = {"id": "second", "kind": "ollama", "base_url": second.url, "secret": "sk-second-0123456789"}
        async with start() as gateway:
            assert (await gateway.chat()).status_code == 200
            assert (await gateway.chat(model="big")).status_code == 404
            added = await gateway.client.post("/admin/upstreams", json=body, headers=AS_ADMIN)
            assert added.status_code == 201
            assert (await gateway.chat(model="big")).status_code == 200
            assert (await gateway.chat(model="tiny")).status_code == 200
            alice = gateway.client.headers["authorization"]
        for file in tmp_path.iterdir():
            if file.name.startswith("t.db"):
                assert b"0123456789" not in file.read_bytes()
        async with start(users=()) as gateway:
            gateway.client.headers["authorization"] = alice
            assert (await gateway.chat(model="big")).status_code == 200
            shown = (await gateway.client.get("/admin/upstreams", headers=AS_ADMIN)).json()["data"]
            assert [(upstream["id"], upstream["has_secret"]) for upstream in shown] == [
                ("default", False),
                ("second", True),
            ]
            assert (await gateway.client.delete("/admin/upstreams/second", headers=AS_ADMIN)).status_code == 200
            assert (await gateway.chat(model="big")).status_code == 404


async def test_a_drained_upstream_finishes_what_it_has_and_gets_nothing_new(start, up):
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(conn, _):
        arrived.set()
        await go.wait()
        await conn.send(json_response(chat_answer()))

    up.route("POST /v1/chat/completions", slow)
    async with start() as gateway:

        async def state():
            await gateway.upstreams.finish_drains()
            return (await gateway.client.get("/admin/upstreams/default", headers=AS_ADMIN)).json()["state"]

        running = asyncio.create_task(gateway.chat())
        await arrived.wait()
        drain = await gateway.client.patch("/admin/upstreams/default", json={"state": "draining"}, headers=AS_ADMIN)
        assert drain.json()["health"]["in_flight"] == 1
        assert await state() == "draining"
        assert (await gateway.chat()).status_code == 503
        go.set()
        assert (await running).status_code == 200
        await gateway.records()
        assert await state() == "disabled"
        assert json.loads((await gateway.chat()).content)["error"]["code"] == "upstream_unavailable"
