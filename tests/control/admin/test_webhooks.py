"""Webhooks, by admins."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.control.desk import Desk, shape_of
from tollkeeper.store.ports.events import Delivery, Event

URL = "https://hooks.example/x"
EVENT = Event("evt_1", 1_795_176_000_000, "upstream.down", "{}")


async def made(admin, **fields):
    response = await admin.post("/admin/webhooks", json={"url": URL} | fields)
    assert response.status_code == 201
    return response.json()


async def test_a_webhook_is_made_with_a_secret_that_is_shown_once(admin):
    body = await made(admin, events=["key.created"], description="ours")
    secret = body.pop("secret")
    assert secret.startswith("whsec_")
    assert body == {
        "id": body["id"],
        "url": URL,
        "events": ["key.created"],
        "description": "ours",
        "status": "active",
        "created_at": "2026-11-20T12:00:00.123Z",
        "former_secret_until": None,
    }
    assert (await admin.get(f"/admin/webhooks/{body['id']}")).json() == body
    assert (await admin.get("/admin/webhooks")).json()["data"] == [body]
    assert secret not in (await admin.get("/admin/audit")).text


async def test_a_webhook_is_changed_field_by_field_and_removed(admin):
    body = await made(admin, events=["key.created"], description="ours")
    path = f"/admin/webhooks/{body['id']}"
    changed = (await admin.patch(path, json={"status": "paused", "events": None})).json()
    assert (changed["status"], changed["events"], changed["description"], changed["url"]) == (
        "paused",
        None,
        "ours",
        URL,
    )
    assert (await admin.patch(path, json={"description": None})).json()["description"] is None
    assert (await admin.delete(path)).json()["id"] == body["id"]
    assert (await admin.get("/admin/webhooks")).json()["data"] == []
    assert (await admin.get(path)).status_code == 404


async def test_a_rotation_shows_the_new_secret_and_how_long_the_former_is_valid(admin):
    body = await made(admin)
    path = f"/admin/webhooks/{body['id']}"
    rotated = (await admin.post(f"{path}/rotate", json={"grace_seconds": 60})).json()
    assert rotated["secret"] != body["secret"]
    assert rotated["former_secret_until"] == "2026-11-20T12:01:00.123Z"
    assert (await admin.post(f"{path}/rotate", json={"grace_seconds": 0})).json()["former_secret_until"] is None


async def test_a_test_says_what_came_of_it(admin):
    body = await made(admin)
    await admin.patch(f"/admin/webhooks/{body['id']}", json={"url": "https://nowhere.invalid/"})
    tried = (await admin.post(f"/admin/webhooks/{body['id']}/test")).json()
    assert (tried["delivered"], tried["status"]) == (False, None)
    assert tried["error"].startswith("its address is refused")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"url": "http://hooks.example/"}, "url"),
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "https://hooks.example/ x"}, "url"),
        ({"url": 5}, "url"),
        ({"url": "https://h.example/" + "x" * 2048}, "url"),
        ({"events": []}, "events"),
        ({"events": ["key.made"]}, "events.0"),
        ({"events": "key.created"}, "events"),
        ({"status": "dead"}, "status"),
        ({"description": ""}, "description"),
        ({"secret": "whsec_mine"}, "secret"),
    ],
)
async def test_what_is_wrong_is_named(admin, fields, param):
    response = await admin.post("/admin/webhooks", json={"url": URL} | fields)
    assert response.status_code == 422
    assert shape_of(response)["param"] == param
    body = await made(admin)
    response = await admin.patch(f"/admin/webhooks/{body['id']}", json=fields)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


@pytest.mark.parametrize("seconds", [-1, 604_801, "60", 1.5])
async def test_a_grace_time_has_bounds(admin, seconds):
    body = await made(admin)
    response = await admin.post(f"/admin/webhooks/{body['id']}/rotate", json={"grace_seconds": seconds})
    assert (response.status_code, shape_of(response)["param"]) == (422, "grace_seconds")


async def sent(desk: Desk, webhook_id: str) -> None:
    tries = json.dumps([{"at": EVENT.at, "status": 500, "error": "it answered 500", "took_ms": 12}])
    first = Delivery("dlv_1", EVENT.id, "webhook", webhook_id, EVENT.at, EVENT.at, "dead", 14, tries)
    store = desk.services.events
    await store.add([EVENT])
    others = [
        replace(first, id="dlv_2", status="delivered"),
        replace(first, id="dlv_3", channel="email", target="ops@example.com"),
        replace(first, id="dlv_4"),
    ]
    await store.plan(EVENT.id, [first, *others])


async def test_the_last_deliveries_are_shown_with_their_tries(admin, desk):
    body = await made(admin)
    await sent(desk, body["id"])
    path = f"/admin/webhooks/{body['id']}/deliveries"
    found = (await admin.get(path)).json()["data"]
    assert [each["id"] for each in found] == ["dlv_4", "dlv_2", "dlv_1"]
    assert found[-1] == {
        "id": "dlv_1",
        "channel": "webhook",
        "target": body["id"],
        "event_id": "evt_1",
        "event_type": "upstream.down",
        "event_at": "2026-11-20T12:00:00.000Z",
        "status": "dead",
        "try_count": 14,
        "next_try_at": None,
        "tries": [{"at": "2026-11-20T12:00:00.000Z", "status": 500, "error": "it answered 500", "took_ms": 12}],
    }
    page = (await admin.get(path, params={"limit": 2})).json()
    assert (page["has_more"], page["next"]) == (True, "dlv_2")
    assert [each["id"] for each in (await admin.get(path, params={"after": "dlv_2"})).json()["data"]] == ["dlv_1"]
    assert len((await admin.get(path, params={"status": "dead"})).json()["data"]) == 2


async def test_the_dead_are_listed_over_all_and_tried_again_one_or_all(admin, desk):
    body = await made(admin)
    await sent(desk, body["id"])
    dead = (await admin.get("/admin/deliveries", params={"status": "dead"})).json()["data"]
    assert [each["id"] for each in dead] == ["dlv_4", "dlv_3", "dlv_1"]
    mailed = (await admin.get("/admin/deliveries", params={"channel": "email"})).json()["data"]
    assert [each["target"] for each in mailed] == ["ops@example.com"]
    revived = await admin.post("/admin/deliveries/dlv_3/retry")
    assert (revived.status_code, revived.json()["status"]) == (200, "pending")
    assert (await admin.post("/admin/deliveries/dlv_2/retry")).status_code == 409
    assert (await admin.post("/admin/deliveries/dlv_9/retry")).status_code == 404
    assert (await admin.post(f"/admin/webhooks/{body['id']}/retry")).json() == {"retried": 2}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/webhooks"),
        ("POST", "/admin/webhooks"),
        ("GET", "/admin/webhooks/wh_1"),
        ("PATCH", "/admin/webhooks/wh_1"),
        ("DELETE", "/admin/webhooks/wh_1"),
        ("POST", "/admin/webhooks/wh_1/rotate"),
        ("POST", "/admin/webhooks/wh_1/test"),
        ("GET", "/admin/webhooks/wh_1/deliveries"),
        ("POST", "/admin/webhooks/wh_1/retry"),
        ("GET", "/admin/deliveries"),
        ("POST", "/admin/deliveries/dlv_1/retry"),
    ],
)
async def test_only_admins_manage_them_and_what_is_not_there_is_not_found(alice, admin, method, path):
    assert (await alice.request(method, path)).status_code == 403
    if "_1" in path and "deliveries/dlv" not in path:
        body = {"status": "paused"} if method == "PATCH" else {} if path.endswith("rotate") else None
        response = await admin.request(method, path, json=body)
        assert (response.status_code, shape_of(response)["code"]) == (404, "not_found")
