"""`tollkeeper end-users …`, as an admin runs it."""

from __future__ import annotations

import json

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import Gateway
from tollkeeper.cli.admin import end_users as module
from tollkeeper.store.ports.accounts import Acting


async def made(gateway: Gateway, *names: str) -> list[str]:
    """The ids of these end users of alice's."""
    people = gateway.context.accounts.end_users
    return [(await people.named("alice", name, Acting())).id for name in names]


async def test_they_are_listed_by_whom_they_are(admin: Ask, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    ids = await made(gateway, "mia\u202e", "noa", "ida")
    listed = await admin("end-users", "list", "alice")
    assert (listed.code, listed.err) == (0, "")
    assert {line.split()[0] for line in listed.lines[1:]} == {*ids}
    assert "mia\\u202e" in listed.out, "a name may be anything: it is printed as what it is"
    found = await admin("end-users", "list", "alice", "--search", "NO", "--json")
    assert [json.loads(line)["value"] for line in found.lines] == ["noa"]
    assert (await admin("end-users", "list", "bob", "--json")).out == ""
    nobody = await admin("end-users", "list", "nobody")
    assert (nobody.code, nobody.out) == (1, "")


async def test_limits_are_shown_and_changed(admin: Ask, gateway: Gateway) -> None:
    [mia] = await made(gateway, "mia")
    assert await admin("end-users", "limits", mia) == (0, "", "")
    changed = await admin("end-users", "limits", mia, "--set", "requests_total=3", "--set", "cost_usd_total=0.5")
    assert changed.code == 0
    assert [line.split() for line in changed.lines][:2] == [["requests_total", "3"], ["cost_usd_total", "0.5"]]
    assert ["usage.requests_total.remaining", "3"] in [line.split() for line in changed.lines]
    shown = await admin("end-users", "limits", mia, "--json")
    assert json.loads(shown.out)["requests_total"] == 3
    refused = await admin("end-users", "limits", mia, "--set", "queue_weight=3")
    assert refused.code == 1
    assert "queue_weight" in refused.err
    assert "requests_total" in (await admin("end-users", "list", "alice")).out


async def test_one_is_blocked_let_in_and_erased(admin: Ask, gateway: Gateway) -> None:
    [mia] = await made(gateway, "mia")
    assert await admin("end-users", "block", mia) == (0, f"{mia} is blocked.\n", "")
    assert await admin("end-users", "unblock", mia) == (0, f"{mia} is active.\n", "")
    assert json.loads((await admin("end-users", "block", mia, "--json")).out)["status"] == "blocked"
    assert await admin("end-users", "erase", mia) == (0, f"Erased who {mia} is. Its records stay.\n", "")
    assert json.loads((await admin("end-users", "erase", mia, "--json")).out)["value"] is None
    refused = await admin("end-users", "block", mia)
    assert (refused.code, refused.out) == (1, "")
    assert "mia" not in (await admin("end-users", "list", "alice")).out
