"""The audit log: newest first, in pages."""

import pytest

from tests.control.desk import shape_of
from tollkeeper.rules.times import format_time
from tollkeeper.services.audit.actor import Actor


async def test_pages_hold_every_change_once_newest_first(admin):
    for number in range(5):
        await admin.put("/admin/aliases", json={"x": f"y{number}"})
    whole = (await admin.get("/admin/audit")).json()
    assert (whole["has_more"], whole["next"]) == (False, None)
    ids = [entry["id"] for entry in whole["data"]]
    assert ids == sorted(ids, reverse=True)
    found: list[object] = []
    after: dict[str, str] = {}
    while True:
        page = (await admin.get("/admin/audit", params={"limit": 3, **after})).json()
        found += page["data"]
        if not page["has_more"]:
            break
        after = {"after": page["next"]}
    assert found == whole["data"]


async def test_an_entry_tells_who_what_and_from_where(admin):
    [entry] = [one for one in (await admin.get("/admin/audit")).json()["data"] if one["target"] == "alice"]
    assert (entry["actor"], entry["action"], entry["address"]) == ("@bootstrap", "user.create", "127.0.0.1")
    assert isinstance(entry["detail"], dict)
    assert entry["at"].endswith("Z")


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "٣", "1" * 19])
async def test_a_cursor_of_another_list_is_refused(admin, after):
    response = await admin.get("/admin/audit", params={"after": after})
    assert (response.status_code, shape_of(response)["param"]) == (422, "after")


async def test_entries_are_filtered_by_actor_action_object_and_class(desk, admin):
    await admin.put("/admin/users/alice/limits", json={"tokens_per_day": 5})
    await admin.put("/admin/users/bob/limits", json={"tokens_per_day": 5})
    async with desk.client() as client:
        assert (await client.post("/auth/login", json={"username": "Alice", "password": "wrong"})).status_code == 401

    async def found(**params):
        body = (await admin.get("/admin/audit", params=params)).json()
        return [(entry["actor"], entry["action"], entry["target"]) for entry in body["data"]]

    limits, failed = ("root", "user.limits", "alice"), ("@unknown", "user.sign_in_failed", "alice")
    assert await found(object="ALICE", **{"class": "change"}) == [limits, ("@bootstrap", "user.create", "alice")]
    assert await found(action="user.limits", object="alice", actor="Root") == [limits]
    assert await found(**{"class": "sign_in"}) == [failed]
    assert (await found(object="alice"))[:2] == [failed, limits], "both, where no class is named"
    assert await found(actor="alice") == []


async def test_what_is_no_user_is_found_though_a_user_has_its_name_in_another_case(desk, admin):
    await desk.house.store.audit.add(Actor("root").entry(desk.house.clock.ms, "model.pin", "Alice"))
    entries = (await admin.get("/admin/audit", params={"object": "Alice"})).json()["data"]
    assert {(entry["action"], entry["target"]) for entry in entries} == {
        ("model.pin", "Alice"),
        ("user.create", "alice"),
    }


async def test_entries_are_filtered_by_period(desk, admin):
    before = await admin.get("/admin/audit")
    desk.house.clock.ms += 60_000
    at = (await admin.put("/admin/aliases", json={"x": "y"})) and desk.house.clock.ms
    since = {"from": format_time(at)}
    [entry] = (await admin.get("/admin/audit", params=since)).json()["data"]
    assert entry["action"] == "aliases.replace"
    assert (await admin.get("/admin/audit", params={"to": format_time(at)})).json()["data"] == before.json()["data"]


@pytest.mark.parametrize(
    ("query", "param"),
    [({"class": "login"}, "class"), ({"from": "x"}, "from"), ({"from": "2026-11-02", "to": "2026-11-01"}, "from")],
)
async def test_a_filter_that_means_nothing_is_refused(admin, query, param):
    response = await admin.get("/admin/audit", params=query)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)
