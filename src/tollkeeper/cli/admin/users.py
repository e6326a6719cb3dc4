"""`tollkeeper users …`"""

from __future__ import annotations

from urllib.parse import quote

import typer

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.output import print_json
from tollkeeper.cli.terminal import printable

PATH = "/admin/users"


def erase(url: str, key: str, user_id: str, *, yes: bool, as_json: bool) -> None:
    client = AdminClient(url, key)
    path = f"{PATH}/{quote(user_id, safe='')}"
    found = client.get(path, Object)  # a misspelt id is told before anything is asked
    if not yes:
        name = f" ({printable(found['name'])})" if found.get("name") else ""
        who = printable(found["user_id"]) + name
        typer.confirm(f"Forget {who} for good? Their keys stop working at once.", abort=True, err=True)
    erased = client.delete(f"{path}?erase=true", Object)
    if as_json:
        print_json(erased)
    else:
        print(f"Erased. The records of this person are those of {printable(erased['user_id'])} now.")
