"""`tollkeeper aliases …`: the API replaces the whole table, so a change here is made to what was read just before."""

from __future__ import annotations

from collections.abc import Sequence

from tollkeeper.cli.admin.client import AdminClient
from tollkeeper.cli.admin.output import print_json
from tollkeeper.cli.failure import Failure
from tollkeeper.cli.terminal import Column, print_table, printable
from tollkeeper.rules.names import alias_key

PATH = "/admin/aliases"
COLUMNS = (Column("alias", folded=True), Column("models", folded=True))
Table = dict[str, str | list[str]]


def list_all(url: str, key: str, *, as_json: bool) -> None:
    table = AdminClient(url, key).get(PATH, Table)
    if as_json:
        print_json(*({"alias": alias, "models": _listed(models)} for alias, models in table.items()))
    else:
        print_table(COLUMNS, ((alias, ", ".join(_listed(models))) for alias, models in table.items()))


def set_one(url: str, key: str, alias: str, models: Sequence[str], *, as_json: bool) -> None:
    client = AdminClient(url, key)
    table = client.get(PATH, Table)
    name = alias_key(alias)
    client.put(PATH, table | {name: list(models)}, Table)
    if as_json:
        print_json({"alias": name, "models": list(models)})
    else:
        print(printable(f"{name} is {', then '.join(models)}."))


def remove(url: str, key: str, alias: str, *, as_json: bool) -> None:
    client = AdminClient(url, key)
    table = client.get(PATH, Table)
    name = alias_key(alias)
    if name not in table:
        raise Failure(printable(f"there is no alias {name}"))
    models = table.pop(name)
    client.put(PATH, table, Table)
    if as_json:
        print_json({"alias": name, "models": _listed(models)})
    else:
        print(printable(f"Removed {name}."))


def _listed(models: str | list[str]) -> list[str]:
    return [models] if isinstance(models, str) else models
