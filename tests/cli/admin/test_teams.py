"""`tollkeeper teams …`, as an admin runs it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.admin.conftest import Ask
from tests.gateway.conftest import ADMIN, Gateway

ADD = ("teams", "add", "blue", "--name", "Blue", "--set", "tokens_per_day=1000", "--set", 'cost_usd_total="0.5"')


async def api(gateway: Gateway, path: str) -> Any:
    answer = await gateway.client.get(path, headers={"authorization": f"Bearer {ADMIN}"})
    assert answer.is_success, answer.text
    return answer.json()


async def test_add(admin: Ask, gateway: Gateway) -> None:
    assert await admin(*ADD) == (0, "Added blue.\n", "")
    found = await api(gateway, "/admin/teams/blue")
    assert (found["name"], found["limits"]["tokens_per_day"], found["limits"]["cost_usd_total"]) == ("Blue", 1000, 0.5)
    ended = await admin(*ADD)
    assert (ended.code, ended.out) == (1, "")
    assert "taken" in ended.err


async def test_list(admin: Ask) -> None:
    await admin(*ADD)
    await admin("teams", "add", "red")
    listed = await admin("teams", "list")
    assert [line.split() for line in listed.lines] == [
        ["team", "name", "status", "members", "requests", "tokens", "cost"],
        ["blue", "Blue", "active", "0", "0", "0", "0"],
        ["red", "-", "active", "0", "0", "0", "0"],
    ]
    as_json = await admin("teams", "list", "--json")
    assert [json.loads(line)["team_id"] for line in as_json.lines] == ["blue", "red"]


async def test_show(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    shown = [line.split() for line in (await admin("teams", "show", "blue")).lines]
    assert ["team_id", "blue"] in shown
    assert ["tokens_per_day", "1000", "0", "0", "1000", "-"] in shown
    assert ["cost_usd_total", "0.5", "0", "0", "0.5", "-"] in shown
    as_json = await admin("teams", "show", "blue", "--json")
    assert json.loads(as_json.out) == await api(gateway, "/admin/teams/blue")


async def test_set(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    ended = await admin("teams", "set", "blue", "--tax-id", "XX-1", "--set", "name=null")
    assert ended == (0, "Changed blue.\n", "")
    found = await api(gateway, "/admin/teams/blue")
    assert (found["name"], found["tax_id"]) == (None, "XX-1")
    assert (await admin("teams", "set", "blue")).code == 2


async def test_move(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    assert (await admin("teams", "move", "alice", "blue")).out == "alice is in blue.\n"
    assert (await admin("teams", "move", "alice", "blue", "--admin")).out == "alice is in blue, and an admin of it.\n"
    assert (await api(gateway, "/admin/users/alice"))["team_admin"] is True
    assert (await admin("teams", "move", "alice", "blue", "--no-admin")).out == "alice is in blue.\n"
    assert (await admin("teams", "move", "alice", "-")).out == "alice is in no team.\n"
    assert (await api(gateway, "/admin/users/alice"))["team"] is None
    ended = await admin("teams", "move", "alice", "green")
    assert (ended.code, ended.out) == (1, "")
    assert "There is no team 'green'" in ended.err


async def test_close(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    await admin("teams", "move", "alice", "blue")
    ended = await admin("teams", "close", "blue")
    assert (ended.code, ended.out) == (1, "")
    assert "has members: 1" in ended.err
    await admin("teams", "move", "alice", "-")
    assert await admin("teams", "close", "blue") == (0, "Closed blue.\n", "")
    assert (await api(gateway, "/admin/teams/blue"))["status"] == "closed"


async def test_limits(admin: Ask, gateway: Gateway) -> None:
    await admin(*ADD)
    shown = await admin(
        "teams", "limits", "blue", "--set", "tokens_per_day=null", "--set", 'models={"tiny:1b": {"requests_total": 3}}'
    )
    assert [line.split() for line in shown.lines[1:]] == [
        ["cost_usd_total", "0.5", "0", "0", "0.5", "-"],
        ["requests_total", "for", "tiny:1b", "3", "0", "0", "3", "-"],
    ]
    as_json = await admin("teams", "limits", "blue", "--json")
    assert json.loads(as_json.out) == await api(gateway, "/admin/teams/blue/limits")


@pytest.mark.parametrize("command", ["show", "set", "close", "limits"])
async def test_a_team_that_does_not_exist(admin: Ask, command: str) -> None:
    ended = await admin("teams", command, "green", *(["--name", "x"] if command == "set" else []))
    assert (ended.code, ended.out, ended.err) == (1, "", "tollkeeper: team_id: There is no team 'green'.\n")
    assert (await admin("teams", command, "", *(["--name", "x"] if command == "set" else []))).code == 2
