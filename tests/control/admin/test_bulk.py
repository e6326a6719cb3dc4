"""Changes to many users at once."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import record
from tollkeeper.rules.usage import Usage

PATH, UNDO = "/admin/users/bulk", "/admin/users/bulk/undo"
EVERYONE = {"user_ids": ["alice", "bob", "root", "nobody"]}


async def limits_of(admin, user_id):
    limits = (await admin.get(f"/admin/users/{user_id}/limits")).json()
    return {name: value for name, value in limits.items() if value not in (None, {})}


async def statuses(admin):
    return {user["user_id"]: user["status"] for user in (await admin.get("/admin/users")).json()["data"]}


def undoing(body):
    return {"changes": [{"before": group["before"], "users": group["users"]} for group in body["changes"]]}


async def test_many_are_suspended_but_not_whoever_asks(admin, desk):
    answer = (await admin.post(PATH, json={**EVERYONE, "change": {"status": "suspended"}})).json()
    [group] = answer["changes"]
    assert (group["before"], group["after"]) == (
        {"status": "active", "limits": None}, {"status": "suspended", "limits": None},
    )  # fmt: skip
    assert set(group["users"]) == {"alice", "bob"}
    assert answer["skipped"] == {"root": "own_account", "nobody": "not_found"}
    assert desk.house.ended == ["alice", "bob"], "their requests end"
    assert await statuses(admin) == {"alice": "suspended", "bob": "suspended", "root": "active"}


async def test_each_user_has_an_entry_of_their_own(admin):
    await admin.post(PATH, json={**EVERYONE, "change": {"limits": {"tokens_per_day": 5}}})
    entries = (await admin.get("/admin/audit", params={"action": "user.limits"})).json()["data"]
    assert {entry["target"] for entry in entries} == {"alice", "bob", "root"}
    assert all(entry["detail"] == {"limits": {"tokens_per_day": 5}, "bulk": True} for entry in entries)


async def test_a_preview_changes_nothing_and_says_the_same(admin):
    form = {**EVERYONE, "change": {"limits": {"tokens_per_day": 5}}}
    before = (await admin.get("/admin/audit")).json()
    preview = (await admin.post(PATH, json={**form, "dry_run": True})).json()
    assert (await admin.get("/admin/audit")).json() == before
    assert await limits_of(admin, "alice") == {}
    done = (await admin.post(PATH, json=form)).json()
    assert (preview.pop("dry_run"), done.pop("dry_run")) == (True, False)
    for body in (preview, done):
        [group] = body["changes"]
        group["users"] = sorted(group["users"])
    assert preview == done


async def test_limits_are_merged_and_a_template_replaces_them(admin):
    await admin.put("/admin/users/alice/limits", json={"requests_per_day": 9})
    await admin.post(PATH, json={"user_ids": ["Alice"], "change": {"limits": {"tokens_per_day": 5}}})
    assert await limits_of(admin, "alice") == {"requests_per_day": 9, "tokens_per_day": 5}
    await admin.post("/admin/limit-templates", json={"id": "students", "limits": {"cost_usd_per_month": "2.5"}})
    await admin.post(PATH, json={"user_ids": ["alice"], "change": {"limit_template": "Students"}})
    assert await limits_of(admin, "alice") == {"cost_usd_per_month": 2.5}
    [entry, *_] = (await admin.get("/admin/audit", params={"object": "alice"})).json()["data"]
    assert entry["detail"]["limit_template"] == "students"


async def test_undoing_gives_each_back_what_they_had(admin):
    await admin.put("/admin/users/alice/limits", json={"cost_usd_per_day": "0.123456789012", "allowed_models": []})
    await admin.patch("/admin/users/bob", json={"status": "suspended"})
    change = {"status": "suspended", "limits": {"cost_usd_per_day": 1, "tokens_per_day": 5, "allowed_models": None}}
    done = (await admin.post(PATH, json={"user_ids": ["alice", "bob"], "change": change})).json()
    assert len(done["changes"]) == 2
    undone = (await admin.post(UNDO, json=undoing(done))).json()
    assert (undone["changed"], undone["skipped"]) == (2, {})
    assert await statuses(admin) == {"alice": "active", "bob": "suspended", "root": "active"}
    assert await limits_of(admin, "bob") == {}
    text = (await admin.get("/admin/users/alice/limits")).text
    assert '"cost_usd_per_day":0.123456789012,' in text
    assert '"allowed_models":[]' in text
    assert '"tokens_per_day":null' in text


async def test_undoing_overwrites_nothing_that_was_changed_in_between(admin):
    done = (await admin.post(PATH, json={**EVERYONE, "change": {"limits": {"tokens_per_day": 5}}})).json()
    await admin.put("/admin/users/bob/limits", json={"tokens_per_day": 6})
    undone = (await admin.post(UNDO, json=undoing(done))).json()
    assert (undone["changed"], undone["skipped"]) == (2, {"bob": "changed_meanwhile"})
    assert await limits_of(admin, "bob") == {"tokens_per_day": 6}
    assert await limits_of(admin, "alice") == {}


async def test_a_filter_means_all_who_match_it_and_none_who_are_closed(admin, desk):
    await admin.post("/admin/users", json={"user_id": "alina"})
    await admin.delete("/admin/users/alina")
    form = {"filter": {"q": "al", "role": "user"}, "change": {"status": "suspended"}}
    answer = (await admin.post(PATH, json=form)).json()
    assert (answer["changed"], answer["skipped"]) == (1, {})
    assert (await statuses(admin))["alice"] == "suspended"


async def test_a_preview_says_who_would_be_over_a_limit_at_once(admin, desk):
    now, used = desk.house.clock.ms, Usage(prompt_tokens=10, completion_tokens=5)
    for number, (user_id, at) in enumerate([("alice", now), ("bob", now - 50 * 86_400_000)]):
        made = record(request_id=f"req_{number}", user_id=user_id, created_at=at, usage=used, cost_pico=10**12)
        await desk.house.store.ledger.settle(made)
    limits = {"tokens_per_day": 15, "cost_usd_per_month": 2, "requests_total": 1, "requests_per_minute": 0}
    form = {**EVERYONE, "change": {"limits": limits}, "dry_run": True}
    over = (await admin.post(PATH, json=form)).json()["over"]
    assert {user_id: sorted(names) for user_id, names in over.items()} == {
        "alice": ["requests_total", "tokens_per_day"], "bob": ["requests_total"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"change": {"status": "suspended"}}, "user_ids"),
        ({**EVERYONE, "filter": {}, "change": {"status": "suspended"}}, "user_ids"),
        ({**EVERYONE, "change": {}}, "change"),
        ({**EVERYONE, "change": {"status": "closed"}}, "change.status"),
        ({**EVERYONE, "change": {"limits": {"tokens": 5}}}, "change.limits.tokens"),
        ({**EVERYONE, "change": {"limit_template": "nobodys"}}, "limit_template"),
        ({**EVERYONE, "change": {"limit_template": "x", "limits": {}}}, "change.limit_template"),
        ({"filter": {"quarter": "x"}, "change": {"status": "active"}}, "filter.quarter"),
    ],
)
async def test_what_means_nothing_is_refused(admin, form, param):
    response = await admin.post(PATH, json=form)
    assert (response.status_code, shape_of(response)["param"]) == (422, param)


async def test_it_is_for_admins(alice):
    assert (await alice.post(PATH, json={**EVERYONE, "change": {"status": "suspended"}})).status_code == 403
    assert (await alice.post(UNDO, json={"changes": []})).status_code == 403
