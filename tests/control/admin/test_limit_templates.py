"""Limit templates, and users who get copies of them."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tollkeeper.rules.limits import NO_LIMITS

PATH = "/admin/limit-templates"


@pytest.fixture
async def students(admin):
    made = await admin.post(PATH, json={"id": "students", "name": "Students", "limits": {"tokens_per_day": 5}})
    assert made.status_code == 201
    return made.json()


async def test_a_template_is_made_read_changed_and_deleted(admin, students):
    assert students == {
        "id": "students", "name": "Students", "created_at": "2026-11-20T12:00:00.123Z",
        "limits": NO_LIMITS.merged({"tokens_per_day": 5}).body(),
    }  # fmt: skip
    assert (await admin.get(f"{PATH}/Students")).json() == students
    changed = (await admin.patch(f"{PATH}/students", json={"name": None, "limits": {"requests_per_day": 7}})).json()
    assert (changed["name"], changed["limits"]["tokens_per_day"], changed["limits"]["requests_per_day"]) == (None, 5, 7)
    await admin.post(PATH, json={"id": "guests"})
    first = (await admin.get(PATH, params={"limit": 1})).json()
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (["guests"], True)
    assert (await admin.get(PATH, params={"after": first["next"]})).json()["data"] == [changed]
    assert (await admin.delete(f"{PATH}/students")).json() == changed
    assert (await admin.get(f"{PATH}/students")).status_code == 404


async def test_a_new_user_gets_a_copy_and_not_the_defaults(admin, students):
    await admin.put("/admin/limits/defaults", json={"requests_per_day": 9})
    form = {"user_id": "carol", "limit_template": "Students", "limits": {"requests_per_minute": 1}}
    assert (await admin.post("/admin/users", json=form)).status_code == 201
    await admin.patch(f"{PATH}/students", json={"limits": {"tokens_per_day": 6}})
    limits = (await admin.get("/admin/users/carol/limits")).json()
    given = {name: value for name, value in limits.items() if value not in (None, {})}
    assert given == {"tokens_per_day": 5, "requests_per_minute": 1}
    [entry] = (await admin.get("/admin/audit", params={"object": "carol"})).json()["data"]
    assert entry["detail"]["limit_template"] == "students"


@pytest.mark.parametrize(
    ("form", "status", "param"),
    [
        ({"id": "STUDENTS"}, 409, "id"),
        ({"id": "no spaces"}, 422, "id"),
        ({"id": "x", "limits": {"tokens": 1}}, 422, "limits.tokens"),
    ],
)
async def test_what_is_no_template_is_refused(admin, students, form, status, param):
    response = await admin.post(PATH, json=form)
    assert (response.status_code, shape_of(response)["param"]) == (status, param)


async def test_a_template_that_is_not_there_makes_no_user(admin):
    response = await admin.post("/admin/users", json={"user_id": "carol", "limit_template": "nobodys"})
    assert (response.status_code, shape_of(response)["param"]) == (422, "limit_template")
    assert (await admin.get("/admin/users/carol")).status_code == 404


async def test_templates_are_for_admins(alice, students):
    assert (await alice.get(PATH)).status_code == 403
