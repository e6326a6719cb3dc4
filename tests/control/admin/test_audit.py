"""The audit log: newest first, in pages."""

import pytest

from tests.control.desk import shape_of


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
