"""`tollkeeper end-users …`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from tollkeeper.cli.admin.client import AdminClient
from tollkeeper.cli.admin.fields import fields_of
from tollkeeper.cli.admin.output import facts, print_json
from tollkeeper.cli.terminal import Column, print_facts, print_table, printable

PAGE = 1000
COLUMNS = (
    Column("id"),
    Column("person", shortened=True),
    Column("status"),
    Column("since"),
    Column("limits", folded=True),
)
Body = dict[str, Any]


def list_of_user(url: str, key: str, user_id: str, search: str | None, *, as_json: bool) -> None:
    found = _all(AdminClient(url, key), user_id, search)
    if as_json:
        print_json(*found)
    else:
        print_table(COLUMNS, map(_row, found))


def limits(url: str, key: str, end_user_id: str, changes: Sequence[str], *, as_json: bool) -> None:
    """Change the limits that are given, and show all that are set."""
    client, path = AdminClient(url, key), f"/admin/end-users/{quote(end_user_id, safe='')}/limits"
    change = fields_of({}, changes)
    if change:
        client.put(path, change, Body)
    body = client.get(path, Body)
    if as_json:
        print_json(body)
    else:
        print_facts(facts(_set(body)))


def block(url: str, key: str, end_user_id: str, *, blocked: bool, as_json: bool) -> None:
    status = "blocked" if blocked else "active"
    body = AdminClient(url, key).patch(_path(end_user_id), {"status": status}, Body)
    if as_json:
        print_json(body)
    else:
        print(printable(f"{end_user_id} is {body['status']}."))


def erase(url: str, key: str, end_user_id: str, *, as_json: bool) -> None:
    body = AdminClient(url, key).delete(_path(end_user_id), Body)
    if as_json:
        print_json(body)
    else:
        print(printable(f"Erased who {end_user_id} is. Its records stay."))


def _all(client: AdminClient, user_id: str, search: str | None) -> Iterator[Body]:
    after: str | None = None
    while True:
        wanted = {"limit": PAGE, "after": after, "q": search}
        query = urlencode({name: value for name, value in wanted.items() if value is not None})
        page = client.get(f"/admin/users/{quote(user_id, safe='')}/end-users?{query}", Body)
        yield from page["data"]
        after = page["next"]
        if after is None:
            return


def _path(end_user_id: str) -> str:
    return f"/admin/end-users/{quote(end_user_id, safe='')}"


def _row(end_user: Body) -> tuple[str, ...]:
    limited = ", ".join(f"{name} {value}" for name, value in facts(_set(end_user["limits"])))
    person = end_user["value"] if end_user["value"] is not None else "-"
    return end_user["id"], person, end_user["status"], end_user["created_at"], limited or "-"


def _set(body: Mapping[str, Any]) -> Body:
    """The fields that are not empty."""
    return {name: value for name, value in body.items() if value not in (None, {})}
