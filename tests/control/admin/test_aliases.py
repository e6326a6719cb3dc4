"""Aliases, by admins."""

import pytest

from tests.control.desk import shape_of


async def test_all_are_replaced_at_once(admin):
    assert (await admin.get("/admin/aliases")).json() == {}
    response = await admin.put("/admin/aliases", json={"gpt-4o-mini": "tiny:latest", "x": "y"})
    assert (response.status_code, response.json()) == (200, {"gpt-4o-mini": "tiny:latest", "x": "y"})
    await admin.put("/admin/aliases", json={"x": ["z"], "best": ["gpt-4o", "tiny@default"]})
    assert (await admin.get("/admin/aliases")).json() == {"x": "z", "best": ["gpt-4o", "tiny@default"]}


@pytest.mark.parametrize(
    "body",
    [
        {"a b": "c"},
        {"a": ""},
        {"a": 1},
        {"a": "b" * 257},
        [],
        {"": "a"},
        {"a": []},
        {"a": ["b", ""]},
        {"a": ["b"] * 21},
    ],
)
async def test_names_that_no_request_could_ask_for(admin, body):
    response = await admin.put("/admin/aliases", json=body)
    assert response.status_code == 422
    shape_of(response)
    assert (await admin.get("/admin/aliases")).json() == {}


@pytest.mark.parametrize(
    ("models", "param", "message"),
    [
        ("b c", "best", "'best' is wrong: string should match pattern"),
        (["b", "c d"], "best.1", "'best.1' is wrong: string should match pattern"),
        (1, "best", "'best' must be a string."),
        ([], "best", "'best' must have at least 1 entries."),
    ],
)
async def test_what_is_wrong_is_named(admin, models, param, message):
    error = (await admin.put("/admin/aliases", json={"best": models})).json()["error"]
    assert error["param"] == param
    assert error["message"].startswith(message)


async def test_a_change_is_in_the_audit_log(admin):
    await admin.put("/admin/aliases", json={"x": "y"})
    [newest, *_] = (await admin.get("/admin/audit")).json()["data"]
    assert (newest["actor"], newest["address"]) == ("root", "192.0.2.7")
