"""Upstreams by admins: what is shown, what is taken, what is refused."""

from __future__ import annotations

import json

import pytest
from msgspec import json as msgspec_json

from tests.control.desk import shape_of
from tollkeeper.rules.kinds import KINDS
from tollkeeper.rules.outcomes import Outcome
from tollkeeper.services.upstreams.config import Secret

EVERYTHING = {
    "weight": 3,
    "slots": 2,
    "model_slots": 1,
    "models": ["gpt-4o"],
    "priority": 1,
    "timeouts": {"connect": 2.5, "first_byte": None, "event": 10.0},
    "model_timeouts": {"gpt-4o": {"connect": None, "first_byte": 600.0, "event": None}},
    "paid": True,
    "open": True,
    "budget": {"cost_usd_per_day": "12.5", "cost_usd_per_month": None},
    "cost_source": "upstream",
    "spill_after": 1.5,
    "speaks": ["responses", "messages"],
    "cloud": True,
    "probe_every": 0.0,
    "state": "disabled",
}


async def add(admin, **fields):
    body = {"id": "azure", "kind": "openai-compatible", "base_url": "https://azure.example/openai/v1"} | fields
    return await admin.post("/admin/upstreams", json=body)


async def test_what_is_set_is_what_is_shown(admin):
    added = await add(admin, **EVERYTHING)
    assert added.status_code == 201
    shown = added.json()
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert (shown["id"], shown["kind"], shown["base_url"]) == (
        "azure",
        "openai-compatible",
        "https://azure.example/openai/v1",
    )
    assert (await admin.get("/admin/upstreams/azure")).json() == shown
    assert (await admin.get("/admin/upstreams")).json()["data"] == [shown]


@pytest.mark.parametrize(("kind", "slots", "paid"), [("ollama", 8, False), ("openai", 0, True)])
async def test_defaults_are_those_of_the_kind(admin, kind, slots, paid):
    added = (await admin.post("/admin/upstreams", json={"id": "a", "kind": kind})).json()
    assert added == {
        "id": "a",
        "kind": kind,
        "base_url": KINDS[kind].default_url,
        "weight": 1,
        "slots": slots,
        "model_slots": 0,
        "models": None,
        "priority": 0,
        "timeouts": {"connect": None, "first_byte": None, "event": None},
        "model_timeouts": {},
        "paid": paid,
        "open": False,
        "budget": {"cost_usd_per_day": None, "cost_usd_per_month": None},
        "cost_source": "price",
        "spill_after": None,
        "tls": {"ca_file": None},
        "headers": {},
        "has_secret": False,
        "speaks": [],
        "cloud": False,
        "probe_every": 2.0,
        "state": "active",
        "model_count": 0,
        "health": {
            "state": "down",
            "breaker": "closed",
            "in_flight": 0,
            "queued": 0,
            "latency_ms": None,
            "loaded_models": [],
            "error": "it has not been asked yet",
        },
    }


@pytest.mark.parametrize("paid", [True, False, None])
async def test_what_was_read_of_a_compatible_server_may_be_sent_back(admin, desk, paid):
    """Unless it says that it is paid, it needs no prices: that must not come of reading it."""
    shown = (await add(admin, paid=paid)).json()
    assert shown["paid"] is paid
    sent_back = {name: shown[name] for name in (*EVERYTHING, "base_url")}
    assert (await admin.patch("/admin/upstreams/azure", json=sent_back)).json() == shown
    assert desk.services.upstreams.get("azure").config.needs_price is (paid is True)


async def test_its_health_is_what_requests_made_of_it(admin, desk):
    await admin.post("/admin/upstreams", json={"id": "a", "kind": "ollama"})
    clock = desk.services.pool.line.clock
    upstream = desk.services.upstreams.get("a")
    health, upstream.fault = upstream.health, None
    upstream.load.loaded = frozenset({"tiny:latest", "big:70b"})

    async def shown():
        found = (await admin.get("/admin/upstreams/a")).json()["health"]
        return found["state"], found["breaker"], found["error"]

    for seconds in (0.1, 0.2):
        health.note_success("tiny:latest", clock(), seconds)
    found = (await admin.get("/admin/upstreams/a")).json()["health"]
    assert found == {
        "state": "up",
        "breaker": "closed",
        "in_flight": 0,
        "queued": 0,
        "latency_ms": 120.0,
        "loaded_models": ["big:70b", "tiny:latest"],
        "error": None,
    }
    health.note_failure(Outcome.OVERLOADED, "tiny:latest", clock(), "slow down", retry_after=60)
    assert await shown() == ("up", "closed", "slow down"), "only one of its models rests"
    health.note_failure(Outcome.UNAVAILABLE, "big:70b", clock(), "come again", retry_after=60)
    assert await shown() == ("down", "closed", "come again")
    health.clear()
    health.probed(clock(), "it answered 500")
    assert await shown() == ("down", "closed", "it answered 500")
    health.probed(clock(), None)
    health.note_failure(Outcome.UNREACHABLE, "tiny:latest", clock(), "refused")
    assert await shown() == ("up", "closed", None), "once is no reason to keep requests from it"
    for _ in range(4):
        health.note_failure(Outcome.UNREACHABLE, "tiny:latest", clock(), "refused")
    assert await shown() == ("down", "open", "refused")
    health.probed(clock(), None)  # ends the wait
    assert await shown() == ("probing", "half-open", "refused")
    trial = health.begin_trial("tiny:latest", clock())
    assert await shown() == ("probing", "half-open", "refused")
    health.note_success("tiny:latest", clock(), 0.1, trial)
    assert await shown() == ("up", "closed", None)
    await admin.patch("/admin/upstreams/a", json={"state": "draining"})
    assert (await shown())[::2] == ("down", "it is draining")


async def test_secrets_are_never_shown(admin, desk):
    secrets = {"secret": "sk-provider-0123456789", "headers": {"Api-Key": "header-0123456789"}}
    added = await add(admin, **secrets)
    assert (added.json()["has_secret"], added.json()["headers"]) == (True, {"api-key": None})
    changed = await admin.patch("/admin/upstreams/azure", json={"secret": "sk-another-0123456789"})
    listed = await admin.get("/admin/upstreams")
    audit = await admin.get("/admin/audit")
    removed = await admin.delete("/admin/upstreams/azure")
    for shown in (added.text, changed.text, listed.text, audit.text, removed.text, repr(desk.services.upstreams)):
        assert "0123456789" not in shown


async def test_a_change_merges_and_null_is_the_default(admin):
    await add(admin, **EVERYTHING, secret="s3cret")
    changed = (await admin.patch("/admin/upstreams/azure", json={"weight": 5, "slots": None, "models": None})).json()
    assert (changed["weight"], changed["slots"], changed["models"], changed["priority"]) == (5, 0, None, 1)
    assert changed["has_secret"] is True
    cleared = (await admin.patch("/admin/upstreams/azure", json=dict.fromkeys([*EVERYTHING, "secret"]))).json()
    assert (cleared["has_secret"], cleared["state"], cleared["budget"]["cost_usd_per_day"]) == (False, "active", None)


async def test_what_is_shown_can_be_sent_back_and_changes_nothing(admin, desk):
    await add(admin, **EVERYTHING, secret="s3cret", headers={"api-key": "k3y"})
    shown = (await admin.get("/admin/upstreams/azure")).json()
    before = desk.services.upstreams.get("azure").config
    sent = {name: shown[name] for name in (*EVERYTHING, "headers", "tls", "base_url", "kind")}
    assert (await admin.patch("/admin/upstreams/azure", json=sent)).json() == shown
    assert desk.services.upstreams.get("azure").config == before


async def test_money_is_exact(admin, desk):
    body = b'{"id":"a","kind":"openai","budget":{"cost_usd_per_day":0.000000000001,"cost_usd_per_month":"100.1"}}'
    added = await admin.post("/admin/upstreams", content=body)
    assert added.json()["budget"] == {"cost_usd_per_day": "0.000000000001", "cost_usd_per_month": "100.1"}
    config = desk.services.upstreams.get("a").config
    assert (config.budget_per_day, config.budget_per_month) == (1, 100_100_000_000_000)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"id": "a@b"}, "id"),
        ({"id": "-a"}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"kind": "gpt"}, "kind"),
        ({"kind": None}, "kind"),
        ({"base_url": None}, "base_url"),
        ({"base_url": "ftp://a"}, "base_url"),
        ({"base_url": "http://me:pass@a"}, "base_url"),
        ({"weight": 0}, "weight"),
        ({"slots": -1}, "slots"),
        ({"slots": "many"}, "slots"),
        ({"state": "asleep"}, "state"),
        ({"probe_every": -1}, "probe_every"),
        ({"probe_every": 0.05}, "probe_every"),
        ({"timeouts": {"connect": 0}}, "timeouts.connect"),
        ({"timeouts": {"total": 1}}, "timeouts.total"),
        ({"budget": {"cost_usd_per_day": -1}}, "budget.cost_usd_per_day"),
        ({"budget": {"cost_usd_per_day": True}}, "budget.cost_usd_per_day"),
        ({"secret": "two words"}, "secret"),
        ({"secret": "li\nne"}, "secret"),
        ({"headers": {"host": "x"}}, "headers.host"),
        ({"headers": {"api-key": "a\r\nb"}}, "headers.api-key"),
        ({"headers": {"api-key": None}}, "headers.api-key"),
        ({"headers": {"a b": "x"}}, "headers.a b"),
        ({"headers": {"A": "x", "a": "y"}}, "headers.a"),
        ({"secret": "s", "headers": {"Authorization": "Basic x"}}, "headers.authorization"),
        ({"kind": "anthropic", "secret": "s", "headers": {"x-api-key": "x"}}, "headers.x-api-key"),
        ({"tls": {"ca_file": "relative.pem"}}, "tls.ca_file"),
        ({"tls": {"ca_file": "/etc/hostname"}}, "tls.ca_file"),
        ({"tls": {"ca_file": "/no/such/file"}}, "tls.ca_file"),
        ({"speaks": ["latin"]}, "speaks.0"),
        ({"colour": "red"}, "colour"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
async def test_what_is_wrong_is_named_and_nothing_is_added(admin, fields, param):
    refused = await add(admin, **fields)
    assert refused.status_code == 422
    assert shape_of(refused)["param"] == param
    assert (await admin.get("/admin/upstreams")).json()["data"] == []


async def test_the_list_comes_in_pages(admin):
    for name in ("a", "b", "c"):
        await admin.post("/admin/upstreams", json={"id": name, "kind": "ollama"})
    every = [each["id"] for each in (await admin.get("/admin/upstreams")).json()["data"]]
    first = (await admin.get("/admin/upstreams?limit=2")).json()
    rest = (await admin.get(f"/admin/upstreams?after={first['next']}")).json()
    assert [[each["id"] for each in page["data"]] for page in (first, rest)] == [every[:2], every[2:]]
    assert rest["next"] is None
    refused = await admin.get("/admin/upstreams?after=nobody")
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "after")


@pytest.mark.parametrize("twin", ["azure", "AZURE"])
async def test_an_id_is_taken_once(admin, twin):
    await add(admin)
    refused = await add(admin, id=twin)
    assert refused.status_code == 409
    assert shape_of(refused)["param"] == "id"


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {}), ("DELETE", None)])
async def test_one_that_is_not_there(admin, method, body):
    found = await admin.request(method, "/admin/upstreams/none", json=body)
    assert found.status_code == 404
    assert shape_of(found)["code"] == "not_found"


async def test_a_removed_one_is_gone(admin, desk):
    await add(admin)
    assert (await admin.delete("/admin/upstreams/azure")).json()["id"] == "azure"
    assert (await admin.get("/admin/upstreams")).json()["data"] == []
    assert await desk.house.store.upstreams.load() == []


async def test_changes_are_audited(admin, desk):
    await add(admin, secret="s3cret", headers={"api-key": "k3y"})
    await admin.patch("/admin/upstreams/azure", json={"weight": 2, "secret": None})
    await admin.delete("/admin/upstreams/azure")
    entries = [entry for entry in await desk.house.audit() if entry.action.startswith("upstream.")]
    assert [(entry.action, entry.actor, entry.target) for entry in entries] == [
        ("upstream.delete", "root", "azure"),
        ("upstream.update", "root", "azure"),
        ("upstream.create", "root", "azure"),
    ]
    assert [msgspec_json.decode(entry.detail) for entry in entries[1:]] == [
        {"weight": 2, "secret": "cleared"},
        {
            "kind": "openai-compatible",
            "base_url": "https://azure.example/openai/v1",
            "secret": "set",
            "headers": ["api-key"],
        },
    ]


async def test_a_probe_saves_nothing(admin, desk):
    found = await admin.post("/admin/upstreams/probe", json={"kind": "openai", "secret": "s3cret"})
    assert found.json() == {"models": 3, "took_ms": 12.5, "error": None}
    assert desk.probed[0].base_url == KINDS["openai"].default_url
    assert (await admin.get("/admin/upstreams")).json()["data"] == []


async def test_a_probe_of_one_that_exists_takes_its_secret_to_its_origin_only(admin, desk):
    await add(admin, secret="s3cret")
    for address in ("https://azure.example/v2", "https://evil.example/v1"):
        await admin.post("/admin/upstreams/probe", json={"id": "azure", "base_url": address})
    assert [config.secret for config in desk.probed] == [Secret("s3cret"), None]


async def test_a_probe_needs_to_know_a_kind(admin):
    refused = await admin.post("/admin/upstreams/probe", json={"base_url": "http://localhost:1"})
    assert refused.status_code == 422
    assert shape_of(refused)["param"] == "kind"


async def test_only_admins(alice, anyone):
    for client, status in ((alice, 403), (anyone, 401)):
        assert (await client.get("/admin/upstreams")).status_code == status
        assert (await add(client)).status_code == status
        assert (await client.post("/admin/upstreams/probe", json={"kind": "openai"})).status_code == status
