"""`tollkeeper teams …`"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import typer
from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.fields import fields_of
from tollkeeper.cli.admin.output import facts, print_json, text
from tollkeeper.cli.terminal import Column, print_facts, print_table, printable

PATH = "/admin/teams"
NOWHERE = "-"
"""The team of users who are in none."""
COLUMNS = (
    Column("team", folded=True),
    Column("name", shortened=True),
    Column("status"),
    Column("members", right=True),
    Column("requests", right=True),
    Column("tokens", right=True),
    Column("cost", right=True),
)
LIMIT_COLUMNS = (
    Column("limit", folded=True),
    Column("value", right=True),
    Column("used", right=True),
    Column("reserved", right=True),
    Column("remaining", right=True),
    Column("resets at"),
)
_FIGURES = ("used", "reserved", "remaining", "resets_at")


class _Page(Struct):
    data: list[Object]
    next: str | None


def list_all(url: str, key: str, *, as_json: bool) -> None:
    found = list(_all(AdminClient(url, key)))
    if as_json:
        print_json(*found)
    else:
        print_table(COLUMNS, map(_row, found))


def show(url: str, key: str, team_id: str, *, as_json: bool) -> None:
    team = AdminClient(url, key).get(_path(team_id), Object)
    if as_json:
        print_json(team)
        return
    limits, usage = team.pop("limits"), team.pop("usage")
    print_facts(facts(team))
    if rows := list(_limits(limits, usage)):
        print()
        print_table(LIMIT_COLUMNS, rows)


def add(url: str, key: str, team_id: str, named: Mapping[str, object], limits: Sequence[str], *, as_json: bool) -> None:
    fields = fields_of(named, ())
    if limits:
        fields["limits"] = fields_of({}, limits)
    added = AdminClient(url, key).post(PATH, {"team_id": team_id} | fields, Object)
    _say(f"Added {team_id}.", added, as_json=as_json)


def change(
    url: str, key: str, team_id: str, named: Mapping[str, object], others: Sequence[str], *, as_json: bool
) -> None:
    fields = fields_of(named, others)
    if not fields:
        raise typer.BadParameter("nothing to change is given")
    changed = AdminClient(url, key).patch(_path(team_id), fields, Object)
    _say(f"Changed {team_id}.", changed, as_json=as_json)


def move(url: str, key: str, user_id: str, team_id: str, *, team_admin: bool | None, as_json: bool) -> None:
    if not user_id:
        raise typer.BadParameter("must not be empty", param_hint="USER")
    wanted: dict[str, Any] = {"team": None if team_id == NOWHERE else team_id}
    if team_admin is not None:
        wanted["team_admin"] = team_admin
    moved = AdminClient(url, key).patch(f"/admin/users/{quote(user_id, safe='')}", wanted, Object)
    place = "in no team" if moved["team"] is None else f"in {moved['team']}"
    admin = ", and an admin of it" if moved["team_admin"] else ""
    _say(f"{moved['user_id']} is {place}{admin}.", moved, as_json=as_json)


def close(url: str, key: str, team_id: str, *, as_json: bool) -> None:
    closed = AdminClient(url, key).delete(_path(team_id), Object)
    _say(f"Closed {team_id}.", closed, as_json=as_json)


def limits(url: str, key: str, team_id: str, changes: Sequence[str], *, as_json: bool) -> None:
    client, path = AdminClient(url, key), f"{_path(team_id)}/limits"
    if changes:
        client.put(path, fields_of({}, changes), Object)
    found = client.get(path, Object)
    if as_json:
        print_json(found)
    else:
        usage = found.pop("usage")
        print_table(LIMIT_COLUMNS, _limits(found, usage))


def _all(client: AdminClient) -> Iterator[Object]:
    after: str | None = ""
    while after is not None:
        page = client.get(f"{PATH}?limit=1000" + (f"&after={quote(after, safe='')}" if after else ""), _Page)
        yield from page.data
        after = page.next


def _path(team_id: str) -> str:
    if not team_id:
        raise typer.BadParameter("must not be empty", param_hint="ID")  # the path would be that of all of them
    return f"{PATH}/{quote(team_id, safe='')}"


def _say(line: str, body: Object, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        print(printable(line))


def _row(team: Object) -> list[str]:
    month = team["month"]
    figures = (team["members"], month["requests"], month["total_tokens"], month["cost_usd"])
    return [team["team_id"], text(team["name"]), team["status"], *map(text, figures)]


def _limits(limits: Object, usage: Object, of_model: str = "") -> Iterator[list[str]]:
    """A row for each limit that is set, with what remains of it where it counts."""
    for name, value in limits.items():
        if name == "models":
            for model, counts in value.items():
                yield from _limits(counts, usage.get("models", {}).get(model, {}), f" for {model}")
        elif value is not None:
            status = usage.get(name, {})
            yield [name + of_model, text(value), *(text(status[each]) if status else "" for each in _FIGURES)]
