"""Identities at providers, as admins link them."""

from __future__ import annotations

import pytest

from tests.control.desk import shape_of
from tests.services.open_id.scripted_provider import ISSUER, ScriptedProvider
from tollkeeper.services.open_id.open_id import OpenId


@pytest.fixture
async def desk(desk):
    house = desk.house
    open_id = OpenId([ScriptedProvider(house.clock).client()], house.accounts, house.identities, house.clock)
    object.__setattr__(desk.services, "open_id", open_id)
    return desk


async def test_linking_listing_and_removing(desk, admin):
    linked = await admin.post("/admin/users/Alice/identities", json={"provider": "corp", "subject": "a/b?c"})
    assert linked.status_code == 201
    body = linked.json()
    assert body == {
        "id": body["id"], "provider": "corp", "issuer": ISSUER, "subject": "a/b?c",
        "created_at": "2026-11-20T12:00:00.123Z",
    }  # fmt: skip
    assert (await admin.get("/admin/users/alice/identities")).json()["data"] == [body]
    assert (await admin.get("/admin/users/bob/identities")).json()["data"] == []
    taken = await admin.post("/admin/users/bob/identities", json={"provider": "corp", "subject": "a/b?c"})
    assert (taken.status_code, shape_of(taken)["param"]) == (409, "subject")
    removed = await admin.delete(f"/admin/users/alice/identities/{body['id']}")
    assert (removed.status_code, removed.json()) == (200, body)
    assert (await admin.delete(f"/admin/users/alice/identities/{body['id']}")).status_code == 404
    entries = [(entry.actor, entry.action) for entry in (await desk.house.audit())[:2]]
    assert entries == [("root", "user.unlink"), ("root", "user.link")]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"provider": "evil", "subject": "x"}, 404, "provider"),
        ({"provider": "corp"}, 422, "subject"),
        ({"provider": "corp", "subject": ""}, 422, "subject"),
        ({"provider": "corp", "subject": "x" * 513}, 422, "subject"),
        ({"provider": "corp", "subject": "a\nb"}, 422, "subject"),
        ({"provider": "corp", "subject": "a\u200bb"}, 422, "subject"),  # as it may be pasted: nobody would see it
        ({"provider": "corp", "subject": 7}, 422, "subject"),
        ({"provider": "corp", "subject": "x", "issuer": "https://evil.example"}, 422, "issuer"),
    ],
)
async def test_a_body_that_is_wrong(admin, body, status, param):
    answer = await admin.post("/admin/users/alice/identities", json=body)
    assert (answer.status_code, shape_of(answer)["param"]) == (status, param)


async def test_a_user_who_is_not_there(admin):
    assert (await admin.get("/admin/users/nobody/identities")).status_code == 404
