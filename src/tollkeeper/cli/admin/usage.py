"""`tollkeeper usage`."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from msgspec import Struct

from tollkeeper.cli.admin.client import AdminClient, Object
from tollkeeper.cli.admin.output import print_json, text
from tollkeeper.cli.terminal import Column, print_table

_FIGURES = {
    "requests": "requests",
    "input": "prompt_tokens",
    "output": "completion_tokens",
    "cost": "cost_usd",
    "errors": "errors",
    "refused": "refused",
}
"""The columns after the groups, and the fields in them."""
_TIMES = frozenset({"day", "hour"})


class _Summary(Struct):
    data: list[Object]
    has_more: bool
    total: Object


def show(
    url: str,
    key: str,
    by: str,
    order: str | None,
    limit: int,
    period: tuple[str | None, str | None],
    *,
    as_json: bool,
) -> None:
    groups = by.split(",")
    if order is None and not _TIMES & set(groups):
        order = "-cost_usd"
    asked = {"group_by": by, "order_by": order, "limit": limit, "from": period[0], "to": period[1]}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    found = AdminClient(url, key).get(f"/admin/usage/summary?{query}", _Summary)
    if as_json:
        print_json(*found.data)
        return
    columns = [*(Column(group, folded=True) for group in groups), *(Column(name, right=True) for name in _FIGURES)]
    total = ["total", *[""] * (len(groups) - 1), *_figures(found.total)]
    print_table(columns, [*(_row(groups, row) for row in found.data), total])
    if found.has_more:
        print(f"There are more groups than these {limit}; --limit shows up to 1000. The total is of all.")


def _row(groups: Sequence[str], row: Object) -> list[str]:
    return [*(text(row[_field(group, row)]) for group in groups), *_figures(row)]


def _field(group: str, row: Object) -> str:
    if group.startswith("tag:"):
        return "tag"
    return group if group in row else f"{group}_id"


def _figures(row: Object) -> list[str]:
    return [text(row[field]) for field in _FIGURES.values()]
