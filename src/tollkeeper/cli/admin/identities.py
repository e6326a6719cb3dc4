"""`tollkeeper users identities`, `link`, `unlink`: who users are at OpenID providers."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tollkeeper.cli.admin.client import AdminClient
from tollkeeper.cli.admin.output import print_json
from tollkeeper.cli.terminal import Column, print_table, printable

COLUMNS = (Column("id"), Column("provider"), Column("issuer", folded=True), Column("subject", folded=True))
Identity = dict[str, Any]


def list_all(url: str, key: str, user_id: str, *, as_json: bool) -> None:
    listed: list[Identity] = AdminClient(url, key).get(_path(user_id), dict[str, Any])["data"]
    if as_json:
        print_json(*listed)
    else:
        rows = ((each["id"], each["provider"] or "–", each["issuer"], each["subject"]) for each in listed)
        print_table(COLUMNS, rows)


def link(url: str, key: str, user_id: str, provider: str, subject: str, *, as_json: bool) -> None:
    body = {"provider": provider, "subject": subject}
    linked = AdminClient(url, key).post(_path(user_id), body, Identity)
    if as_json:
        print_json(linked)
    else:
        print(printable(f"{subject} of {provider} signs in as {user_id}."))


def unlink(url: str, key: str, user_id: str, identity_id: str, *, as_json: bool) -> None:
    removed = AdminClient(url, key).delete(f"{_path(user_id)}/{quote(identity_id, safe='')}", Identity)
    if as_json:
        print_json(removed)
    else:
        print(printable(f"{removed['subject']} no longer signs in as {user_id}."))


def _path(user_id: str) -> str:
    return f"/admin/users/{quote(user_id, safe='')}/identities"
