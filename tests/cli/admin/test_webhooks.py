"""`tollkeeper webhooks …`, as an admin runs it."""

from __future__ import annotations

import json

from tests.cli.admin.conftest import Ask

URL = "https://hooks.invalid/x"


async def test_add_list_rotate_test_and_remove(admin: Ask) -> None:
    added = await admin("webhooks", "add", URL, "--event", "key.created", "--event", "key.revoked", "--json")
    assert (added.code, added.err) == (0, "")
    webhook = json.loads(added.out)
    assert webhook["events"] == ["key.created", "key.revoked"]
    listed = await admin("webhooks", "list")
    assert [line.split() for line in listed.lines] == [
        ["id", "status", "events", "url"],
        [webhook["id"], "active", "key.created,", "key.revoked", URL],
    ]
    assert webhook["secret"] not in (await admin("webhooks", "list", "--json")).out
    rotated = await admin("webhooks", "rotate", webhook["id"], "--grace", "60")
    assert rotated.code == 0
    first, secret = rotated.lines
    assert first == f"Rotated {webhook['id']}. Its secret, which is shown this once:"
    assert secret.startswith("whsec_")
    assert secret != webhook["secret"]
    tested = await admin("webhooks", "test", webhook["id"])
    assert (tested.code, tested.out) == (1, "")
    assert tested.err.startswith("tollkeeper: the test did not arrive: its address is refused")
    assert await admin("webhooks", "remove", webhook["id"]) == (0, f"Removed {webhook['id']}.\n", "")
    assert (await admin("webhooks", "list", "--json")).out == ""


async def test_what_the_gateway_refuses(admin: Ask) -> None:
    ended = await admin("webhooks", "add", "http://hooks.invalid/")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("tollkeeper: url: The URL of a webhook must begin with https://")
    ended = await admin("webhooks", "remove", "wh_0")
    assert ended == (1, "", "tollkeeper: webhook_id: There is no webhook 'wh_0'.\n")
