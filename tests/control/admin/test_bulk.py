"""Changes to many users at once."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.services.in_memory import ROOT, record
from tollkeeper.control.admin import bulk as admin_bulk
from tollkeeper.rules.limits import COUNTED, MOST_MODELS
from tollkeeper.rules.usage import Usage
from tollkeeper.rules.windows import SLIDING
from tollkeeper.services.accounts.changes import bulk
from tollkeeper.store.errors import StoreConflict, StoreError
from tollkeeper.store.ports.counters import LimitStatus

PATH, UNDO = "/admin/users/bulk", "/admin/users/bulk/undo"
EVERYONE = {"user_ids": ["alice", "bob", "root", "nobody"]}


async def limits_of(admin, user_id):
    limits = (await admin.get(f"/admin/users/{user_id}/limits")).json()
    return {name: value for name, value in limits.items() if value not in (None, {})}


async def statuses(admin):
    return {user["user_id"]: user["status"] for user in (await admin.get("/admin/users")).json()["data"]}


async def crowd(desk, count=120):
    for number in range(count):
        await desk.house.accounts.create_user(f"user{number}", ROOT)
    return [f"user{number}" for number in range(count)]


def full_after(monkeypatch, desk, most, error):
    """The store takes so many transactions, and fails from then on."""
    save, taken = desk.house.store.accounts.save, 0

    async def saving(**what):
        nonlocal taken
        taken += 1
        if taken > most:
            raise error
        return await save(**what)

    monkeypatch.setattr(desk.house.store.accounts, "save", saving)


def suspended_at(desk):
    return {user.user_id for user in desk.house.accounts.users() if user.status == "suspended"}


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


@pytest.mark.parametrize("error", [StoreError("disk full"), StoreConflict("another writer won")])
async def test_where_saving_fails_midway_the_answer_says_who_was_changed_and_undoes_it(admin, desk, monkeypatch, error):
    form = {"user_ids": await crowd(desk), "change": {"status": "suspended"}}
    with monkeypatch.context() as failing:
        full_after(failing, desk, 1, error)
        response = await admin.post(PATH, json=form)
    done = response.json()
    assert (response.status_code, done["changed"]) == (200, 50)
    suspended = suspended_at(desk)
    assert {*done["changes"][0]["users"]} == suspended
    assert done["skipped"] == dict.fromkeys({*form["user_ids"]} - suspended, "not_saved")
    assert (await admin.post(UNDO, json=undoing(done))).json()["changed"] == 50
    assert not suspended_at(desk)


@pytest.mark.parametrize(
    ("error", "status"), [(StoreError("disk full"), 503), (StoreConflict("another writer won"), 409)]
)
async def test_where_nothing_can_be_saved_it_is_an_error_and_nobody_was_changed(
    admin, desk, monkeypatch, error, status
):
    form = {"user_ids": await crowd(desk), "change": {"status": "suspended"}}
    full_after(monkeypatch, desk, 0, error)
    assert (await admin.post(PATH, json=form)).status_code == status
    assert not suspended_at(desk)


async def test_what_a_preview_showed_is_changed_and_nobody_else(admin, desk):
    change = {"status": "suspended"}
    preview = (await admin.post(PATH, json={"filter": {"role": "user"}, "change": change, "dry_run": True})).json()
    await admin.patch("/admin/users/alice", json={"name": "Alice the second"})
    await admin.post("/admin/users", json={"user_id": "carl"})
    shown = {user_id: state for group in preview["changes"] for user_id, state in group["users"].items()}
    done = (await admin.post(PATH, json={"users": shown, "change": change})).json()
    assert (done["changed"], done["skipped"]) == (1, {"alice": "changed_meanwhile"})
    assert await statuses(admin) == {"alice": "active", "bob": "suspended", "carl": "active", "root": "active"}


async def test_undoing_reaches_nobody_who_got_the_id_of_somebody_erased(admin, desk):
    await admin.post("/admin/users", json={"user_id": "carl"})
    form = {"user_ids": ["carl"], "change": {"limits": {"tokens_per_day": 5}}}
    done = (await admin.post(PATH, json=form)).json()
    await admin.delete("/admin/users/carl", params={"erase": "true"})
    desk.house.clock.ms += 1
    await admin.post("/admin/users", json={"user_id": "carl"})
    await admin.put("/admin/users/carl/limits", json={"tokens_per_day": 7})
    undone = (await admin.post(UNDO, json=undoing(done))).json()
    assert (undone["changed"], undone["skipped"]) == (0, {"carl": "changed_meanwhile"})
    assert await limits_of(admin, "carl") == {"tokens_per_day": 7}


async def test_status_and_limits_are_an_entry_each(admin):
    change = {"status": "suspended", "limits": {"tokens_per_day": 5}}
    done = (await admin.post(PATH, json={"user_ids": ["alice"], "change": change})).json()
    await admin.post(UNDO, json=undoing(done))
    entries = (await admin.get("/admin/audit", params={"object": "alice"})).json()["data"]
    assert [(entry["action"], entry["detail"]) for entry in entries[:4]] == [
        ("user.limits", {"undo": True, "bulk": True}),
        ("user.update", {"status": "active", "undo": True, "bulk": True}),
        ("user.limits", {"limits": {"tokens_per_day": 5}, "bulk": True}),
        ("user.update", {"status": "suspended", "bulk": True}),
    ]


async def test_limits_that_many_have_are_presented_once(admin, desk, monkeypatch):
    presented = []

    def audited_limits(limits):
        presented.append(limits)
        return {"limits": {}}

    for module in (bulk, admin_bulk):
        monkeypatch.setattr(module, "audited_limits", audited_limits)
    users = await crowd(desk, 40)
    for user_id in users:
        await desk.house.accounts.set_limits(
            user_id, ROOT, {"tokens_per_day": 5, "models": {"tiny": {"tokens_per_day": 1}}}
        )
    done = (await admin.post(PATH, json={"user_ids": users, "change": {"limits": {"requests_per_day": 9}}})).json()
    [group] = done["changes"]
    assert (len(group["users"]), len(presented)) == (40, 3), "in the log, and before and after"


async def test_limits_of_more_figures_than_one_answer_holds_stay_as_they_are(admin, desk, monkeypatch):
    monkeypatch.setattr(bulk, "MOST_FIGURES", 2 * MOST_MODELS)
    users = await crowd(desk, 3)
    for number, user_id in enumerate(users):
        own = {f"model{place}": {"tokens_per_day": number} for place in range(MOST_MODELS)}
        await desk.house.accounts.set_limits(user_id, ROOT, {"models": own})
    form = {"user_ids": users, "change": {"limits": {"requests_per_day": 9}}}
    assert (await admin.post(PATH, json=form)).json()["skipped"] == dict.fromkeys(users[1:], "too_many_limits")
    again = (await admin.post(PATH, json=form)).json()
    assert (again["unchanged"], again["changed"]) == (1, 1), "the rest is taken when it is sent again"


async def test_limits_that_are_counted_are_over_when_their_counters_say_so(admin, desk):
    """Counters hold what requests in progress may use, and windows of a day begin at no full hour."""
    await admin.put("/admin/users/alice/limits", json={"tokens_per_day": 1000})
    desk.usage.table["tokens_per_day"] = LimitStatus("tokens_per_day", 1000, used=10, reserved=90, resets_at=None)
    for limit, dry_run, full in [(101, True, {}), (100, True, {"alice": ["tokens_per_day"]}), (101, False, {})]:
        form = {"user_ids": ["alice"], "change": {"limits": {"tokens_per_day": limit}}, "dry_run": dry_run}
        assert (await admin.post(PATH, json=form)).json()["over"] == full
    form = {"user_ids": ["bob"], "change": {"limits": {"tokens_per_day": 100}}}
    assert (await admin.post(PATH, json=form)).json()["over"] == {"bob": ["tokens_per_day"]}, "it is counted by then"


async def test_a_limit_that_is_not_counted_yet_looks_at_the_window_that_its_counter_will_have(admin, desk):
    desk.house.clock.ms += 50 * 60_000
    day = SLIDING[COUNTED["requests_per_day"].span]
    first = day.start(day.bucket(desk.house.clock.ms) - day.buckets)
    for user_id, at in [("alice", first), ("bob", first - 1)]:
        await desk.house.store.ledger.settle(record(request_id=f"req_{user_id}", user_id=user_id, created_at=at))
    form = {**EVERYONE, "change": {"limits": {"requests_per_day": 1}}, "dry_run": True}
    assert (await admin.post(PATH, json=form)).json()["over"] == {"alice": ["requests_per_day"]}


async def test_undoing_names_nobody_twice(admin):
    before = {"status": "active"}
    groups = [{"before": before, "users": {"alice": "1.0"}}, {"before": before, "users": {"Alice": "2.0"}}]
    response = await admin.post(UNDO, json={"changes": groups})
    assert (response.status_code, shape_of(response)["param"]) == (422, "changes.users")


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
        ({**EVERYONE, "users": {"alice": "1.0"}, "change": {"status": "suspended"}}, "user_ids"),
        ({"users": {"alice": "1.0", "Alice": "1.0"}, "change": {"status": "suspended"}}, "users"),
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
