"""`tollkeeper webhooks …`"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

import typer
from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.output import print_json
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import Column, print_table, printable

PATH = "/admin/webhooks"
COLUMNS = (Column("id", folded=True), Column("status"), Column("events", folded=True), Column("url", shortened=True))


class _List(Struct):
    data: list[Object]


class _Tested(Struct):
    delivered: bool
    status: int | None
    error: str | None
    took_ms: int


def list_all(url: str, key: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).get(f"{PATH}?limit=1000", _List).data
    if as_json:
        print_json(*found)
    else:
        print_table(COLUMNS, ([each["id"], each["status"], _events(each), each["url"]] for each in found))


def add(url: str, key: str, target: str, events: Sequence[str], description: str | None, *, as_json: bool) -> None:
    body = {"url": target, "events": list(events) or None, "description": description}
    _print_secret("Added", AdminClient(url, key).post(PATH, body, Object), as_json=as_json)


def test(url: str, key: str, webhook_id: str, *, as_json: bool) -> None:
    found = AdminClient(url, key).post(f"{_path(webhook_id)}/test", None, _Tested)
    if as_json:
        print_json(found)
    if not found.delivered:
        raise Failure(printable(f"the test did not arrive: {found.error}"))
    if not as_json:
        print(f"The test arrived: {found.status}, in {found.took_ms} ms.")


def rotate(url: str, key: str, webhook_id: str, grace_seconds: int, *, as_json: bool) -> None:
    body = {"grace_seconds": grace_seconds}
    _print_secret("Rotated", AdminClient(url, key).post(f"{_path(webhook_id)}/rotate", body, Object), as_json=as_json)


def remove(url: str, key: str, webhook_id: str, *, as_json: bool) -> None:
    removed = AdminClient(url, key).delete(_path(webhook_id), Object)
    if as_json:
        print_json(removed)
    else:
        print(f"Removed {webhook_id}.")


def _path(webhook_id: str) -> str:
    if not webhook_id:
        raise typer.BadParameter("must not be empty", param_hint="ID")  # the path would be that of all of them
    return f"{PATH}/{quote(webhook_id, safe='')}"


def _events(webhook: Object) -> str:
    return ", ".join(webhook["events"]) if webhook["events"] else "all"


def _print_secret(done: str, webhook: Object, *, as_json: bool) -> None:
    if as_json:
        print_json(webhook)
    else:
        print(f"{done} {webhook['id']}. Its secret, which is shown this once:\n{webhook['secret']}")
