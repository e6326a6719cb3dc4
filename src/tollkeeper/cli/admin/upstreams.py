"""`tollkeeper upstreams …`"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import typer
from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.fields import fields_of, read_secret
from tollkeeper.cli.admin.output import facts, print_json, text
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import Column, counted, print_facts, print_table, printable

PATH = "/admin/upstreams"
SECRET = frozenset({"secret", "headers"})
COLUMNS = (
    Column("id", folded=True),
    Column("kind"),
    Column("state"),
    Column("models", right=True),
    Column("running", right=True),
    Column("base_url", shortened=True),
)


class _List(Struct):
    data: list[Object]


class _Checked(Struct):
    models: int | None
    took_ms: float
    error: str | None


def list_all(url: str, key: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(f"{PATH}?limit=1000", _List).data
    if as_json:
        print_json(*found)
    else:
        print_table(COLUMNS, map(_row, found))


def show(url: str, key: str, upstream_id: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(_path(upstream_id), Object)
    if as_json:
        print_json(found)
    else:
        names = list(found.get("headers") or {})  # each with null: its value is not shown
        print_facts(facts(found | {"headers": names}))


def add(
    url: str,
    key: str,
    upstream_id: str,
    named: Mapping[str, object],
    secret_file: str | None,
    others: Sequence[str],
    *,
    as_json: bool,
) -> None:
    fields = _fields(named, secret_file, others)
    added = AdminClient(url, key).post(PATH, {"id": upstream_id} | fields, Object)
    _say(f"Added {upstream_id}.", added, as_json=as_json)


def change(
    url: str,
    key: str,
    upstream_id: str,
    named: Mapping[str, object],
    secret_file: str | None,
    others: Sequence[str],
    *,
    as_json: bool,
) -> None:
    fields = _fields(named, secret_file, others)
    if not fields:
        raise typer.BadParameter("nothing to change is given")
    changed = AdminClient(url, key).patch(_path(upstream_id), fields, Object)
    _say(f"Changed {upstream_id}.", changed, as_json=as_json)


def set_state(url: str, key: str, upstream_id: str, state: str, *, as_json: bool) -> None:
    changed = AdminClient(url, key).patch(_path(upstream_id), {"state": state}, Object)
    _say(f"{upstream_id} is {changed['state']}.", changed, as_json=as_json)


def remove(url: str, key: str, upstream_id: str, *, as_json: bool) -> None:
    removed = AdminClient(url, key).delete(_path(upstream_id), Object)
    _say(f"Removed {upstream_id}.", removed, as_json=as_json)


def check(url: str, key: str, upstream_id: str, *, as_json: bool) -> None:
    client = AdminClient(url, key)
    client.get(_path(upstream_id), Object)  # else the check would take an unknown id for that of one to add
    checked = client.post(f"{PATH}/probe", {"id": upstream_id}, _Checked)
    if as_json:
        print_json(checked)
    if checked.error is not None:
        raise Failure(printable(f"{upstream_id}: {checked.error}"))
    if not as_json:
        print(f"{upstream_id} lists {counted(checked.models or 0, 'model')} in {checked.took_ms:.0f} ms.")


def _fields(named: Mapping[str, object], secret_file: str | None, others: Sequence[str]) -> dict[str, Any]:
    fields = fields_of(named, others, secret=SECRET)
    if secret_file is not None:
        fields["secret"] = read_secret(secret_file)
    return fields


def _path(upstream_id: str) -> str:
    if not upstream_id:
        raise typer.BadParameter("must not be empty", param_hint="ID")  # the path would be that of all of them
    return f"{PATH}/{quote(upstream_id, safe='')}"


def _say(line: str, body: Object, *, as_json: bool) -> None:
    if as_json:
        print_json(body)
    else:
        print(line)


def _row(upstream: Object) -> list[str]:
    health, slots = upstream["health"], upstream["slots"]
    state = health["state"] if upstream["state"] == "active" else upstream["state"]
    running = f"{health['in_flight']} of {slots}" if slots else text(health["in_flight"])
    return [upstream["id"], upstream["kind"], state, text(upstream["model_count"]), running, upstream["base_url"]]
